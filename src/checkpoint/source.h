#pragma once

// The tensors of a checkpoint under canonical names, and the checked access to them that every
// dialect uses. A canonical name is without what scripts put around it (encoder_names.h). The
// Tensor keeps its own name, for messages.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor.h"
#include "checkpoint/config.h"
#include "checkpoint/model_type.h"
#include "model/spec.h"

namespace costeff::checkpoint {

struct Source {
  TensorSet* set = nullptr;
  const Config* config = nullptr;
  const TensorSet* masks = nullptr;  // zs.pt of CoFi, or null
  Family family = Family::bert;
  std::string container;  // in front of the names in the file, not of the canonical ones: "model."
  std::string prefix;     // of the encoder: "bert.", ..., or ""
  std::map<std::string, size_t, std::less<>> by_name;  // canonical name -> index into set->tensors
  std::vector<bool> used;                              // by that index
  std::vector<bool> expected_unused;                   // known leftovers: nothing to say about them
  bool ignore_unused = false;                          // LoadOptions::ignore_unused
  std::vector<std::string> notes, warnings;            // Provenance::notes, warnings
  model::Parameters* parameters = nullptr;             // of the model that is being built
  std::map<size_t, model::ParameterId> parameter_of;   // index into set->tensors -> its parameter
};

// Weights that were pruned by masks are there as their product (pruning_masks.h). Throws
// Error(model) when two tensors have one canonical name, when there is no encoder or more than one,
// or when the encoder is not of config.json's model_type.
Source open_source(TensorSet& set, const Config& config, const TensorSet* masks);

bool has(const Source& s, std::string_view name);           // this tensor
bool has_any(const Source& s, std::string_view beginning);  // a tensor whose name begins so
const Tensor* find(const Source& s, std::string_view name);
// The numbers n for which a tensor named `beginning`n.* exists.
std::set<int64_t> numbers(const Source& s, std::string_view beginning);
void mark_leftover(Source& s, std::string_view beginning);

// An extent of a shape: a number, or a letter for one that the tensor itself decides (at least 1).
struct Dim {
  Dim(int64_t n) : extent(n) {}                // NOLINT(google-explicit-constructor)
  Dim(const char* letter) : symbol(letter) {}  // NOLINT(google-explicit-constructor)
  int64_t extent = 0;
  const char* symbol = nullptr;
};

// The tensor of that name, marked as used. Throws Error(model) if it is missing, no weights
// (integers), or not of the shape; `because` is added to the message about a shape ("hidden_size of
// config.json").
const Tensor& take(Source& s, const std::string& name, std::initializer_list<Dim> shape,
                   std::string_view because = {});

// The same as a parameter of the model. A tensor that is taken twice is one parameter.
model::ParameterId take_parameter(Source& s, model::Role role, model::Part part,
                                  const std::string& name, std::initializer_list<Dim> shape,
                                  std::string_view because = {});
// NAME.weight and NAME.bias.
model::Linear take_linear(Source& s, model::Role role, const std::string& name, Dim out, Dim in,
                          std::string_view because = {});
model::LayerNorm take_norm(Source& s, model::Role role, const std::string& name, int64_t hidden);

// "m/model.safetensors: tensor NAME: " for a tensor that is not there, by the name it should have.
std::string missing_place(const Source& s, const std::string& name);

}  // namespace costeff::checkpoint
