// Where tokens come from in texts whose white space is not plain, according to Hugging Face's fast
// tokenizers: fast_offsets.jsonl, written with transformers 4.46.3 and tokenizers 0.20.3, offsets
// in code points. Question answering cuts its answers by these.

#include <fstream>
#include <nlohmann/json.hpp>

#include "shared_data.h"
#include "text/expect_error.h"
#include "text/tokenizer.h"

namespace costeff::text {
namespace {

int64_t code_points(std::string_view text, int32_t bytes) {
  int64_t n = 0;
  for (int32_t i = 0; i < bytes; ++i) n += (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80;
  return n;
}

TEST(FastOffsets, AreThoseOfTheGolden) {
  COSTEFF_NEED_SHARED("tokenizer");
  std::ifstream golden(std::string(COSTEFF_SOURCE_DIR) + "/tests/text/fast_offsets.jsonl");
  std::string line, name;
  std::optional<Tokenizer> tokenizer;
  int rows = 0;
  for (; std::getline(golden, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    if (row["tokenizer"] != name) {
      name = row["tokenizer"];
      tokenizer.emplace(shared_path("tokenizer/" + name));
    }
    const std::string text = row["text"];
    Encoding out;
    tokenizer->encode(text, std::nullopt, {.offsets = true}, &out);
    EXPECT_EQ(nlohmann::json(out.ids), row["input_ids"]) << line;
    auto offsets = nlohmann::json::array();
    for (const Span& s : out.spans)
      offsets.push_back({code_points(text, s.begin), code_points(text, s.end)});
    EXPECT_EQ(offsets, row["offsets"]) << line;
  }
  EXPECT_EQ(rows, 38);
}

}  // namespace
}  // namespace costeff::text
