#include "cli/print.h"

#include "tasks/write/output_file.h"

namespace costeff::cli {

int print(std::string_view text) {
  tasks::OutputFile out("-");
  if (out.write(text) != tasks::WriteStatus::ok) return kPipeClosed;
  out.commit();
  return 0;
}

}  // namespace costeff::cli
