#include <costeff/tokenizer.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/input_flags.h"
#include "cli/flags/model_name.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/read/reader.h"
#include "tasks/write/output_file.h"
#include "tasks/write/token_writer.h"

namespace costeff::cli {
namespace {

struct TokenizeFlags {
  std::string model, format, output = "-";
  InputFlags input;
  EncodeFlags encode;
  bool no_output_header = false;
};

tasks::TokenFormat choose_format(const TokenizeFlags& f) {
  if (!f.format.empty()) return tasks::token_format_from_name(f.format);
  if (f.output.ends_with(".jsonl")) return tasks::TokenFormat::jsonl;
  if (f.output.ends_with(".tsv")) return tasks::TokenFormat::tsv;
  return tasks::TokenFormat::text;
}

int tokenize(const TokenizeFlags& f) {
  if (f.model.empty()) throw_usage("the name of the model directory is empty");
  check_not_swapped(f.model, f.input.files);
  const tasks::TokenFormat format = choose_format(f);
  const EncodeOptions encode = encode_options(f.encode);
  tasks::RowReader reader(input_files(f.input), input_options_that_say(f.input), &interrupted);
  check_model_found(f.model);
  const Tokenizer tokenizer(f.model);
  refuse_to_replace(f.output, f.input.files);
  tasks::OutputFile file(f.output, &interrupted);

  constexpr size_t kPiece = 64u << 10;
  std::string text;
  if (!f.no_output_header) tasks::append_token_header(format, &text);
  Example row;
  Tokens tokens;
  std::vector<std::string> names;
  for (;;) {
    // Write what is there before waiting for more.
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
  auto f = std::make_shared<TokenizeFlags>();
  CLI::App* sub =
      app->add_subcommand("tokenize", "Show what the model reads: tokens, ids, offsets");
  sub->footer(std::string("Examples:\n"
                          "  echo 'a charming film' | costeff tokenize MODEL -\n"
                          "  costeff tokenize MODEL dev.tsv --task mrpc --format jsonl\n\n") +
              kExitCodes);
  sub->add_option("MODEL", f->model,
                  "Directory with the tokenizer's files (weights are not needed)")
      ->required();
  add_input_flags(sub, &f->input);
  add_encode_flags(sub, &f->encode);
  sub->get_option("--max-length")
      ->description("Cut longer texts to N tokens, including special ones (default: no limit)");
  sub->add_option(
         "--format", f->format,
         "text (tokens separated by blanks), tsv (id, tokens, ids, byte offsets), jsonl (also "
         "offsets in characters). Default: by the extension of --output, else text")
      ->type_name("NAME")
      ->group("Output");
  sub->add_option("--output,-o", f->output,
                  "Write here instead of standard output (-). The file appears when it is complete")
      ->type_name("FILE")
      ->group("Output");
  sub->add_flag("--no-output-header", f->no_output_header, "TSV: no line of column names")
      ->group("Output");
  sub->callback([=] { *run = [=] { return tokenize(*f); }; });
}

}  // namespace costeff::cli
