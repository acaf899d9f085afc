#pragma once

// Runs the program as a user does, and keeps what it prints.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace costeff::cli {

struct Command {
  std::vector<std::string> args;  // without the program's name
  std::string cwd{};              // empty: that of the test
  std::string stdout_path{};      // standard output goes to this file; empty: it is kept
  bool terminal = false;          // all three streams are a terminal of 80 x 24
  int64_t address_space_kb = 0;   // the most it may have; 0: no limit
  double timeout_s = 120;         // then it is killed; emulated: twenty times as long
};

struct Finished {
  int exit_code = -1;  // -1: ended by a signal, or killed after the timeout
  int signal = 0;
  bool timed_out = false;
  std::string out, err;  // a terminal's bytes are all in `out`
  double seconds = 0;
  int64_t peak_rss_kb = 0;
};

// A running program. The destructor kills it if it still runs.
class Process {
 public:
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void write(const std::string& bytes);  // to its standard input, whole
  void close_input();
  void close_output();  // nobody reads its standard output any more
  // Waits until stdout (stderr) so far contains `text`. Returns false if the program has ended or
  // time is up.
  bool wait_for_output(const std::string& text);
  bool wait_for_errors(const std::string& text);
  // Waits until it has filled the pipe of its standard output, which nobody reads.
  void wait_until_blocked();
  void send(int signal);

  // Closes the input (a terminal has no end: type Ctrl-D), reads to the end and waits.
  Finished finish();

 private:
  void start(const Command& command);
  bool pump(int wait_ms);  // false: both outputs are at their end
  bool wait_for(const std::string& text, const std::string& where);

  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  std::string out_text_, err_text_;
  double start_s_ = 0, end_s_ = 0;
  bool timed_out_ = false;
};

Finished run(const Command& command, const std::string& input = "");
Finished run(const std::vector<std::string>& args, const std::string& input = "");

// Why no terminal can be opened here (for example without /dev/pts); empty: one can.
std::string why_no_terminal();

#define COSTEFF_NEED_TERMINAL()                                \
  if (const std::string why = why_no_terminal(); !why.empty()) \
  GTEST_SKIP() << "no pseudo-terminal can be opened here: " << why

// The lines of a text, without their newlines.
std::vector<std::string> lines_of(const std::string& text);

}  // namespace costeff::cli
