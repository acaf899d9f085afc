#include "tasks/read/squad_reader.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/fail.h"
#include "base/format.h"
#include "tasks/lines/row_id.h"

namespace costeff::tasks {

SquadReader::SquadReader(std::vector<InputFile> files, const std::atomic<bool>* stop,
                         size_t chunk_bytes)
    : files_(std::move(files)), stop_(stop), chunk_bytes_(chunk_bytes) {
  if (std::count_if(files_.begin(), files_.end(), is_stdin) > 1) {
    throw_usage("standard input is named twice");
  }
  for (const InputFile& file : files_) {
    check_input(file);
    const int64_t size = input_bytes(file);
    bytes_total_ = size < 0 || bytes_total_ < 0 ? -1 : bytes_total_ + size;
  }
}

// "data[0].paragraphs[3].qas[1]": the part of it that the reader is in.
std::string SquadReader::path() const {
  std::string s;
  if (article_ >= 0) append_format(&s, "data[{}]", article_);
  if (paragraph_ >= 0) append_format(&s, ".paragraphs[{}]", paragraph_);
  if (number_ >= 0) append_format(&s, ".qas[{}]", number_);
  return s;
}

// key: "question", or "" for the value that path() names.
void SquadReader::fail(const std::string& key, const std::string& what) const {
  std::string at = path();
  if (!key.empty()) at += (at.empty() ? "" : ".") + key;
  fail_input("{}: {} {}", json_->name(), at.empty() ? "the document" : at, what);
}

void SquadReader::expect(JsonToken found, JsonToken expected, const std::string& key) const {
  if (found != expected) {
    fail(key, fmt::format("is {}, expected {}", json_token_text(found), json_token_text(expected)));
  }
}

std::string SquadReader::read_text(const char* key) {
  expect(json_->next(), JsonToken::string, key);
  return json_->text();
}

ReadStatus SquadReader::next(QaExample& example, bool may_block, QaGold* gold) {
  try {
    while (given_ == questions_.size()) {
      if (!json_) {
        if (file_ == files_.size()) return ReadStatus::end;
        begin_file();
      }
      // Only between paragraphs: once begun, one is read to its end.
      if (!may_block && !json_->ready()) return ReadStatus::would_block;
      if (!step()) end_file();
    }
  } catch (const InputStopped&) {
    return ReadStatus::end;
  }
  number_ = static_cast<int64_t>(given_);
  Question& q = questions_[given_++];
  example.context = context_;
  example.question = std::move(q.question);
  example.id = std::move(q.id);
  example.place = fmt::format("{}: {}", json_->name(), path());
  if (gold) *gold = std::move(q.gold);
  number_ = -1;
  const int64_t number = rows_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!q.has_id) set_number_id(number, &example.id);
  return ReadStatus::row;
}

void SquadReader::begin_file() {
  json_ = std::make_unique<JsonLexer>(files_[file_], stop_, chunk_bytes_);
  level_ = Level::document;
  seen_data_ = false;
  article_ = paragraph_ = number_ = -1;
}

void SquadReader::end_file() {
  bytes_before_ += json_->bytes_done();
  json_.reset();
  ++file_;
}

// Reads one key, article or paragraph further. false: the file has ended.
bool SquadReader::step() {
  questions_.clear();
  given_ = 0;
  JsonToken token = json_->next();
  bytes_done_.store(bytes_before_ + json_->bytes_done(), std::memory_order_relaxed);
  switch (level_) {
    case Level::document:
      if (token == JsonToken::end) return false;
      if (token == JsonToken::object_end) {
        if (!seen_data_) fail("", "has no key \"data\", expected SQuAD's list of articles there");
      } else if (token != JsonToken::key) {
        expect(token, JsonToken::object_begin, "");
      } else if (json_->text() == "data") {
        enter_data();
      } else {
        json_->skip(json_->next());
      }
      break;
    case Level::data:
      if (token == JsonToken::array_end) {
        level_ = Level::document;
        article_ = -1;
        break;
      }
      ++article_;
      expect(token, JsonToken::object_begin, "");
      level_ = Level::article;
      seen_paragraphs_ = false;
      break;
    case Level::article:
      if (token == JsonToken::object_end) {
        if (!seen_paragraphs_) fail("", "has no key \"paragraphs\"");
        level_ = Level::data;
      } else if (json_->text() == "paragraphs") {
        enter_paragraphs();
      } else {
        json_->skip(json_->next());
      }
      break;
    case Level::paragraphs:
      if (token == JsonToken::array_end) {
        level_ = Level::article;
        paragraph_ = -1;
        break;
      }
      ++paragraph_;
      expect(token, JsonToken::object_begin, "");
      read_paragraph();
      break;
  }
  return true;
}

void SquadReader::enter_data() {
  if (seen_data_) fail("data", "comes twice");
  seen_data_ = true;
  expect(json_->next(), JsonToken::array_begin, "data");
  level_ = Level::data;
}

void SquadReader::enter_paragraphs() {
  if (seen_paragraphs_) fail("paragraphs", "comes twice");
  seen_paragraphs_ = true;
  expect(json_->next(), JsonToken::array_begin, "paragraphs");
  level_ = Level::paragraphs;
}

void SquadReader::read_paragraph() {
  paragraph_begin_ = json_->byte();
  bool has_context = false, has_questions = false;
  for (JsonToken token = json_->next(); token != JsonToken::object_end; token = json_->next()) {
    if (json_->text() == "context") {
      if (has_context) fail("context", "comes twice");
      has_context = true;
      context_ = read_text("context");
    } else if (json_->text() == "qas") {
      if (has_questions) fail("qas", "comes twice");
      has_questions = true;
      read_questions(json_->next());
    } else {
      json_->skip(json_->next());
    }
  }
  if (!has_context) fail("", "has no key \"context\"");
  if (!has_questions) fail("", "has no key \"qas\"");
}

void SquadReader::read_questions(JsonToken first) {
  expect(first, JsonToken::array_begin, "qas");
  for (JsonToken token = json_->next(); token != JsonToken::array_end; token = json_->next()) {
    ++number_;
    expect(token, JsonToken::object_begin, "");
    read_question();
    if (json_->byte() - paragraph_begin_ > static_cast<int64_t>(kMaxLineBytes)) {
      fail("", fmt::format("lies beyond {} MiB of its paragraph", kMaxLineBytes >> 20));
    }
  }
  number_ = -1;
}

void SquadReader::read_question() {
  Question& q = questions_.emplace_back();
  bool has_answers = false, has_impossible = false;
  for (JsonToken token = json_->next(); token != JsonToken::object_end; token = json_->next()) {
    const std::string& key = json_->text();
    if (key == "question") {
      if (q.has_question) fail("question", "comes twice");
      q.has_question = true;
      q.question = read_text("question");
    } else if (key == "id") {
      if (q.has_id) fail("id", "comes twice");
      q.has_id = true;
      const JsonToken value = json_->next();
      if (value == JsonToken::number) {
        q.id = json_->text();
      } else {
        expect(value, JsonToken::string, "id");
        set_text_id(json_->text(), &q.id);
      }
    } else if (key == "answers") {
      if (has_answers) fail("answers", "comes twice");
      has_answers = true;
      read_answers(json_->next());
    } else if (key == "is_impossible") {
      if (has_impossible) fail("is_impossible", "comes twice");
      has_impossible = true;
      expect(json_->next(), JsonToken::boolean, "is_impossible");
      q.gold.impossible = json_->text() == "true";
    } else {
      json_->skip(json_->next());
    }
  }
  if (!q.has_question) fail("", "has no key \"question\"");
}

// null, which some test files have, means that there are none.
void SquadReader::read_answers(JsonToken first) {
  if (first == JsonToken::null) return;
  expect(first, JsonToken::array_begin, "answers");
  std::vector<std::string>& answers = questions_.back().gold.answers;
  for (JsonToken token = json_->next(); token != JsonToken::array_end; token = json_->next()) {
    const std::string at = fmt::format("answers[{}]", answers.size());
    expect(token, JsonToken::object_begin, at);
    std::optional<std::string> text;
    for (token = json_->next(); token != JsonToken::object_end; token = json_->next()) {
      if (json_->text() != "text") {
        json_->skip(json_->next());
        continue;
      }
      if (text) fail(at + ".text", "comes twice");
      text = read_text((at + ".text").c_str());
    }
    if (!text) fail(at, "has no key \"text\"");
    answers.push_back(std::move(*text));
    if (json_->byte() - paragraph_begin_ > static_cast<int64_t>(kMaxLineBytes)) {
      fail(at, fmt::format("lies beyond {} MiB of its paragraph", kMaxLineBytes >> 20));
    }
  }
}

}  // namespace costeff::tasks
