#pragma once

// JSON where lines were expected: tells it from text, and reads the rows of an array of objects.

#include <cstdint>
#include <string>
#include <string_view>

#include "tasks/lines/line_reader.h"

namespace costeff::tasks {

// How an input begins. object: {"key": ...; array: [ and such an object, or a list of strings;
// unsure: more bytes are needed to decide.
enum class JsonStart { none, object, array, unsure };

// head: the first bytes of the input; complete: there are no more. A text may begin with a bracket
// too, so what follows it must look like JSON as well.
JsonStart json_start(std::string_view head, bool complete);

// For a file that is known to be JSON: is it an array?
bool json_begins_with_bracket(std::string_view head);

// Gives the elements of a JSON array one after the other, from a file of any size. It looks only at
// brackets, strings and commas: the parser of an element checks whether it is valid.
class JsonArrayRows {
 public:
  // Gives the text of the next element, an object, and the line of the file, from 1, in which it
  // begins. Valid until the next call. Throws Error(input), "in.json:7: ...", for an element that
  // is not an object or is larger than kMaxLineBytes, and for what is not an array.
  LineStatus next(LineReader* lines, std::string_view* element, int64_t* line, bool may_block);

 private:
  enum class State { start, first, value, inside, after, done };

  bool step(char c, const std::string& name);
  void begin_element(char c, const std::string& name);
  size_t add_to_element(const std::string& name);
  void finish(const std::string& name) const;

  State state_ = State::start;
  std::string_view bytes_;  // what is left of the current chunk
  std::string element_;
  int64_t line_ = 1, first_line_ = 1, rows_ = 0;
  int64_t depth_ = 0;
  bool in_string_ = false, escaped_ = false;
};

}  // namespace costeff::tasks
