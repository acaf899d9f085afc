#include "cli/input_flags.h"

#include <costeff/error.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "base/names.h"
#include "base/utf8.h"
#include "cli/flag_checks.h"
#include "tasks/judge/task_table.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<Truncation>, 3> kTruncations{
    {{"longest_first", Truncation::longest_first},
     {"only_first", Truncation::only_first},
     {"only_second", Truncation::only_second}}};

constexpr std::array<Name<PairCut>, 2> kPairCuts{
    {{"fast", PairCut::fast}, {"slow", PairCut::slow}}};

}  // namespace

void add_input_flags(CLI::App* app, InputFlags* f) {
  app->add_option("FILES", f->files, "Files to read, in this order; - is standard input")
      ->required();
  add_format_flags(app, f);
}

void add_format_flags(CLI::App* app, InputFlags* f) {
  const char* group = "Input";
  app->add_option("--input-format", f->format,
                  "text (a text a line), tsv (GLUE's rules: quotes are ordinary characters), csv, "
                  "jsonl (objects, a line each or in one array). Without it: by the file's "
                  "extension, else text; what begins as JSON is jsonl. gzip and zstd are unpacked")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--text-field,--text-column", f->text_field,
                  "The text: a JSONL field (data.text: inside of data), or a TSV or CSV column by "
                  "name or by number from 1. "
                  "Without it: text, sentence, text_a, sentence1, ... as the file has them")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--pair-field,--pair-column", f->pair_field,
                  "The same for the second text of a pair")
      ->type_name("NAME")
      ->group(group);
  app->add_option(
         "--id-field,--id-column", f->id_field,
         "The same for the id, which is passed through. Without it: id, if it is there, else rows "
         "are numbered from 1 over all files")
      ->type_name("NAME")
      ->group(group);
  app->add_option(
         "--task", f->task,
         "Columns as in the official files of this GLUE task: " + listed_names(tasks::task_table()))
      ->type_name("NAME")
      ->group(group);
  app->add_option("--separator", f->separator, "Plain text: parts the two texts of a pair")
      ->type_name("TEXT")
      ->group(group);
  app->add_option(
         "--delimiter", f->delimiter,
         "TSV and CSV: the character between columns, such as ';', or tab. Without it: tab "
         "in TSV, a comma in CSV")
      ->type_name("C")
      ->group(group);
  auto* header =
      app->add_flag("--header", f->header, "TSV and CSV: the first line names the columns")
          ->group(group);
  app->add_flag("--no-header", f->no_header, "TSV and CSV: the first line is a row")
      ->group(group)
      ->excludes(header);
}

std::vector<tasks::InputFile> input_files(const InputFlags& f) {
  std::vector<tasks::InputFile> files;
  for (const std::string& path : f.files) {
    if (path.empty()) throw_usage("the name of an input file is empty");
    files.push_back({path, std::nullopt});
  }
  return files;
}

tasks::InputOptions input_options(const InputFlags& f) {
  tasks::InputOptions o;
  o.format = tasks::input_format_from_name(f.format);
  o.text_field = f.text_field;
  o.pair_field = f.pair_field;
  if (!f.id_field.empty()) o.id_field = f.id_field;
  if (!f.separator.empty()) o.separator = f.separator;
  if (!f.delimiter.empty()) o.delimiter = tasks::delimiter_from_text(f.delimiter);
  if (!f.task.empty()) o.task = &tasks::find_task(f.task);
  o.header = f.header      ? tasks::Header::yes
             : f.no_header ? tasks::Header::no
                           : tasks::Header::automatic;
  return o;
}

tasks::InputOptions input_options_that_say(const InputFlags& f, bool quiet) {
  tasks::InputOptions o = input_options(f);
  if (quiet) return o;
  o.say = [](const std::string& text) {
    // Progress may stand in the line.
    const char* erase = ::isatty(STDERR_FILENO) == 1 ? "\r\x1b[K" : "";
    std::fprintf(stderr, "%scosteff: %s\n", erase, printable(text).c_str());
  };
  return o;
}

void add_encode_flags(CLI::App* app, EncodeFlags* f) {
  const char* group = "Tokens";
  app->add_option(
         "--max-length", f->max_length,
         "Cut longer texts to N tokens, special ones included (default: what the model's positions "
         "allow, or the tokenizer's model_max_length if that is less)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  app->add_option("--truncation", f->truncation,
                  "Which text of a pair is cut: longest_first (default), only_first or only_second")
      ->type_name("NAME")
      ->group(group);
  app->add_option(
         "--pair-cut", f->pair_cut,
         "How longest_first cuts two long texts: fast (default), or slow, as the Python tokenizers "
         "that the papers used")
      ->type_name("NAME")
      ->group(group);
}

EncodeOptions encode_options(const EncodeFlags& f) {
  EncodeOptions e;
  e.max_length = f.max_length;
  e.truncation = value_of_name(kTruncations, f.truncation, "truncation");
  e.pair_cut = value_of_name(kPairCuts, f.pair_cut, "pair cut");
  return e;
}

}  // namespace costeff::cli
