#include <memory>
#include <string>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/pages/man_page.h"
#include "cli/run/print.h"
#include "cli/usage_error.h"
#include "tasks/write/output_file.h"

namespace costeff::cli {
namespace {

struct ManFlags {
  std::string verb, directory;
};

int write_page(const std::string& path, const std::string& text) {
  tasks::OutputFile file(path, &interrupted);
  return write_output(&file, text);
}

int write_all_pages(const ProgramTable& table, const std::string& directory) {
  const std::string date = page_date();
  int code = write_page(join_path(directory, "costeff.1"), program_page(table, date));
  for (const VerbTable& verb : table.verbs) {
    if (code != 0) break;
    code = write_page(join_path(directory, "costeff-" + verb.name + ".1"),
                      verb_page(table, verb, date));
  }
  return code;
}

int man(const CLI::App& app, const ManFlags& f) {
  const ProgramTable table = flag_table(app);
  if (!f.directory.empty()) {
    if (!f.verb.empty()) throw_usage("--directory writes all pages, expected no VERB");
    return write_all_pages(table, f.directory);
  }
  if (f.verb.empty()) return print(program_page(table, page_date()));
  for (const VerbTable& verb : table.verbs) {
    if (verb.name == f.verb) return print(verb_page(table, verb, page_date()));
  }
  fail_usage("{}; see costeff --help", unknown_verb_text(app, f.verb));
}

}  // namespace

void add_man(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<ManFlags>();
  CLI::App* sub =
      app->add_subcommand("man", "Print the manual page of a verb, or of the program, as roff");
  sub->footer(
      std::string("Pages say what --help says. Where costeff is installed, man costeff-infer "
                  "shows them.\nTheir date is that of SOURCE_DATE_EPOCH, if it is set.\n\n"
                  "Examples:\n"
                  "  costeff man infer | man -l -\n"
                  "  costeff man --directory share/man/man1\n\n") +
      kExitCodes);
  sub->add_option("VERB", f->verb, "A verb; none: the program");
  sub->add_option("--directory,-d", f->directory,
                  "Write the pages of the program and of all verbs into this directory")
      ->type_name("DIR");
  sub->callback([=] { *run = [=] { return man(*app, *f); }; });
}

}  // namespace costeff::cli
