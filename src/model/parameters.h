#pragma once

// The weights of a model as data: a list that tells what each entry is. The architecture (spec.h)
// refers to entries by number, so two exits that share a pooler refer to the same one. Saving,
// counting, quantising, comparing and packing are loops over the list that look at the role.

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>

#include "base/tensors/tensor.h"

namespace costeff::model {

// What a parameter does. Letters as in spec.h.
enum class Role : uint8_t {
  word,            // [V, H], or [V, r] when factorised
  word_up,         // [H, r]: the second factor of the word embedding (COST-EFF)
  position,        // [positions, H]
  type,            // [types, H]
  task,            // [tasks, H]: ERNIE; row 0 is added to every token
  embedding_norm,  // [H]
  embedding_map,  // [H, E]: ELECTRA, ALBERT; their embeddings have E in place of H in all of the above
  query,          // [A, H]
  key,            // [A, H]
  value,          // [A, H]
  attention_out,   // [H, A]
  attention_norm,  // [H]
  ffn_in,          // [F, H]
  ffn_out,         // [H, F]
  ffn_norm,        // [H]
  pooler,          // [pooler out, input of the exit]
  classifier,      // [C, pooler out or input of the exit]
  lte,             // [1, pooler out]: learning to exit (BERxiT)
};

enum class Part : uint8_t { weight, bias };

using ParameterId = int32_t;              // index into Parameters::list
inline constexpr ParameterId kNone = -1;  // no such parameter

struct Parameter {
  Role role = Role::word;
  Part part = Part::weight;
  int64_t layer = 0;  // 0: embeddings; 1..L: its layer, or the layer that its first exit follows
  std::string name;   // canonical, as `costeff convert` writes it; empty before it is named
  Tensor tensor;      // a view into Parameters::storage; tensor.name is the name in the file
};

// Whether it is of the embeddings or a layer, and not of an exit.
inline bool is_backbone(const Parameter& p) { return p.role < Role::pooler; }

struct Parameters {
  std::deque<Parameter> list;  // references stay valid when more are added
  TensorSet storage;           // keeps the bytes alive: mapped files and owned buffers

  ParameterId add(Role role, Part part, Tensor tensor);
  Parameter& operator[](ParameterId id) { return list[static_cast<size_t>(id)]; }
  const Parameter& operator[](ParameterId id) const { return list[static_cast<size_t>(id)]; }
  const Tensor& tensor(ParameterId id) const { return (*this)[id].tensor; }
};

// Returns new bytes, all 0, which `storage` owns.
std::span<std::byte> own_bytes(TensorSet* storage, int64_t bytes);

// A new float32 parameter, all 0, in storage of its own, which may be written: *values. source: where it
// is from, for messages about it; name: what it is called there.
ParameterId new_parameter(Parameters* parameters, Role role, Part part, const std::string& source,
                          const std::string& name, std::initializer_list<int64_t> shape,
                          std::span<float>* values);

// Gives a parameter its own float32 storage, which may be written, and returns it: the same values, in
// the tensor's order. The file that they came from is left alone, and its pages leave memory. Throws Error(model) for a tensor that
// holds no weights.
std::span<float> own_floats(Parameters* parameters, ParameterId id);

}  // namespace costeff::model
