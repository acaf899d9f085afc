#include "cli/run/print.h"

#include <unistd.h>

#include <cstdio>

#include "base/utf8.h"

namespace costeff::cli {

std::atomic<bool> interrupted{false};

int print(std::string_view text) {
  tasks::OutputFile out("-");
  if (out.write(text) != tasks::WriteStatus::ok) return kPipeClosed;
  out.commit();
  return 0;
}

int write_output(tasks::OutputFile* output, const std::string& text) {
  const tasks::WriteStatus status = output->write(text);
  if (status == tasks::WriteStatus::closed) return kPipeClosed;
  if (status == tasks::WriteStatus::stopped) return kInterrupted;
  output->commit();
  return 0;
}

void say_text(std::string_view text) {
  // In one piece: other threads and processes write to the same stream.
  const std::string line = "costeff: " + printable(text) + "\n";
  std::fputs(line.c_str(), stderr);
}

std::string counted(int64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

void end_typed_line() {
  if (::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)) std::fputc('\n', stderr);
}

}  // namespace costeff::cli
