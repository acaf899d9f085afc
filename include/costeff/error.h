#pragma once

#include <stdexcept>
#include <string>

namespace costeff {

// What went wrong, from the user's side. The value is the exit code of the command line.
enum class ErrorKind : int {
  internal = 1,  // our own mistake, or the machine's (out of memory, ...)
  usage = 2,     // wrong flags or arguments
  input = 3,     // the data to score
  model = 4,     // the checkpoint directory
  output = 5,    // writing results
};

// The only exception that leaves the engine. what() is one line that names the place (file, tensor,
// line), what was found and what was expected:
//   "m/model.safetensors: tensor classifier.weight: shape [2, 15], expected [2, 16]"
// It may hold bytes of the input, so control characters are escaped when it is printed.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  ErrorKind kind() const noexcept { return kind_; }
  int exit_code() const noexcept { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

[[noreturn]] inline void throw_usage(const std::string& s) { throw Error(ErrorKind::usage, s); }
[[noreturn]] inline void throw_input(const std::string& s) { throw Error(ErrorKind::input, s); }
[[noreturn]] inline void throw_model(const std::string& s) { throw Error(ErrorKind::model, s); }
[[noreturn]] inline void throw_output(const std::string& s) { throw Error(ErrorKind::output, s); }

}  // namespace costeff
