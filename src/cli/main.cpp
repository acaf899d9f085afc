#include <costeff/engine.h>
#include <costeff/version.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include "base/files/emergency.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/model_name.h"
#include "cli/formatter.h"
#include "cli/run/bus_error.h"
#include "cli/run/command_line.h"
#include "cli/run/print.h"
#include "cli/usage_error.h"

namespace costeff::cli {

static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it
static_assert(std::atomic<int>::is_always_lock_free);

namespace {

std::atomic<int> signal_number{0};

void on_signal(int number) {
  signal_number = number;
  interrupted = true;
  // A second signal ends the process at once.
  ::signal(number, SIG_DFL);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    // Respect nohup.
    struct sigaction old {};
    if (number == SIGHUP && ::sigaction(number, nullptr, &old) == 0 && old.sa_handler == SIG_IGN)
      continue;
    // No SA_RESTART: a read that waits for input returns.
    ::sigaction(number, &action, nullptr);
  }
  // A closed pipe and a file that may not grow are errors of write(2), not the end of the process.
  for (int number : {SIGPIPE, SIGXFSZ}) ::signal(number, SIG_IGN);
}

// The number of a standard stream that the parent has closed must not go to the next file that is
// opened, or messages would end up in the results. It is occupied by a file opened the wrong way
// round, so that using the stream is still an error.
void occupy_standard_streams() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    (void)::open("/dev/null",
                 fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // gets the lowest free number
  }
}

// Keeps memory that a pass over a file frees for the next pass: the kernel would give it back one
// zeroed page at a time, which took a tenth of a short pass. Larger blocks hold weights until they
// are packed; they go back to the kernel, or peak memory would count them twice.
void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

int complain(const std::string& text, int code) {
  say_text(text);
  return code;
}

// Says what the exception is that is being handled in a catch. Returns the exit code.
int complain_of_exception() {
  try {
    throw;
  } catch (const Error& e) {
    return complain(e.what(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return complain("out of memory", 1);
  } catch (const std::exception& e) {
    return complain(std::string("internal error: ") + e.what(), 1);
  } catch (...) {
    return complain("internal error", 1);
  }
}

// Handles exceptions that nobody can catch, such as those of threads that compute a layer together.
void on_terminate() {
  if (!std::current_exception()) std::abort();
  const int code = complain_of_exception();
  const EmergencyLock lock;
  remove_temporaries();
  ::_exit(code);
}

std::string version_text() {
  std::string isas;
  for (const std::string& name : available_isas()) isas += (isas.empty() ? "" : ", ") + name;
  return std::string("costeff ") + kVersion + "\nkernels on this CPU, best first: " + isas;
}

constexpr const char* kModelNames =
    "MODEL is a checkpoint directory, or the name of an installed model: one in a directory that "
    "the\nvariable COSTEFF_MODELS lists (separated by colons), or in share/costeff/models beside "
    "the\nprogram's bin. A directory of that name comes first.\n\n";

int run(int argc, char** argv) {
  CLI::App app("costeff: inference for BERT-family text classifiers that know when to stop",
               "costeff");
  app.footer(std::string(kModelNames) + kExitCodes);
  app.formatter(make_formatter());
  app.set_help_flag("-h,--help", "Print this and exit");
  app.set_version_flag("--version", version_text,
                       "Print the version and the kernels of this CPU, and exit");
  app.require_subcommand(1);
  std::function<int()> command;
  add_infer(&app, &command);
  add_eval(&app, &command);
  add_sweep(&app, &command);
  add_tune(&app, &command);
  add_train(&app, &command);
  add_slenderize(&app, &command);
  add_inspect(&app, &command);
  add_convert(&app, &command);
  add_diff(&app, &command);
  add_tokenize(&app, &command);
  add_quantize(&app, &command);
  add_bench(&app, &command);
  add_help(&app, &command);
  add_man(&app, &command);
  add_completions(&app, &command);
  for (CLI::App* verb : app.get_subcommands({})) {
    verb->group("Verbs");
    verb->set_help_flag("-h,--help", "Print this and exit");
    finish_flags(verb);
    accept_model_names(verb);
  }
  if (argc < 2) {  // no result, so nothing on standard output, and no success
    std::fputs(app.help().c_str(), stderr);
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(app.help());
  } catch (const CLI::CallForVersion& e) {
    return print(std::string(e.what()) + "\n");
  } catch (const CLI::ParseError& e) {
    throw_usage(usage_error_text(app, e));
  }
  const int code = command();
  // As a shell reports a process that the signal has ended.
  return code == kInterrupted && signal_number != 0 ? 128 + signal_number : code;
}

}  // namespace
}  // namespace costeff::cli

int main(int argc, char** argv) {
  costeff::cli::occupy_standard_streams();
  costeff::cli::keep_command_line(argc, argv);
  costeff::cli::catch_signals();
  costeff::cli::catch_bus_errors();
  std::set_terminate(costeff::cli::on_terminate);
  costeff::cli::keep_freed_memory();
  try {
    return costeff::cli::run(argc, argv);
  } catch (...) {
    return costeff::cli::complain_of_exception();
  }
}
