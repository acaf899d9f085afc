#pragma once

#include <costeff/engine.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tasks/lines/json_lexer.h"

namespace costeff::tasks {

// What an answer is compared with.
struct QaGold {
  std::vector<std::string> answers;  // texts, as the file has them
  bool impossible = false;           // SQuAD v2: there is no answer
};

// The questions of SQuAD v1.1 and v2 files, in order: data[].paragraphs[].qas[]. Unknown keys are
// skipped. Holds one paragraph, of at most kMaxLineBytes in the file. QaExample::id has the form of
// row_id.h; a question without an id gets its number, from 1 over all files.
class SquadReader {
 public:
  // Throws Error(input) for a file that is missing or a directory. Once *stop is true, waiting for
  // input ends, and so do the questions.
  explicit SquadReader(std::vector<InputFile> files, const std::atomic<bool>* stop = nullptr,
                       size_t chunk_bytes = 256u << 10);

  // Sets all members of `example`, and *gold if it is not null. Throws Error(input):
  // "dev.json: data[0].paragraphs[3].qas[1].question is a number, expected a string".
  ReadStatus next(QaExample& example, bool may_block, QaGold* gold = nullptr);

  // As RowReader's.
  void check_unchanged() const {
    if (json_) json_->check_unchanged();
  }

  // May be called from another thread than next().
  int64_t rows() const { return rows_.load(std::memory_order_relaxed); }

  // For progress; may be called from another thread than next(). -1: not all sizes are known.
  int64_t bytes_total() const { return bytes_total_; }
  int64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }

 private:
  struct Question {
    std::string id, question;
    bool has_question = false, has_id = false;
    QaGold gold;
  };
  enum class Level { document, data, article, paragraphs };

  bool step();
  void begin_file();
  void enter_data();
  void enter_paragraphs();
  void end_file();
  void read_paragraph();
  void read_questions(JsonToken first);
  void read_question();
  void read_answers(JsonToken first);
  std::string read_text(const char* key);

  std::string path() const;
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;
  void expect(JsonToken found, JsonToken expected, const std::string& key) const;

  std::vector<InputFile> files_;
  const std::atomic<bool>* stop_;
  size_t chunk_bytes_;
  size_t file_ = 0;  // the current file, or the next one
  std::unique_ptr<JsonLexer> json_;
  Level level_ = Level::document;
  bool seen_data_ = false, seen_paragraphs_ = false;
  int64_t article_ = -1, paragraph_ = -1, number_ = -1;  // indices in the file; -1: not in one
  int64_t paragraph_begin_ = 0;                          // byte

  std::string context_;
  std::vector<Question> questions_;  // of the current paragraph
  size_t given_ = 0;

  int64_t bytes_total_ = 0, bytes_before_ = 0;
  std::atomic<int64_t> rows_{0}, bytes_done_{0};
};

}  // namespace costeff::tasks
