#include <costeff/convert.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fail.h"
#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/load_flags.h"
#include "cli/flags/model_name.h"
#include "cli/run/open.h"
#include "cli/run/print.h"

namespace costeff::cli {
namespace {

struct ConvertFlags {
  std::string source, target, dtype, exits = "all", drop_layers;
  bool ignore_unused = false, quiet = false;
};

// "1,3,6": layers, counted from 1.
std::vector<int64_t> parse_layers(const std::string& text, const char* flag, const char* expected) {
  if (const auto layers = parse_int_list(text, 1, INT64_MAX)) return *layers;
  fail_usage("{}: \"{}\", expected {}", flag, printable(text, 60), expected);
}

std::string report_text(const ConvertFlags& f, const ConvertReport& r) {
  std::string exits, files;
  for (int64_t layer : r.exits) append_format(&exits, "{}{}", exits.empty() ? "" : ", ", layer);
  for (const std::string& name : r.files) files += (files.empty() ? "" : ", ") + name;
  std::string out =
      fmt::format("{}: {}, {} layers, exits at layer {}, {} tensors, {:.1f} MB\nfiles: {}\n",
                  printable(f.target), r.dialect, r.layers, exits, r.tensors,
                  static_cast<double>(r.bytes) / 1e6, files);
  for (const std::string& note : r.notes) append_format(&out, "note: {}\n", printable(note));
  return out;
}

int convert(const ConvertFlags& f) {
  if (f.source.empty()) throw_usage("the name of the model directory is empty");
  if (f.target.empty()) throw_usage("the name of the new directory is empty");
  ConvertOptions o;
  o.ignore_unused = f.ignore_unused;
  if (!f.dtype.empty()) o.dtype = parse_stored_type(f.dtype);
  if (f.exits != "all") o.exits = parse_layers(f.exits, "--exits", "all, or layers such as 1,3,6");
  if (!f.drop_layers.empty()) {
    o.drop_layers = parse_layers(f.drop_layers, "--drop-layers", "layers such as 5,6");
  }
  check_model_found(f.source);
  const auto report = convert_checkpoint(f.source, f.target, o, &interrupted);
  if (!report) return kInterrupted;
  say_model_warnings(report->warnings);
  return f.quiet ? 0 : print(report_text(f, *report));
}

}  // namespace

void add_convert(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<ConvertFlags>();
  CLI::App* sub = app->add_subcommand(
      "convert", "Write any checkpoint as a clean Hugging Face directory: safetensors, one naming");
  sub->footer(
      std::string(
          "The answers stay the same bit for bit, unless --dtype rounds the weights or "
          "--drop-layers\nchanges the model. CoFi's masks (zs.pt) are folded in. DST appears once "
          "it is complete,\nor not at all.\n\nExamples:\n"
          "  costeff convert old-model new-model\n"
          "  costeff convert MODEL half --dtype float16\n"
          "  costeff convert MODEL small --exits 3 --drop-layers 5,6\n\n") +
      kExitCodes);
  sub->add_option("SRC", f->source, "Checkpoint directory")->required();
  sub->add_option("DST", f->target, "Directory to write: a new name, or an empty directory")
      ->required();
  sub->add_option("--dtype", f->dtype,
                  "Store weights as float32, float16 or bfloat16. Default: each keeps its type "
                  "(float64 becomes float32)")
      ->type_name("NAME");
  sub->add_option(
         "--exits", f->exits,
         "Layers, counted from 1, whose off-ramps to keep: 1,3,6 (default: all). The final "
         "classifier always stays; with it alone most dialects become plain models")
      ->type_name("LAYERS");
  sub->add_option(
         "--drop-layers", f->drop_layers,
         "Encoder layers to leave out, counted from 1: 5,6. This changes the answers: the layers "
         "after them get input that they were not trained on. The off-ramps of these layers go "
         "too; the final classifier moves to the last layer that is left")
      ->type_name("LAYERS");
  add_ignore_unused(sub, sub->option_defaults()->get_group(), &f->ignore_unused);
  sub->add_flag("--quiet,-q", f->quiet, "Do not say what was written");
  sub->callback([=] { *run = [=] { return convert(*f); }; });
}

}  // namespace costeff::cli
