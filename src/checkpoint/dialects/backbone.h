#pragma once

// What is left of a model without its exits: the encoder, and the form that its own dialect gives to
// the one final classifier. costeff's off-ramps (dialect_own.cpp) stand on any of these, and
// load_backbone reads them alone.

#include <optional>
#include <string>

#include "checkpoint/source.h"
#include "model/spec.h"

namespace costeff::checkpoint {

struct BackboneForm {
  std::string dialect;                                // "plain-bert", "cofi-compact-roberta", ...
  void (*build_encoder)(Source& s, model::Model* m);  // embeddings and layers
  void (*add_exit)(Source& s, model::Model* m);       // the final exit, after them
};

// Found by family, names and sizes; the tensors of exits do not matter.
BackboneForm find_backbone(const Source& s);

// Without a pooler nothing shows that hidden units were pruned: hidden_size of config.json may as well
// be wrong. Throws Error(model) if it is not H, unless `costeff convert` wrote the sizes of the layers.
void check_width_without_pooler(const Source& s, const model::Model& m);

// Whether there is no tensor of any classifier, so that the file holds a pretrained encoder at most.
bool is_headless(const Source& s);

// Builds such an encoder, and returns its pretrained pooler if it has one: [H, H], or [unpruned H, H]
// in CoFi's compact form. Adds a note for tensors that are no leftovers of pretraining.
std::optional<model::Linear> build_headless(Source& s, model::Model* m);

}  // namespace costeff::checkpoint
