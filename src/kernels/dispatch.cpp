#include <cstring>

#include "kernels/kernel_table.h"

namespace costeff::kernels {

const KernelTable* const* all_tables() {
  static const KernelTable* const tables[] = {&kPortable, &kReference, nullptr};
  return tables;
}

const KernelTable* find_table(const char* name) {
  const KernelTable* const* tables = all_tables();
  if (!*name) return tables[0];
  for (; *tables; ++tables) {
    if (std::strcmp((*tables)->name, name) == 0) return *tables;
  }
  return nullptr;
}

}  // namespace costeff::kernels
