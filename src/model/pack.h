#pragma once

// Packs the weights of a checkpoint for the products of one kernel table, by several threads together.
// A value that is not finite is an Error(model) that names the tensor.

#include <cstdint>
#include <vector>

#include "base/aligned.h"
#include "base/arena.h"
#include "base/threads/once_together.h"
#include "kernels/kernel_table.h"
#include "model/product.h"
#include "model/spec.h"

namespace costeff::model {

// Rows of a weight, [rows, in], in the form that is packed.
struct PackScratch {
  FloatBuffer values;               // float32, bfloat16
  AlignedBuffer<int8_t> quantised;  // int8, with a scale for each row
  FloatBuffer scales;
  void reserve(kernels::Precision precision, int64_t rows, int64_t in);
};

using PackWork = OnceTogether<PackScratch>;

// Packs for one kernel table in one precision.
struct Packer {
  const kernels::KernelTable& kernels;
  kernels::Precision precision;
  const Parameters& parameters;
  Arena& arena;  // owns the packed weights

  const kernels::Product& product() const { return kernels.product(precision); }
  // Returns a map without a weight, whose bias is 0.
  PackedLinear empty(int64_t out, int64_t in) const;
  // Returns memory for the weight of l.
  std::byte* allocate(const PackedLinear& l) const;
  // Packs l.out rows in the scratch as the weight of l.
  void pack(const PackScratch& scratch, PackedLinear* l) const;
};

// One weight, or several with the same input, one below the other, each padded with 0 to `stride` rows.
struct Stack {
  std::vector<const Linear*> maps;
  int64_t stride;

  explicit Stack(const Linear& l) : maps{&l}, stride(l.out) {}
  Stack(std::initializer_list<const Linear*> m, int64_t s) : maps(m), stride(s) {}
  int64_t out() const { return static_cast<int64_t>(maps.size()) * stride; }
  int64_t in() const { return maps[0]->in; }
};

// Reads a vector's elements to `out`.
void read_vector(const Parameters& parameters, ParameterId id, float* out);
// Returns the map of a stack with its biases, but without a weight.
PackedLinear read_biases(const Packer& packer, const Stack& stack);
// Reads rows [begin, begin + rows) of a stack to the scratch.
void read_rows(const Packer& packer, const Stack& stack, int64_t begin, int64_t rows,
               PackScratch* scratch);
// Says that the stack's bytes in the file are no longer needed.
void give_back(const Packer& packer, const Stack& stack);

// Returns the map of a stack. Its weight is complete when the pieces that this adds are done.
PackedLinear plan_stack(const Packer& packer, const Stack& stack, PackWork::Pieces* pieces);

}  // namespace costeff::model
