#pragma once

// A model without the units that are not kept.

#include <string>

#include "model/spec.h"
#include "prune/units.h"

namespace costeff::prune {

// Rows of queries, keys, values and first feed-forward matrices, and columns of the output matrices, are
// cut out; all else is shared with `m`, whose weights must be float32. A sublayer that keeps no unit keeps
// its output's bias.
model::Model fold(const model::Model& m, const Kept& kept);

// Throws Error(model) for a model of a family that the methods which train are not for: COST-EFF and CoFi
// have BERT and RoBERTa. path: for the message.
void check_family(const std::string& path, const model::Model& m);

// The dialect, but for exits, of `m` once its layers have widths of their own: CoFi's compact form. path: of
// `m`, for messages. Throws Error(model) for a model that it cannot say.
std::string ragged_dialect(const std::string& path, const model::Model& m);

}  // namespace costeff::prune
