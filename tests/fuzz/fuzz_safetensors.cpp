// Bytes as a safetensors file; text that begins with a brace also as a header and as a shard index.

#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/container_bytes.h"
#include "checkpoint/containers/safetensors.h"
#include "checkpoint/containers/shard_index.h"
#include "fuzz/use_tensors.h"

using namespace costeff;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  fuzz::parse(
      [&] { return checkpoint::parse_safetensors(test::as_bytes(input), nullptr, "fuzz"); });
  if (!input.starts_with('{')) return 0;
  const std::string file = test::safetensors_bytes(std::string(input), std::string(64, '\x3c'));
  fuzz::parse([&] { return checkpoint::parse_safetensors(test::as_bytes(file), nullptr, "fuzz"); });
  try {
    const checkpoint::ShardIndex index = checkpoint::parse_shard_index(input, "fuzz");
    for (const std::string& shard : index.shards) {
      fuzz::require(shard.find('/') == std::string::npos && shard != "..");
    }
  } catch (const Error&) {
  }
  return 0;
}
