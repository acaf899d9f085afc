#pragma once

// The layers of ALBERT share weights. config.json has num_hidden_layers blocks; each runs one of
// num_hidden_groups groups of inner_group_num layers, and only the groups are in the file. A model's
// layers are those of all blocks, one after the other.
// Source: transformers, modeling_albert.py, AlbertTransformer and AlbertLayerGroup.

#include <cstdint>
#include <optional>
#include <string>

#include "model/spec.h"

namespace costeff::checkpoint {

struct Source;

struct AlbertLayout {
  int64_t blocks = 1, groups = 1, inner = 1;
  int64_t layers() const { return blocks * inner; }
  int64_t group_of(int64_t block) const;
  // "encoder.albert_layer_groups.G.albert_layers.I." of a layer, from 0.
  std::string layer_prefix(int64_t layer) const;
};

// Of a file and its config.json. Throws Error(model) if they do not agree, and if config.json does not
// say how many blocks there are.
AlbertLayout read_albert_layout(const Source& s);

// The layout that says which layers of a model share weights. `inner` is tried before other sizes of a
// group. nullopt: none does, as after dropping some layers of several groups.
std::optional<AlbertLayout> albert_layout_of(const model::Architecture& arch, int64_t inner);

}  // namespace costeff::checkpoint
