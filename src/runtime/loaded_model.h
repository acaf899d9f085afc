#pragma once

#include <string>

#include "exit/policy.h"
#include "kernels/kernel_table.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::runtime {

// The kernel table of that name, or the best one for "". Throws Error(usage) if this CPU has none.
const kernels::KernelTable& choose_table(const std::string& isa);

kernels::Precision precision_of(ComputeType type);

// A model ready to compute, with its kernels and packed weights. Shared by all threads.
struct LoadedModel {
  LoadedModel(model::Model m, const kernels::KernelTable& k, kernels::Precision precision)
      : spec(std::move(m)), kernels(k), weights(spec, k, precision) {}
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const model::Model spec;
  const kernels::KernelTable& kernels;
  const model::WeightStore weights;
};

}  // namespace costeff::runtime
