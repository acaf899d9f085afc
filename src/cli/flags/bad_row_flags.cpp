#include "cli/flags/bad_row_flags.h"

#include <costeff/error.h>

#include "base/fail.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"

namespace costeff::cli {

void add_bad_row_flags(CLI::App* app, const std::string& group, BadRowFlags* f) {
  app->add_option("--bad-rows", f->mode,
                  "What to do with a row that cannot be read or scored: fail (default) ends the "
                  "run there; skip leaves it out, and the number of such rows is given at the "
                  "end. Rows without an id keep the number they have in the input")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--bad-rows-file", f->file,
                  "With --bad-rows skip: write the skipped rows here, as JSONL with source, line, "
                  "reason and text")
      ->type_name("FILE")
      ->group(group);
}

void check_bad_row_flags(const BadRowFlags& f, const std::vector<std::string>& outputs,
                         const std::vector<std::string>& inputs) {
  if (f.mode != "fail" && f.mode != "skip") {
    fail_usage("--bad-rows \"{}\", expected fail or skip", printable(f.mode, 40));
  }
  if (f.file.empty()) return;
  if (!f.skip()) throw_usage("--bad-rows-file needs --bad-rows skip");
  refuse_to_replace(f.file, inputs);
  for (const std::string& output : outputs) {
    if (output.empty() || !same_place(f.file, output)) continue;
    fail_usage("--bad-rows-file {}: is where the results go, expected another file",
               printable(f.file, 200));
  }
}

}  // namespace costeff::cli
