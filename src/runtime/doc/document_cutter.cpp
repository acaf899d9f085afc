#include <algorithm>

#include "base/fail.h"
#include "runtime/doc/documents.h"
#include "runtime/encode_row.h"

namespace costeff::runtime {
namespace {

// A text that every tokenizer makes tokens of.
constexpr const char* kProbe = "a";

}  // namespace

DocumentCutter::DocumentCutter(const model::Model& m, const text::Tokenizer& tokenizer,
                               const EncodeOptions& encode, int64_t max_ids,
                               const DocumentOptions& options)
    : model_(m), tokenizer_(tokenizer), encode_(encode), max_ids_(max_ids), options_(options) {
  Example probe;
  probe.text_a = kProbe;
  single_ = frame_of(probe);
  if (options.join != WindowJoin::first &&
      encode.max_length - single_.head - single_.tail <= options.stride) {
    fail_usage("document stride {}, expected fewer than the {} tokens of text in a window of {}",
               options.stride, encode.max_length - single_.head - single_.tail, encode.max_length);
  }
}

// Encodes a probe in the place of the text that is cut: spans of a long text would take much memory.
DocumentCutter::Frame DocumentCutter::frame_of(const Example& row) const {
  text::Encoding e;
  Example probe;
  probe.text_a = row.text_b ? row.text_a : kProbe;
  if (row.text_b) probe.text_b = kProbe;
  probe.source = row.source;
  probe.line = row.line;
  encode_texts(tokenizer_, probe, {.offsets = true}, &e);
  const int8_t side = row.text_b ? 1 : 0;
  const auto first = std::find(e.sides.begin(), e.sides.end(), side);
  const auto last = std::find(e.sides.rbegin(), e.sides.rend(), side);
  return {first - e.sides.begin(), last - e.sides.rbegin()};
}

void DocumentCutter::cut(const Example& row, WindowedText* out) const {
  out->head = out->context = 0;
  out->windows = {};
  out->from_end = tokenizer_.truncates_left();
  EncodeOptions all = encode_;
  all.max_length = 0;
  encode_row(model_, tokenizer_, row, all, max_ids_, &out->whole);
  const auto tokens = static_cast<int64_t>(out->whole.ids.size());
  if (row.has_ids || tokens <= encode_.max_length) {
    out->windows.width = out->context = tokens;
    return;
  }
  const Frame frame = row.text_b ? frame_of(row) : single_;
  out->head = frame.head;
  out->context = tokens - frame.head - frame.tail;
  const int64_t width = encode_.max_length - frame.head - frame.tail;
  const bool one = options_.join == WindowJoin::first;
  if (width <= (one ? 0 : options_.stride)) {
    fail_input(
        "{}the first text leaves room for {} tokens of the second in a window of {}, expected more "
        "than the document stride, {}; a smaller one or a shorter first text helps",
        row_place(row), std::max<int64_t>(width, 0), encode_.max_length, options_.stride);
  }
  out->windows = cut_windows(out->context, width, one ? 0 : options_.stride);
  if (one) {
    out->windows.count = 1;
    out->whole.truncated = true;
  }
}

}  // namespace costeff::runtime
