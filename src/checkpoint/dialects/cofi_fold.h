#pragma once

// Folds CoFi's masks (zs.pt) into full-size weights. The result is a compact checkpoint.

#include "checkpoint/source.h"

namespace costeff::checkpoint {

// Replaces the tensors of `s` by folded ones (float32, owned by s.set) and removes those that are
// pruned away from s.by_name. Throws Error(model) if a mask does not fit the tensors.
// Source: princeton-nlp/CoFiPruning, utils/cofi_utils.py, update_params and prune_model_with_z.
void fold_masks(Source& s);

}  // namespace costeff::checkpoint
