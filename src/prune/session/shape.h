#pragma once

// How large a model is with other widths, and which widths make it as large as asked.

#include <costeff/slender_train.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/spec.h"
#include "prune/schedule.h"
#include "prune/session/latency.h"
#include "prune/session/size.h"
#include "train/loop.h"

namespace costeff::prune {

TextLength length_of(std::span<const train::Row> rows);

// What `m` is. whole: of what its sparsity is a share.
SlenderShape shape_of(const model::Model& m, const TextLength& length,
                      const model::Architecture& whole);

// The widths of a model whose layers are alike. Throws Error(model) for one with others.
Widths widths_of(const model::Architecture& arch, const std::string& path);

// What `m` would be with these widths in each layer.
SlenderShape shape_with(const model::Model& m, const Widths& widths, const TextLength& length);

// Fills in the widths that are not given, in proportion to the heads, or all by the target: a share of
// `of`, the shape of the model that shares refer to. m: that with the exits of the result. Throws
// Error(usage) for widths that the model does not have, and for a target that it cannot reach, with the
// nearest that it can. time: of a target that is a speed-up.
Widths choose_widths(const model::Model& m, const SlenderShape& of, const TextLength& length,
                     const std::optional<MeasuredTime>& time, const SlenderTrainOptions& options);

// CoFi's: the sparsity that makes `m`, which is as `shape` says, as small as the target asks for; where units
// of the hidden size go too, the embeddings that they save do not count. Throws as choose_widths().
double sparsity_for(const model::Model& m, const SlenderShape& shape, const TextLength& length,
                    const std::optional<MeasuredTime>& time, const SlenderTarget& target);
// What comes of that, about.
SlenderShape thinned(const model::Model& m, const SlenderShape& shape, const TextLength& length,
                     double sparsity);

}  // namespace costeff::prune
