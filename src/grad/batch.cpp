#include "grad/batch.h"

#include <algorithm>

namespace costeff::grad {

void Batch::clear() {
  ids.clear();
  types.clear();
  start.resize(1);
  real.clear();
  keys.clear();
  row_ids.clear();
}

void Batch::add(std::span<const int32_t> row, std::span<const int32_t> row_types, uint32_t row_id) {
  add_padded(row, row_types, 0, row_id);
}

void Batch::add_padded(std::span<const int32_t> row, std::span<const int32_t> row_types,
                       int64_t padding, uint32_t row_id) {
  ids.insert(ids.end(), row.begin(), row.end());
  if (row_types.empty()) {
    types.resize(ids.size(), 0);
  } else {
    types.insert(types.end(), row_types.begin(), row_types.end());
  }
  const int64_t tokens = static_cast<int64_t>(row.size()) + padding;
  const int64_t end = start.back() + places(tokens);
  ids.resize(static_cast<size_t>(end), static_cast<int32_t>(pad_token));
  types.resize(ids.size(), 0);
  start.push_back(static_cast<int32_t>(ids.size()));
  real.push_back(static_cast<int32_t>(tokens));
  keys.push_back(static_cast<int32_t>(row.size()));
  row_ids.push_back(row_id);
}

void Batch::add_row(uint32_t row_id) { add({}, {}, row_id); }

int64_t Batch::longest() const {
  return real.empty() ? 0 : *std::max_element(real.begin(), real.end());
}

}  // namespace costeff::grad
