#include "tasks/lines/json_array.h"

#include <algorithm>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";
constexpr std::string_view kBlanks = " \t", kArraySpace = " \t\r\n";
// A key is never longer.
constexpr size_t kMaxHead = 64u << 10;

// Reads the beginning of a document. All give `unsure` if it ends too early.
struct Head {
  std::string_view rest;

  JsonStart skip(std::string_view set) {
    rest.remove_prefix(std::min(rest.find_first_not_of(set), rest.size()));
    return rest.empty() ? JsonStart::unsure : JsonStart::none;
  }
  // A string and one of the characters of `then` after it.
  bool string_then(std::string_view then, bool* ended) {
    size_t at = 1;
    while (at < rest.size() && rest[at] != '"' && rest[at] != '\n') at += rest[at] == '\\' ? 2 : 1;
    if (at < rest.size() && rest[at] == '\n') return false;
    rest.remove_prefix(std::min(at + 1, rest.size()));
    *ended = skip(kArraySpace) == JsonStart::unsure;
    return !*ended && then.find(rest.front()) != std::string_view::npos;
  }
};

}  // namespace

JsonStart json_start(std::string_view head, bool complete) {
  const JsonStart too_short =
      complete || head.size() >= kMaxHead ? JsonStart::none : JsonStart::unsure;
  if (head.size() < kMark.size() && kMark.starts_with(head)) return too_short;
  if (head.starts_with(kMark)) head.remove_prefix(kMark.size());
  Head h{head};
  // Newlines are not skipped: an empty line of text is a row.
  if (h.skip(kBlanks) == JsonStart::unsure) return too_short;
  const bool array = h.rest.front() == '[';
  bool ended = false;
  if (array) {
    h.rest.remove_prefix(1);
    if (h.skip(kArraySpace) == JsonStart::unsure) return too_short;
    if (h.rest.front() == '"') {
      if (h.string_then(",]", &ended)) return JsonStart::array;
      return ended ? too_short : JsonStart::none;
    }
  }
  if (h.rest.front() != '{') return JsonStart::none;
  h.rest.remove_prefix(1);
  if (h.skip(kArraySpace) == JsonStart::unsure) return too_short;
  if (h.rest.front() != '"') return JsonStart::none;
  if (h.string_then(":", &ended)) return array ? JsonStart::array : JsonStart::object;
  return ended ? too_short : JsonStart::none;
}

bool json_begins_with_bracket(std::string_view head) {
  if (head.starts_with(kMark)) head.remove_prefix(kMark.size());
  Head h{head};
  return h.skip(kArraySpace) == JsonStart::none && h.rest.front() == '[';
}

LineStatus JsonArrayRows::next(LineReader* lines, std::string_view* element, int64_t* line,
                               bool may_block) {
  for (;;) {
    while (!bytes_.empty()) {
      if (state_ == State::inside) {
        bytes_.remove_prefix(add_to_element(lines->name()));
        if (state_ == State::inside) continue;
        ++rows_;
        *element = element_;
        *line = first_line_;
        return LineStatus::line;
      }
      const char c = bytes_.front();
      if (step(c, lines->name())) bytes_.remove_prefix(1);
      line_ += c == '\n';
    }
    const LineStatus status = lines->next_bytes(&bytes_, may_block);
    if (status == LineStatus::end && !lines->stopped()) finish(lines->name());
    if (status != LineStatus::line) return status;
    if (state_ == State::start && bytes_.starts_with(kMark)) bytes_.remove_prefix(kMark.size());
  }
}

// Reads a character between elements. false: it begins an element, and is still to be read.
bool JsonArrayRows::step(char c, const std::string& name) {
  if (kArraySpace.find(c) != std::string_view::npos) return true;
  const auto expect = [&](const char* expected) {
    fail_input("{}:{}: not a JSON array of rows: found {}, expected {}", name, line_,
               printable({&c, 1}), expected);
  };
  switch (state_) {
    case State::start:
      if (c != '[') expect("[");
      state_ = State::first;
      return true;
    case State::first:
    case State::value:
      if (c == ']' && state_ == State::first) {
        state_ = State::done;
        return true;
      }
      begin_element(c, name);
      return false;
    case State::after:
      if (c != ',' && c != ']') expect(", or ]");
      state_ = c == ',' ? State::value : State::done;
      return true;
    default:
      expect("the end of the file after the array");
      return true;
  }
}

void JsonArrayRows::begin_element(char c, const std::string& name) {
  if (c != '{') {
    const char* what = c == '"'   ? "a string"
                       : c == '[' ? "an array"
                       : c == ']' ? "missing after a comma"
                                  : "no object";
    const char* cure = c == '"' ? "; jq -c '.[] | {text: .}' makes JSON Lines of it" : "";
    fail_input("{}:{}: element {} of the JSON array is {}, expected a JSON object{}", name, line_,
               rows_ + 1, what, cure);
  }
  state_ = State::inside;
  element_.clear();
  first_line_ = line_;
  depth_ = 0;
  in_string_ = escaped_ = false;
}

// Appends to the element what bytes_ has of it, and returns the number of its bytes.
size_t JsonArrayRows::add_to_element(const std::string& name) {
  size_t at = 0;
  while (at < bytes_.size() && state_ == State::inside) {
    const char c = bytes_[at++];
    line_ += c == '\n';
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      state_ = State::after;
    }
  }
  if (element_.size() + at > kMaxLineBytes) {
    fail_input("{}:{}: element {} of the JSON array is longer than {} MiB", name, first_line_,
               rows_ + 1, kMaxLineBytes >> 20);
  }
  element_.append(bytes_, 0, at);
  return at;
}

void JsonArrayRows::finish(const std::string& name) const {
  if (state_ == State::done) return;
  fail_input("{}:{}: the JSON array ends early, after {} {}, expected ]: the file is cut short",
             name, state_ == State::inside ? first_line_ : line_, rows_,
             rows_ == 1 ? "row" : "rows");
}

}  // namespace costeff::tasks
