// Bytes as a file of torch.save (zip archive or legacy stream, by content), and as the data.pkl of
// an otherwise valid archive: mutations of a whole archive seldom pass its checksums.

#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/container_bytes.h"
#include "checkpoint/containers/torch_file.h"
#include "fuzz/use_tensors.h"

using namespace costeff;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  fuzz::parse([&] { return checkpoint::parse_torch(test::as_bytes(input), nullptr, "fuzz"); });
  if (input.starts_with("PK")) return 0;
  const std::string file =
      test::torch_zip(std::string(input),
                      {{"0", std::string(24, '\x3c')}, {"1", std::string(64, '\x01')}, {"2", ""}});
  fuzz::parse([&] { return checkpoint::parse_torch(test::as_bytes(file), nullptr, "fuzz"); });
  return 0;
}
