#pragma once

// JSON where lines were expected: telling it from text, and the rows of an array of objects.

#include <cstdint>
#include <string>
#include <string_view>

#include "tasks/lines/line_reader.h"

namespace costeff::tasks {

// How an input begins. object: {"key": ...; array: [ and such an object, or a list of strings;
// unsure: more bytes are needed to tell.
enum class JsonStart { none, object, array, unsure };

// head: the first bytes of the input; complete: there are no more. Texts may begin with a bracket:
// only what goes on as JSON does counts.
JsonStart json_start(std::string_view head, bool complete);

// The same of a file that is JSON for certain: is it an array?
bool json_begins_with_bracket(std::string_view head);

// The elements of a JSON array, one after the other, from a file of any size. It looks at brackets,
// strings and commas alone: whether an element is valid is for its parser to say.
class JsonArrayRows {
 public:
  // Gives the text of the next element, an object, and the line of the file that it begins in, from
  // 1. Valid until the next call. Throws Error(input), "in.json:7: ...", for an element that is no
  // object or is larger than kMaxLineBytes, and for an array that is none.
  LineStatus next(LineReader* lines, std::string_view* element, int64_t* line, bool may_block);

 private:
  enum class State { start, first, value, inside, after, done };

  bool step(char c, const std::string& name);
  void begin_element(char c, const std::string& name);
  size_t take_inside(const std::string& name);
  void finish(const std::string& name) const;

  State state_ = State::start;
  std::string_view bytes_;  // of the chunk in hand, not looked at
  std::string element_;
  int64_t line_ = 1, first_line_ = 1, rows_ = 0;
  int64_t depth_ = 0;
  bool in_string_ = false, escaped_ = false;
};

}  // namespace costeff::tasks
