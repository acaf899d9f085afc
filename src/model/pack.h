#pragma once

// Weights of a checkpoint made into what one table's products take, by several threads together.
// A value that is not finite is an Error(model) that names the tensor.

#include <cstdint>
#include <vector>

#include "base/aligned.h"
#include "base/arena.h"
#include "base/once_together.h"
#include "kernels/kernel_table.h"
#include "model/product.h"
#include "model/spec.h"

namespace costeff::model {

// Rows [rows, in] of a weight on their way, as the precision packs them.
struct PackScratch {
  FloatBuffer values;               // float32, bfloat16
  AlignedBuffer<int8_t> quantised;  // int8, with a scale a row
  FloatBuffer scales;
  void reserve(kernels::Precision precision, int64_t rows, int64_t in);
};

using PackWork = OnceTogether<PackScratch>;

// How one table packs in one precision.
struct Packer {
  const kernels::KernelTable& kernels;
  kernels::Precision precision;
  const TensorSet& tensors;  // which are told what is not needed any more
  Arena& arena;              // for what is packed

  const kernels::Product& product() const { return kernels.product(precision); }
  // A map without its weight, the bias 0.
  PackedLinear empty(int64_t out, int64_t in) const;
  // Where its weight goes.
  std::byte* allocate(const PackedLinear& l) const;
  // l's weight out of l.out rows in the scratch.
  void pack(const PackScratch& scratch, PackedLinear* l) const;
};

// One weight, or several of the same input under each other, each filled up with 0 to `stride`
// rows.
struct Stack {
  std::vector<const Linear*> maps;
  int64_t stride;

  explicit Stack(const Linear& l) : maps{&l}, stride(l.out()) {}
  Stack(std::initializer_list<const Linear*> m, int64_t s) : maps(m), stride(s) {}
  int64_t out() const { return static_cast<int64_t>(maps.size()) * stride; }
  int64_t in() const { return maps[0]->in(); }
};

// A vector's elements -> out.
void read_vector(const TensorSet& tensors, const Tensor& t, float* out);
// A stack's map without its weight.
PackedLinear read_biases(const Packer& packer, const Stack& stack);
// Rows [begin, begin + rows) of it -> the scratch.
void read_rows(const Packer& packer, const Stack& stack, int64_t begin, int64_t rows,
               PackScratch* scratch);
// Its bytes in the file are not needed any more.
void give_back(const Packer& packer, const Stack& stack);

// The packed map of a stack, whose weight is there when the pieces that this adds are done.
PackedLinear plan_stack(const Packer& packer, const Stack& stack, PackWork::Pieces* pieces);

}  // namespace costeff::model
