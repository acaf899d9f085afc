#pragma once

#include "exit/policy.h"
#include "kernels/kernel_table.h"
#include "model/spec.h"
#include "model/weights.h"

namespace costeff::runtime {

// A model ready to compute: what it is, its kernels, its packed weights. Shared by all threads.
struct LoadedModel {
  LoadedModel(model::Model m, const kernels::KernelTable& k)
      : spec(std::move(m)), kernels(k), weights(spec, k) {}
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const model::Model spec;
  const kernels::KernelTable& kernels;
  const model::WeightStore weights;
};

}  // namespace costeff::runtime
