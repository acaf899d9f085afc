// gzip and zstd, and what else a file may begin with, through the readers. The first byte chooses
// the format, the second the size of the pieces, the third what happens to the rest: it is the
// file, or it is packed first and then cut, damaged or followed by more, so that mutations get past
// checksums and headers.

#include <costeff/error.h>

#include <string>
#include <string_view>

#include "fuzz/check.h"
#include "packing.h"
#include "tasks/read/reader.h"

namespace {

using namespace costeff;
using namespace costeff::tasks;

// A few bytes can unpack to gigabytes: not all rows are read.
constexpr int64_t kMaxRows = 4000;

std::string pack(uint8_t how, fuzz::Input* in) {
  const uint8_t where = in->byte(), bits = in->byte();
  const std::string_view bytes = in->rest();
  if ((how & 3) == 0) return std::string(bytes);
  std::string packed = how & 4 ? zstd(bytes) : gzip(bytes);
  const size_t at = packed.size() * where / 256;
  switch (how & 3) {
    case 1:
      packed.resize(at);
      break;
    case 2:
      packed[at] = static_cast<char>(packed[at] ^ bits);
      break;
    default:
      packed += packed.substr(at);
      break;
  }
  return packed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr InputFormat kFormats[] = {InputFormat::automatic, InputFormat::text, InputFormat::csv,
                                      InputFormat::jsonl};
  fuzz::Input in(data, size);
  InputOptions options;
  const uint8_t flags = in.byte();
  options.format = kFormats[flags & 3];
  options.is_table = (flags & 4) != 0;
  if (options.format == InputFormat::csv && (flags & 8) != 0) options.delimiter = ';';
  const size_t chunk = size_t{in.byte()} + 1;
  const uint8_t how = in.byte();
  const std::string bytes = pack(how, &in);
  try {
    RowReader reader({{"input", bytes}}, options, nullptr, chunk);
    Example row;
    while (reader.rows() < kMaxRows && reader.next(row, true) == ReadStatus::row) {
      fuzz::require(reader.bytes_done() <= static_cast<int64_t>(bytes.size()));
    }
  } catch (const Error& e) {
    fuzz::check_error(e);
    fuzz::require(e.kind() == ErrorKind::input || e.kind() == ErrorKind::usage);
  }
  return 0;
}
