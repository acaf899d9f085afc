#pragma once

// The tensors of a checkpoint by canonical name, with the checked access that every dialect uses. A
// canonical name does not have what scripts put around it (encoder_names.h). A Tensor keeps the name
// that the file has, for messages.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensors/tensor.h"
#include "checkpoint/albert_layers.h"
#include "checkpoint/config.h"
#include "checkpoint/model_type.h"
#include "model/spec.h"

namespace costeff::checkpoint {

struct Source {
  TensorSet* set = nullptr;
  const Config* config = nullptr;
  const TensorSet* masks = nullptr;  // zs.pt of CoFi, or null
  Family family = Family::bert;
  std::string container;  // before the names in the file, but not the canonical ones: "model."
  std::string prefix;     // of the encoder: "bert.", ..., or ""
  AlbertLayout albert;    // of its family alone
  std::map<std::string, size_t, std::less<>> by_name;  // canonical name -> index into set->tensors
  std::vector<bool> used;                              // by that index
  std::vector<bool> expected_unused;                   // known leftovers, which need no note
  bool ignore_unused = false;                          // LoadOptions::ignore_unused
  std::vector<std::string> notes, warnings;            // Provenance::notes, warnings
  model::Parameters* parameters = nullptr;             // of the model that is being built
  std::map<size_t, model::ParameterId> parameter_of;   // index into set->tensors -> its parameter
};

// Weights that were pruned by masks are replaced by their product (pruning_masks.h). Throws
// Error(model) if two tensors have the same canonical name, if there is no encoder or more than one,
// or if the encoder does not fit model_type in config.json.
Source open_source(TensorSet& set, const Config& config, const TensorSet* masks);

bool has(const Source& s, std::string_view name);
bool has_any(const Source& s, std::string_view beginning);  // a tensor whose name begins like this
const Tensor* find(const Source& s, std::string_view name);
// The numbers n for which there is a tensor `beginning`n.*
std::set<int64_t> numbers(const Source& s, std::string_view beginning);
// Marks all tensors whose names begin like this as known leftovers.
void mark_leftover(Source& s, std::string_view beginning);

// An extent of a shape: a number, or a letter if any number from 1 will do.
struct Dim {
  Dim(int64_t n) : extent(n) {}                // NOLINT(google-explicit-constructor)
  Dim(const char* letter) : symbol(letter) {}  // NOLINT(google-explicit-constructor)
  int64_t extent = 0;
  const char* symbol = nullptr;
};

// Returns the tensor of that name and marks it as used. Throws Error(model) if it is missing, does not
// hold weights (but integers), or has another shape; the message about a shape ends in `because`
// ("hidden_size of config.json").
const Tensor& use(Source& s, const std::string& name, std::initializer_list<Dim> shape,
                  std::string_view because = {});

// The same for a parameter of the model. A tensor that is used twice is one parameter.
model::ParameterId use_parameter(Source& s, model::Role role, model::Part part,
                                 const std::string& name, std::initializer_list<Dim> shape,
                                 std::string_view because = {});
// NAME.weight and NAME.bias.
model::Linear use_linear(Source& s, model::Role role, const std::string& name, Dim out, Dim in,
                         std::string_view because = {});
model::LayerNorm use_norm(Source& s, model::Role role, const std::string& name, int64_t hidden);

// "m/model.safetensors: tensor NAME: " for a missing tensor, by the name it should have.
std::string missing_place(const Source& s, const std::string& name);

}  // namespace costeff::checkpoint
