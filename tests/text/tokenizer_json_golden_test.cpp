// tokenizer_json_goldens.jsonl.gz: small tokenizers, with the ids, types and offsets of the Rust
// tokenizers library and transformers (tools/make_tokenizer_json_goldens.py).

#include <zlib.h>

#include "text/config/tokenizer_files.h"
#include "text/golden_rows.h"

namespace costeff::text {
namespace {

using nlohmann::json;

std::vector<json> read_cases(std::string_view prefix) {
  const std::string path =
      std::string(COSTEFF_SOURCE_DIR) + "/tests/text/tokenizer_json_goldens.jsonl.gz";
  const gzFile file = gzopen(path.c_str(), "rb");
  EXPECT_NE(file, nullptr) << path;
  std::string all;
  std::array<char, 1 << 16> buffer{};
  for (int n; file && (n = gzread(file, buffer.data(), buffer.size())) > 0;) {
    all.append(buffer.data(), static_cast<size_t>(n));
  }
  if (file) gzclose(file);
  std::vector<json> cases;
  for (size_t at = 0; at < all.size();) {
    const size_t end = all.find('\n', at);
    const json line = json::parse(all.substr(at, end - at));
    if (line["name"].get<std::string>().starts_with(prefix)) cases.push_back(line);
    at = end + 1;
  }
  return cases;
}

GoldenRequest request_of(const json& row) {
  GoldenRequest r;
  r.text = row[0].get<std::string>();
  if (!row[1].is_null()) r.pair = row[1].get<std::string>();
  r.options.offsets = true;
  if (row.size() <= 5) return r;
  r.options.max_length = row[5][0].get<int64_t>();
  if (row[5][1] == "only_first") r.options.truncation = Truncation::only_first;
  if (row[5][1] == "only_second") r.options.truncation = Truncation::only_second;
  return r;
}

int64_t chars_before(std::string_view text, int32_t bytes) {
  int64_t n = 0;
  for (int32_t i = 0; i < bytes; ++i) n += (static_cast<uint8_t>(text[i]) & 0xC0) != 0x80;
  return n;
}

json offsets_of(const Encoding& e, const GoldenRequest& r) {
  json out = json::array();
  for (size_t i = 0; i < e.spans.size(); ++i) {
    const std::string_view text = e.sides[i] == 1 ? *r.pair : r.text;
    const int64_t begin = chars_before(text, e.spans[i].begin);
    // A token that ends inside a character has all of it.
    int32_t end = e.spans[i].end;
    while (end < static_cast<int32_t>(text.size()) &&
           (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) {
      ++end;
    }
    out.push_back(begin);
    out.push_back(chars_before(text, end));
  }
  return out;
}

class TokenizerJsonCases : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(TokenizerJsonCases, AreAsTheLibraryHasThem) {
  const auto& [prefix, least] = GetParam();
  int cases = 0;
  for (const json& c : read_cases(prefix)) {
    ++cases;
    SCOPED_TRACE(c["name"].get<std::string>());
    const Tokenizer tokenizer(
        TokenizerFiles("m", c["files"].get<std::map<std::string, std::string>>()));
    Encoding out, ids_only;
    ASSERT_FALSE(c["rows"].empty());
    for (const json& row : c["rows"]) {
      GoldenRequest r = request_of(row);
      tokenizer.encode(r.text, r.pair_view(), r.options, &out);
      ASSERT_EQ(json(out.ids), row[2]) << row.dump();
      ASSERT_EQ(json(out.type_ids), row[3]) << row.dump();
      ASSERT_EQ(offsets_of(out, r), row[4]) << row.dump();
      r.options.offsets = false;
      tokenizer.encode(r.text, r.pair_view(), r.options, &ids_only);
      ASSERT_EQ(ids_only.ids, out.ids) << row.dump();
    }
  }
  EXPECT_GE(cases, least);
}

INSTANTIATE_TEST_SUITE_P(Goldens, TokenizerJsonCases,
                         testing::Values(std::pair("normalizer_", 20),
                                         std::pair("pre_tokenizer_", 40), std::pair("model_", 23),
                                         std::pair("added_", 18), std::pair("truncation_", 2),
                                         std::pair("class_", 11)),
                         [](const auto& kind) {
                           std::string name = kind.param.first;
                           name.pop_back();
                           return name;
                         });

}  // namespace
}  // namespace costeff::text
