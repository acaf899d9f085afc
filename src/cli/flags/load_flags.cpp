#include "cli/flags/load_flags.h"

#include <costeff/engine.h>

namespace costeff::cli {

void add_load_flags(CLI::App* app, const char* group, LoadFlags* flags) {
  app->add_option("--dtype", flags->dtype,
                  "Compute in float32, bfloat16 (bf16) or int8. Default: what the model was "
                  "quantised to, else float32")
      ->type_name("NAME")
      ->group(group);
  add_isa_flag(app, group, &flags->isa);
  add_ignore_unused(app, group, &flags->ignore_unused);
}

void add_isa_flag(CLI::App* app, const char* group, std::string* isa) {
  app->add_option("--isa", *isa,
                  "Kernels to use, one of those listed by costeff --version (or set COSTEFF_ISA)")
      ->type_name("NAME")
      ->envname("COSTEFF_ISA")
      ->group(group);
}

void add_ignore_unused(CLI::App* app, const std::string& group, bool* flag) {
  app->add_flag("--ignore-unused", *flag,
                "Answer even if the checkpoint has tensors that costeff does not know (adapters, "
                "LoRA that is not merged): the answers may be wrong")
      ->group(group);
}

LoadOptions load_options(const LoadFlags& flags) {
  LoadOptions options{.isa = flags.isa, .ignore_unused = flags.ignore_unused};
  if (!flags.dtype.empty()) options.compute = parse_compute_type(flags.dtype);
  return options;
}

std::string kernels_text(const LoadFlags& flags, ComputeType compute) {
  const std::string isa = flags.isa.empty() ? available_isas().front() : flags.isa;
  return isa + ", " + compute_type_name(compute);
}

}  // namespace costeff::cli
