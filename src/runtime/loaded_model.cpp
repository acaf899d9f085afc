#include "runtime/loaded_model.h"

#include <costeff/engine.h>

#include "base/fail.h"

namespace costeff::runtime {

const kernels::KernelTable& choose_table(const std::string& isa) {
  if (const kernels::KernelTable* t = kernels::find_table(isa.c_str())) return *t;
  std::string known;
  for (const std::string& name : available_isas()) known += (known.empty() ? "" : ", ") + name;
  fail_usage("isa \"{}\", expected one of those this CPU runs: {}", isa, known);
}

kernels::Precision precision_of(ComputeType type) {
  switch (type) {
    case ComputeType::bfloat16:
      return kernels::Precision::bfloat16;
    case ComputeType::int8:
      return kernels::Precision::int8;
    case ComputeType::float32:
      break;
  }
  return kernels::Precision::float32;
}

}  // namespace costeff::runtime
