#include "grad/dropout.h"

#include <algorithm>

namespace costeff::grad {

void drop_tokens(const kernels::GradTable& grad, const Dropout& dropout, Site site, int64_t layer,
                 const Batch& batch, int64_t begin, int64_t end, float* x, int64_t ld,
                 int64_t width) {
  if (!dropout.any(site) || begin >= end) return;
  const auto& start = batch.start;
  auto b = std::upper_bound(start.begin(), start.end(), begin) - start.begin() - 1;
  for (int64_t t = begin; t < end; ++t) {
    while (t >= start[static_cast<size_t>(b) + 1]) ++b;
    grad.dropout(x + t * ld, width,
                 dropout.row(site, layer, 0, batch.row_ids[static_cast<size_t>(b)],
                             t - start[static_cast<size_t>(b)]));
  }
}

void drop_rows(const kernels::GradTable& grad, const Dropout& dropout, Site site, int64_t exit,
               const Batch& batch, float* x, int64_t width) {
  if (!dropout.any(site)) return;
  for (int64_t b = 0; b < batch.rows(); ++b) {
    grad.dropout(x + b * width, width,
                 dropout.row(site, exit, 0, batch.row_ids[static_cast<size_t>(b)], 0));
  }
}

}  // namespace costeff::grad
