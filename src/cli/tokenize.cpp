#include <costeff/tokenizer.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/flag_checks.h"
#include "cli/input_flags.h"
#include "cli/print.h"
#include "tasks/read/reader.h"
#include "tasks/write/output_file.h"
#include "tasks/write/token_writer.h"

namespace costeff::cli {
namespace {

struct TokenizeOptions {
  std::string model, format, output = "-";
  InputFlags input;
  EncodeFlags encode;
  bool no_output_header = false;
};

tasks::TokenFormat choose_format(const TokenizeOptions& o) {
  if (!o.format.empty()) return tasks::token_format_from_name(o.format);
  if (o.output.ends_with(".jsonl")) return tasks::TokenFormat::jsonl;
  if (o.output.ends_with(".tsv")) return tasks::TokenFormat::tsv;
  return tasks::TokenFormat::text;
}

int tokenize(const TokenizeOptions& o) {
  if (o.model.empty()) throw_usage("the name of the model directory is empty");
  check_not_swapped(o.model, o.input.files);
  const tasks::TokenFormat format = choose_format(o);
  const EncodeOptions encode = encode_options(o.encode);
  tasks::RowReader reader(input_files(o.input), input_options_that_say(o.input), &interrupted);
  const Tokenizer tokenizer(o.model);
  refuse_to_replace(o.output, o.input.files);
  tasks::OutputFile file(o.output, &interrupted);

  constexpr size_t kPiece = 64u << 10;
  std::string text;
  if (!o.no_output_header) tasks::append_token_header(format, &text);
  Example row;
  Tokens tokens;
  std::vector<std::string> names;
  for (;;) {
    // What is there is written before we wait for more.
    ReadStatus status = reader.next(row, false);
    if (status != ReadStatus::row || text.size() >= kPiece) {
      if (file.write(text) != tasks::WriteStatus::ok)
        return interrupted ? kInterrupted : kPipeClosed;
      text.clear();
    }
    if (status == ReadStatus::would_block) status = reader.next(row, true);
    if (status == ReadStatus::end) break;
    if (status == ReadStatus::would_block) continue;
    tokenizer.encode(row, encode, &tokens);
    names.clear();
    for (int32_t id : tokens.ids) names.push_back(tokenizer.token(id));
    tasks::append_token_row(row, tokens, names, format, &text);
  }
  if (interrupted) return kInterrupted;
  file.commit();
  return 0;
}

}  // namespace

void add_tokenize(CLI::App* app, std::function<int()>* run) {
  auto o = std::make_shared<TokenizeOptions>();
  CLI::App* sub =
      app->add_subcommand("tokenize", "Show what the model reads: tokens, ids, offsets");
  sub->footer(std::string("Examples:\n"
                          "  echo 'a charming film' | costeff tokenize MODEL -\n"
                          "  costeff tokenize MODEL dev.tsv --task mrpc --format jsonl\n\n") +
              kExitCodes);
  sub->add_option("MODEL", o->model, "Directory with the tokenizer's files; weights are not needed")
      ->required();
  add_input_flags(sub, &o->input);
  add_encode_flags(sub, &o->encode);
  sub->get_option("--max-length")
      ->description("Cut longer texts to N tokens, special ones included (default: no limit)");
  sub->add_option(
         "--format", o->format,
         "text (tokens parted by blanks), tsv (id, tokens, ids, byte offsets), jsonl (also "
         "offsets in characters). Without it: by the extension of --output, else text")
      ->type_name("NAME")
      ->group("Output");
  sub->add_option("--output,-o", o->output, "Write here, all or nothing; - is standard output")
      ->type_name("FILE")
      ->group("Output");
  sub->add_flag("--no-output-header", o->no_output_header, "TSV: no line of column names")
      ->group("Output");
  sub->callback([=] { *run = [=] { return tokenize(*o); }; });
}

}  // namespace costeff::cli
