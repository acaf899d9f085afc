#pragma once

#include <costeff/train.h>

#include "train/session/data.h"
#include "train/session/opened.h"

namespace costeff::train {

// What a run will do, without its memory: see plan_memory.
TrainPlan make_plan(const Opened& opened, const TrainOptions& options, const Encoded& rows,
                    const Encoded& dev);

}  // namespace costeff::train
