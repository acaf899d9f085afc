#pragma once

// Texts that are longer than the model, over a stream. Each window is a row of run_stream, which distributes
// windows over threads and batches, decides their exits one by one and keeps their order. Here windows are
// made, and their answers joined.

#include <costeff/engine.h>

#include <atomic>

#include "model/spec.h"
#include "runtime/stream.h"
#include "runtime/windows.h"
#include "text/tokenizer.h"

namespace costeff::runtime {

struct DocumentOptions {
  int64_t stride = 0;  // tokens that neighbouring windows share
  WindowJoin join = WindowJoin::mean;
  bool keep_windows = false;
};

// How the texts of an example become windows. One for each tokenizer: it knows how many special tokens go
// before and after a text.
class DocumentCutter {
 public:
  // model and tokenizer must outlive it. encode: max_length is that of a window.
  DocumentCutter(const model::Model& model, const text::Tokenizer& tokenizer,
                 const EncodeOptions& encode, int64_t max_ids, const DocumentOptions& options);

  // Tokenises a row and cuts it; a row with its own ids is one window. Throws Error(input) that names the row,
  // also if the first text of a pair leaves no room for the second, or no more than the stride.
  void cut(const Example& row, WindowedText* out) const;

 private:
  // Tokens around the text that is cut.
  struct Frame {
    int64_t head = 0, tail = 0;
  };
  Frame frame_of(const Example& row) const;

  const model::Model& model_;
  const text::Tokenizer& tokenizer_;
  const EncodeOptions encode_;
  const int64_t max_ids_;
  const DocumentOptions options_;
  Frame single_;
};

// Answers all rows. stream: as for run_stream; its encode and max_ids are those of a window. Throws as
// run_stream does.
RunStats run_documents(const LoadedModel& model, const text::Tokenizer& tokenizer,
                       const Source& source, const Sink& sink, const DocumentOptions& options,
                       const StreamOptions& stream, const std::atomic<bool>* stop);

}  // namespace costeff::runtime
