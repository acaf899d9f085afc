#include "grad/pack.h"

#include <algorithm>

namespace costeff::grad {

void pack_columns(const kernels::Product& p, const kernels::GradTable& grad, const float* w,
                  int64_t ld, int64_t k, Range c, std::byte* packed, float* columns) {
  if (c.count() <= 0) return;
  std::byte* to = packed + c.begin * p.column_bytes(k);
  if (p.pack_transposed) return p.pack_transposed(w + c.begin, ld, c.count(), k, to);
  grad.transpose(w + c.begin, ld, k, c.count(), columns, k);
  p.pack(columns, k, c.count(), k, to);
}

void reserve_packing(const kernels::KernelTable& kernels, int64_t out, int64_t in,
                     PackScratch* scratch) {
  scratch->gathered.reserve(kernels.panel * std::max(out, in));
  scratch->columns.reserve(kernels.panel * std::max(out, in));
}

void pack_blocks(const kernels::KernelTable& kernels, const kernels::Product& p,
                 std::span<const Block> blocks, int64_t in, Range c, std::byte* packed,
                 PackScratch* scratch) {
  for (int64_t j = c.begin; j < c.end; j += kernels.panel) {
    const int64_t count = std::min(kernels.panel, c.end - j);
    const float* rows = nullptr;
    int64_t first = 0, gathered = 0;  // of a block; rows that are copied
    for (const Block& b : blocks) {
      const int64_t begin = std::max(j, first), end = std::min(j + count, first + b.rows);
      if (begin < end) {
        rows = b.w + (begin - first) * in;
        if (end - begin < count) {
          std::copy_n(rows, (end - begin) * in, scratch->gathered.data() + gathered * in);
          gathered += end - begin;
        }
      }
      first += b.rows;
    }
    p.pack(gathered ? scratch->gathered.data() : rows, in, count, in,
           packed + j * p.column_bytes(in));
  }
}

void pack_block_columns(const kernels::KernelTable& kernels, const kernels::Product& p,
                        const kernels::GradTable& grad, std::span<const Block> blocks, int64_t in,
                        Range c, std::byte* packed, PackScratch* scratch) {
  int64_t out = 0;
  for (const Block& b : blocks) out += b.rows;
  for (int64_t j = c.begin; j < c.end; j += kernels.panel) {
    const Range panel{j, std::min(j + kernels.panel, c.end)};
    if (blocks.size() == 1) {
      pack_columns(p, grad, blocks[0].w, in, out, panel, packed, scratch->columns.data());
      continue;
    }
    float* to = scratch->gathered.data();
    for (const Block& b : blocks) {
      for (int64_t r = 0; r < b.rows; ++r)
        to = std::copy_n(b.w + r * in + panel.begin, panel.count(), to);
    }
    pack_columns(p, grad, scratch->gathered.data(), panel.count(), out, {0, panel.count()},
                 packed + j * p.column_bytes(out), scratch->columns.data());
  }
}

}  // namespace costeff::grad
