#include <costeff/convert.h>
#include <costeff/engine.h>

#include <memory>
#include <string>

#include "base/format.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/load_flags.h"
#include "cli/flags/model_name.h"
#include "cli/run/open.h"
#include "cli/run/print.h"

namespace costeff::cli {
namespace {

struct QuantizeFlags {
  std::string source, target, dtype;
  bool ignore_unused = false, quiet = false;
};

int quantize(const QuantizeFlags& f) {
  if (f.source.empty()) throw_usage("the name of the model directory is empty");
  if (f.target.empty()) throw_usage("the name of the new directory is empty");
  ConvertOptions o;
  o.ignore_unused = f.ignore_unused;
  o.quantise = parse_compute_type(f.dtype);
  if (*o.quantise == ComputeType::float32) {
    throw_usage("--dtype float32 quantises nothing, expected bfloat16 (bf16) or int8");
  }
  check_model_found(f.source);
  const auto report = convert_checkpoint(f.source, f.target, o, &interrupted);
  if (!report) return kInterrupted;
  say_model_warnings(report->warnings);
  if (f.quiet) return 0;
  std::string out =
      fmt::format("{}: {} in {}, {:.1f} MB\n", printable(f.target), report->dialect,
                  compute_type_name(*o.quantise), static_cast<double>(report->bytes) / 1e6);
  for (const std::string& note : report->notes) append_format(&out, "note: {}\n", printable(note));
  return print(out);
}

}  // namespace

void add_quantize(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<QuantizeFlags>();
  CLI::App* sub = app->add_subcommand(
      "quantize", "Write a checkpoint in bfloat16 or int8: smaller, and computed in that type");
  sub->footer(
      std::string(
          "The weights of the layers and the word embedding are rounded (those of poolers to "
          "bfloat16,\nalso with int8); classifiers, LayerNorm and biases keep their type. int8 is "
          "symmetric, with a\nscale for each row of a weight (NAME_scale beside NAME). Every verb "
          "reads the directory and\ncomputes in its type unless --dtype says otherwise."
          "\n\nExamples:\n"
          "  costeff quantize models/sst2-slender small --dtype int8\n"
          "  costeff diff models/sst2-slender small models/sample.txt\n\n") +
      kExitCodes);
  sub->add_option("MODEL", f->source, "Checkpoint directory")->required();
  sub->add_option("DST", f->target, "Directory to write: a new name, or an empty directory")
      ->required();
  sub->add_option("--dtype", f->dtype, "bfloat16 (bf16) or int8")->type_name("NAME")->required();
  add_ignore_unused(sub, sub->option_defaults()->get_group(), &f->ignore_unused);
  sub->add_flag("--quiet,-q", f->quiet, "Do not say what was written");
  sub->callback([=] { *run = [=] { return quantize(*f); }; });
}

}  // namespace costeff::cli
