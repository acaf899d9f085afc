#pragma once

#include "model/spec.h"

namespace costeff::train {

// BERxiT's off-ramp after the last layer: its pooler and the lte are trained with the others, its
// classifier never answers. The model has none: inference does not read it. Takes the pooler that
// the checkpoint has beside what is in use, else a copy of the final classifier's; the result has no
// classifier (out 0).
model::Head last_ramp(model::Model* model);

}  // namespace costeff::train
