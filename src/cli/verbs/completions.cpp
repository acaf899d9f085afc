#include "cli/pages/completions.h"

#include <costeff/engine.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/model_name.h"
#include "cli/run/print.h"
#include "tasks/write/output_file.h"

namespace costeff::cli {
namespace {

struct CompletionFlags {
  std::string what, output = "-";
};

std::string as_lines(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += word + "\n";
  return out;
}

std::string completion_text(const CLI::App& app, const std::string& what) {
  if (what == "bash") return bash_completion(flag_table(app));
  if (what == "zsh") return zsh_completion(flag_table(app));
  if (what == "fish") return fish_completion(flag_table(app));
  if (what == "models") return as_lines(installed_models());
  if (what == "kernels") return as_lines(available_isas());
  fail_usage("completions \"{}\", expected bash, zsh, fish, models or kernels",
             printable(what, 40));
}

int completions(const CLI::App& app, const CompletionFlags& f) {
  const std::string text = completion_text(app, f.what);
  tasks::OutputFile file(f.output, &interrupted);
  return write_output(&file, text);
}

}  // namespace

void add_completions(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<CompletionFlags>();
  CLI::App* sub =
      app->add_subcommand("completions", "Print a script that completes command lines in a shell");
  sub->footer(std::string("Packages install the scripts. Without one:\n"
                          "  bash: source <(costeff completions bash)\n"
                          "  zsh:  source <(costeff completions zsh)    # after compinit\n"
                          "  fish: costeff completions fish | source\n\n"
                          "models and kernels are what the scripts ask for: the names of installed "
                          "models,\nand what --isa takes on this CPU.\n\n"
                          "Examples:\n"
                          "  costeff completions bash > ~/.local/share/bash-completion/completions/"
                          "costeff\n\n") +
              kExitCodes);
  sub->add_option("WHAT", f->what, "bash, zsh or fish; or models or kernels")->required();
  sub->add_option("--output,-o", f->output,
                  "Write here instead of standard output (-). The file appears when it is complete")
      ->type_name("FILE");
  sub->callback([=] { *run = [=] { return completions(*app, *f); }; });
}

}  // namespace costeff::cli
