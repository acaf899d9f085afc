#pragma once

// How large a model is with other widths, and which widths make it as large as asked.

#include <costeff/slender_train.h>

#include <cstdint>

#include "model/spec.h"
#include "prune/schedule.h"
#include "prune/units.h"

namespace costeff::prune {

// The widths of a model whose layers are alike. Throws Error(model) for one with others.
Widths widths_of(const model::Architecture& arch, const std::string& path);

// What `m` is with these widths in each layer.
SlenderShape shape_with(const model::Model& m, const Widths& widths, const UnitCosts& costs);

// Fills in the widths that are not given, in proportion to the heads, or all by the share that is asked
// for: of `of`, the model that shares refer to. m: that with the exits of the result. Throws
// Error(usage) for widths that the model does not have, and for a share below what it can have, which is
// then said.
Widths choose_widths(const model::Model& m, const SlenderShape& of, const UnitCosts& costs,
                     const SlenderTrainOptions& options);

}  // namespace costeff::prune
