#include "cli/run/bus_error.h"

#include <costeff/error.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "base/files/emergency.h"

namespace costeff::cli {

std::atomic<int64_t> rows_out{0};
static_assert(std::atomic<int64_t>::is_always_lock_free);  // a signal handler reads it

namespace {

struct sigaction bus_action_before {};

// Puts a line together; calls only what a signal handler may call.
struct SignalLine {
  std::array<char, 4096> text;
  size_t size = 0;

  void add(const char* s) {
    const size_t n = ::strnlen(s, text.size() - size);
    std::memcpy(text.data() + size, s, n);
    size += n;
  }
  void add(int64_t number) {
    std::array<char, 24> digits{};
    char* at = digits.data() + digits.size() - 1;
    do {
      *--at = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    add(at);
  }
};

void on_bus_error(int, siginfo_t* info, void*) {
  // A fault, not a signal that somebody sent: this thread then holds no lock.
  const bool fault = info->si_code > 0;
  if (fault) {
    const EmergencyLock lock;
    if (const char* file = mapped_file_at(info->si_addr)) {
      remove_temporaries();
      SignalLine line;
      // Otherwise a progress line would stay on the terminal.
      line.add(::isatty(STDERR_FILENO) ? "\r\x1b[K" : "");
      line.add("costeff: ");
      line.add(file);
      line.add(
          ": became shorter while it was in use, expected a file that stays as it is; start "
          "again, and replace such a file by renaming a new one over it");
      if (const int64_t rows = rows_out; rows > 0) {
        line.add(" (");
        line.add(rows);
        line.add(rows == 1 ? " row was written before)" : " rows were written before)");
      }
      line.add("\n");
      (void)!::write(STDERR_FILENO, line.text.data(), line.size);
      ::_exit(static_cast<int>(ErrorKind::model));
    }
  }
  ::sigaction(SIGBUS, &bus_action_before, nullptr);
  if (!fault) ::raise(SIGBUS);  // a fault is raised again by itself
}

}  // namespace

void catch_bus_errors() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &bus_action_before);
}

}  // namespace costeff::cli
