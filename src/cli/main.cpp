#include <costeff/engine.h>
#include <costeff/version.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/formatter.h"

namespace costeff::cli {

volatile bool interrupted = false;

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 success, 2 wrong usage, 3 wrong input data, 4 wrong model, 5 cannot write output,\n"
    "130 interrupted, 1 anything else.";

void on_signal(int number) {
  interrupted = true;
  // A second one ends the process at once.
  ::signal(number, SIG_DFL);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a read that waits for input returns.
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // A closed pipe is an error of write(2), not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
}

int complain(const std::string& text, int code) {
  std::fprintf(stderr, "costeff: %s\n", printable(text).c_str());
  return code;
}

std::string version_text() {
  std::string isas;
  for (const std::string& name : available_isas()) isas += (isas.empty() ? "" : ", ") + name;
  return std::string("costeff ") + kVersion + "\nkernels on this CPU, best first: " + isas;
}

int run(int argc, char** argv) {
  CLI::App app("costeff: inference for BERT-family text classifiers that know when to stop", "costeff");
  app.footer(kExitCodes);
  app.formatter(make_formatter());
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  app.get_formatter()->column_width(30);
  std::function<int()> command;
  add_infer(&app, &command);
  add_inspect(&app, &command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const CLI::App* at = &app;
    for (const CLI::App* sub : app.get_subcommands()) at = sub;
    const std::string verb = at == &app ? "costeff" : "costeff " + at->get_name();
    return complain(std::string(e.what()) + "; see " + verb + " --help", static_cast<int>(ErrorKind::usage));
  }
  return command();
}

}  // namespace
}  // namespace costeff::cli

int main(int argc, char** argv) {
  using costeff::cli::complain;
  costeff::cli::catch_signals();
  try {
    return costeff::cli::run(argc, argv);
  } catch (const costeff::Error& e) {
    return complain(e.what(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return complain("out of memory", 1);
  } catch (const std::exception& e) {
    return complain(std::string("internal error: ") + e.what(), 1);
  }
}
