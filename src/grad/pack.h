#pragma once

// Packing a matrix and its transpose for products.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/aligned.h"
#include "base/threads/crew.h"
#include "kernels/grad_table.h"

namespace costeff::grad {

// Columns [c.begin, c.end) of w [k, ..], ld floats apart, as weights [c.count(), k] -> packed, where
// column 0 would begin. columns: a thread's memory of c.count() k floats, for formats that pack no
// transpose.
void pack_columns(const kernels::Product& p, const kernels::GradTable& grad, const float* w,
                  int64_t ld, int64_t k, Range c, std::byte* packed, float* columns);

// Rows of a map that stand in several places: each block [rows, in], without gaps.
struct Block {
  const float* w = nullptr;
  int64_t rows = 0;
};

// A thread's memory.
struct PackScratch {
  FloatBuffer gathered, columns;
};
// Room for packing blocks of `out` rows of `in` floats in all.
void reserve_packing(const kernels::KernelTable& kernels, int64_t out, int64_t in,
                     PackScratch* scratch);

// Rows c of the blocks, one below the other, as weights [out, in] -> packed. c begins at a multiple of
// the table's panel.
void pack_blocks(const kernels::KernelTable& kernels, const kernels::Product& p,
                 std::span<const Block> blocks, int64_t in, Range c, std::byte* packed,
                 PackScratch* scratch);
// Columns c of the same as weights [in, out].
void pack_block_columns(const kernels::KernelTable& kernels, const kernels::Product& p,
                        const kernels::GradTable& grad, std::span<const Block> blocks, int64_t in,
                        Range c, std::byte* packed, PackScratch* scratch);

}  // namespace costeff::grad
