#pragma once

#include "train/session/prepared.h"

namespace costeff::train {

// What a run will hold in memory at its peak, from sizes alone; its weights are there already.
TrainMemory plan_memory(const Prepared& prepared);

// Seconds that a run will take, from a few steps on weights of their own, which are forgotten.
double estimate_seconds(const Prepared& prepared);

}  // namespace costeff::train
