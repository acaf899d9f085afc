#include "cli/flags/input_flags.h"

#include <costeff/error.h>

#include <array>
#include <cstdint>

#include "base/names.h"
#include "cli/flags/flag_checks.h"
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
  app->add_option(
         "--input-format", f->format,
         "text (one text per line), tsv (GLUE's rules: quotes are ordinary characters), csv, "
         "jsonl (objects, one per line or in one array). Default: by the file's extension, "
         "else text; what begins like JSON is jsonl. gzip and zstd are unpacked")
      ->type_name("NAME")
      ->group(group);
  app->add_option(
         "--text-field,--text-column", f->text_field,
         "The text: a JSONL field (data.text: text inside data), or a TSV or CSV column by "
         "name or by number from 1. Default: text, sentence, text_a, sentence1, ..., "
         "whichever the file has")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--pair-field,--pair-column", f->pair_field, "Likewise the second text of a pair")
      ->type_name("NAME")
      ->group(group);
  app->add_option(
         "--id-field,--id-column", f->id_field,
         "Likewise the id, which is passed through. Default: id if the file has it, else rows are "
         "numbered from 1 across all files")
      ->type_name("NAME")
      ->group(group);
  app->add_option(
         "--task", f->task,
         "Columns as in the official files of this GLUE task: " + listed_names(tasks::task_table()))
      ->type_name("NAME")
      ->group(group);
  app->add_option("--separator", f->separator, "Plain text: what separates the two texts of a pair")
      ->type_name("TEXT")
      ->group(group);
  app->add_option(
         "--delimiter", f->delimiter,
         "TSV and CSV: the character between columns, such as ';', or tab. Default: tab in TSV, a "
         "comma in CSV")
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

void add_encode_flags(CLI::App* app, EncodeFlags* f) {
  const char* group = "Tokens";
  app->add_option(
         "--max-length", f->max_length,
         "Cut longer texts to N tokens, including special ones (default: as many as the model has "
         "positions, or the tokenizer's model_max_length if that is less)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  app->add_option("--truncation", f->truncation,
                  "Which text of a pair is cut: longest_first (default), only_first or only_second")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--pair-cut", f->pair_cut,
                  "How longest_first cuts two long texts: fast (default), or slow, like the Python "
                  "tokenizers used in the papers")
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
