#include "cli/load_flags.h"

#include <costeff/engine.h>

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
}

LoadOptions load_options(const LoadFlags& flags) {
  LoadOptions options{.isa = flags.isa};
  if (!flags.dtype.empty()) options.compute = parse_compute_type(flags.dtype);
  return options;
}

std::string kernels_text(const LoadFlags& flags, ComputeType compute) {
  return (flags.isa.empty() ? available_isas().front() : flags.isa) + ", " +
         compute_type_name(compute);
}

}  // namespace costeff::cli
