#include "tasks/write/column_width.h"

#include <utf8proc.h>

namespace costeff::tasks {

int64_t column_width(uint32_t code_point) {
  return utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point));
}

}  // namespace costeff::tasks
