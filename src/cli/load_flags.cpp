#include "cli/load_flags.h"

#include <cstdio>

#include "base/utf8.h"

namespace costeff::cli {

void add_load_flags(CLI::App* app, const char* group, LoadFlags* flags) {
  app->add_option("--dtype", flags->dtype,
                  "Compute in float32, bfloat16 (bf16) or int8. Without it: what the model was "
                  "quantised to, else float32")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--isa", flags->isa,
                  "Kernels to use, of those that costeff --version lists (or env COSTEFF_ISA)")
      ->type_name("NAME")
      ->envname("COSTEFF_ISA")
      ->group(group);
  add_ignore_unused(app, group, &flags->ignore_unused);
}

void add_ignore_unused(CLI::App* app, const std::string& group, bool* flag) {
  app->add_flag("--ignore-unused", *flag,
                "Answer also when the checkpoint has tensors of the model that costeff does not "
                "know (adapters, LoRA that is not merged): the answers may be wrong")
      ->group(group);
}

LoadOptions load_options(const LoadFlags& flags) {
  LoadOptions options{.isa = flags.isa, .ignore_unused = flags.ignore_unused};
  if (!flags.dtype.empty()) options.compute = parse_compute_type(flags.dtype);
  return options;
}

Engine load_engine(const std::string& model, const LoadOptions& options) {
  Engine engine(model, options);
  say_model_warnings(engine.info().warnings);
  return engine;
}

void say_model_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& w : warnings) {
    std::fprintf(stderr, "costeff: warning: %s\n", printable(w, 400).c_str());
  }
}

std::string kernels_text(const LoadFlags& flags, ComputeType compute) {
  return (flags.isa.empty() ? available_isas().front() : flags.isa) + ", " +
         compute_type_name(compute);
}

}  // namespace costeff::cli
