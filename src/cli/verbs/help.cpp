#include <costeff/error.h>

#include <memory>
#include <string>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/run/print.h"
#include "cli/usage_error.h"

namespace costeff::cli {
namespace {

// The help of the program. app.help() would give that of the chosen verb, which is help.
std::string program_help(const CLI::App& app) {
  return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
}

int print_help(const CLI::App& app, const std::string& verb) {
  if (verb.empty()) return print(program_help(app));
  for (const CLI::App* known : app.get_subcommands({})) {
    if (known->get_name() == verb) return print(known->help(app.get_name()));
  }
  fail_usage("{}; see costeff --help", unknown_verb_text(app, verb));
}

}  // namespace

void add_help(CLI::App* app, std::function<int()>* run) {
  auto verb = std::make_shared<std::string>();
  CLI::App* sub = app->add_subcommand("help", "Print the help of a verb, or of the program");
  sub->footer(std::string("Examples:\n"
                          "  costeff help\n"
                          "  costeff help infer\n\n") +
              kExitCodes);
  sub->add_option("VERB", *verb, "Same as costeff VERB --help; none: same as costeff --help");
  sub->callback([=] { *run = [=] { return print_help(*app, *verb); }; });
}

}  // namespace costeff::cli
