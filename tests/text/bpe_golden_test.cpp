// Every row of the golden data of byte-level BPE, against the fast tokenizer's ids.

#include <algorithm>
#include <map>

#include "shared_data.h"
#include "text/golden_rows.h"
#include "text/golden_sweep.h"

namespace costeff::text {
namespace {

constexpr const char* kSet = "tokenizer/roberta-base";

std::string file(const char* name) { return shared_path(std::string(kSet) + "/" + name); }

TEST(BpeGolden, Rows) {
  COSTEFF_NEED_SHARED(kSet);
  const Tokenizer tokenizer(shared_path(kSet));
  int rows = 0;
  for (const auto& row : read_rows(file("golden.jsonl"))) {
    ++rows;
    const GoldenRequest request = golden_request(row);
    const Encoding got = encode_request(tokenizer, request);
    EXPECT_EQ(got.ids, ids_of(row, "input_ids")) << row.dump().substr(0, 600);
    EXPECT_EQ(got.type_ids, ids_of(row, "token_type_ids"));
    EXPECT_FALSE(got.bad_utf8);
    for (size_t i = 0; i < got.ids.size(); ++i) {
      EXPECT_EQ(tokenizer.token(got.ids[i]), row["tokens"][i]);
    }
  }
  EXPECT_GT(rows, 0);
  RecordProperty("rows", rows);
}

// Rows where the slow tokenizer cuts pairs in another way. If the special tokens leave no room, it
// does not cut at all. One row differs by its text: there <mask> includes U+001C..U+001F to its
// left, as Python's rstrip() does.
TEST(BpeGolden, SlowCut) {
  COSTEFF_NEED_SHARED(kSet);
  const Tokenizer tokenizer(shared_path(kSet));
  int by_cut = 0;
  for (const auto& row : read_rows(file("golden.jsonl"))) {
    if (!row.contains("slow_input_ids")) continue;
    GoldenRequest request = golden_request(row);
    const Ids slow = ids_of(row, "slow_input_ids");
    if (!request.pair || request.options.max_length < static_cast<int64_t>(slow.size())) continue;
    request.options.pair_cut = PairCut::slow;
    EXPECT_EQ(encode_request(tokenizer, request).ids, slow) << row.dump().substr(0, 600);
    ++by_cut;
  }
  EXPECT_GT(by_cut, 0);
}

TEST(BpeGolden, Options) {
  COSTEFF_NEED_SHARED(kSet);
  std::map<std::string, Tokenizer> tokenizers;
  int rows = 0;
  for (const auto& row : read_rows(file("golden_options.jsonl"))) {
    ++rows;
    const std::string key = row["options"].dump();
    auto it = tokenizers.find(key);
    if (it == tokenizers.end()) {
      it = tokenizers.emplace(key, Tokenizer(shared_path(kSet), golden_options(row))).first;
    }
    EXPECT_EQ(encode_request(it->second, golden_request(row)).ids, ids_of(row, "input_ids"))
        << row.dump().substr(0, 600);
  }
  EXPECT_GT(rows, 0);
}

TEST(BpeGolden, BadUtf8) {
  COSTEFF_NEED_SHARED(kSet);
  const Tokenizer tokenizer(shared_path(kSet));
  int rows = 0;
  for (const auto& row : read_rows(file("bad_utf8.jsonl"))) {
    ++rows;
    const GoldenRequest request = golden_request(row);
    const Encoding got = encode_request(tokenizer, request);
    EXPECT_EQ(got.ids, ids_of(row, "input_ids")) << row.dump().substr(0, 600);
    EXPECT_EQ(got.bad_utf8, request.text != row["decoded"].get<std::string>());
  }
  EXPECT_GT(rows, 0);
}

TEST(BpeGolden, TruncationErrors) {
  COSTEFF_NEED_SHARED(kSet);
  expect_truncation_errors(Tokenizer(shared_path(kSet)), file("truncation_errors.jsonl"));
}

// What must hold for the spans of any text: they are in order, within it, and none begins or ends
// inside a character. A token's bytes are those of its span, except for white space at the ends and
// characters that several tokens share.
TEST(BpeGolden, Spans) {
  COSTEFF_NEED_SHARED(kSet);
  const Tokenizer tokenizer(shared_path(kSet));
  for (const auto& row : read_rows(file("golden.jsonl"))) {
    const auto text = row["text"].get<std::string>();
    Encoding got;
    EncodeOptions options;
    options.offsets = true;
    tokenizer.encode(text, std::nullopt, options, &got);
    ASSERT_EQ(got.spans.size(), got.ids.size());
    int32_t last = 0;
    for (size_t i = 1; i + 1 < got.ids.size(); ++i) {
      const Span s = got.spans[i];
      ASSERT_LE(last, s.begin) << row.dump().substr(0, 600);
      ASSERT_LE(s.begin, s.end);
      ASSERT_LE(static_cast<size_t>(s.end), text.size());
      last = s.begin;
      const std::string token = tokenizer.token(got.ids[i]);
      const std::string bytes = text.substr(s.begin, s.end - s.begin);
      ASSERT_TRUE(is_utf8(bytes));
      // ASCII that stands for itself in both. <mask> includes white space.
      if (token != "<mask>" && !token.empty() &&
          std::all_of(token.begin(), token.end(),
                      [](char c) { return c > ' ' && static_cast<unsigned char>(c) < 128; })) {
        ASSERT_EQ(bytes, token) << row.dump().substr(0, 600);
      }
    }
  }
}

TEST(BpeGolden, SweepOverAllOfUnicode) {
  COSTEFF_NEED_SHARED(kSet);
  const Tokenizer tokenizer(shared_path(kSet));
  const auto rows = read_rows(file("sweep.jsonl"));
  const auto patterns = rows.at(0)["patterns"].get<std::vector<std::string>>();
  Encoding scratch;
  int blocks = 0;
  for (size_t i = 1; i < rows.size(); ++i) {
    const SweepRow row = sweep_row(rows[i]);
    for (uint32_t block = row.first_block; block <= row.last_block; ++block, ++blocks) {
      for (size_t p = 0; p < patterns.size(); ++p) {
        const uint32_t crc = block_crc(
            block, [&](uint32_t c) { return swept_ids(tokenizer, patterns[p], c, &scratch); });
        EXPECT_EQ(crc, row.crc[p]) << "block " << block << " pattern " << patterns[p];
      }
    }
  }
  EXPECT_GE(blocks, 0x1100 - 8);  // the blocks of surrogates may be missing
}

TEST(BpeGolden, SweepDetail) {
  COSTEFF_NEED_SHARED(kSet);
  const Tokenizer tokenizer(shared_path(kSet));
  const std::string pattern = read_rows(file("sweep.jsonl")).at(0)["patterns"][0];
  Encoding scratch;
  int code_points = 0;
  for (const auto& row : read_rows(file("sweep_detail.jsonl"))) {
    uint32_t c = from_hex_number(row["first"]);
    for (const auto& want : row["ids"]) {
      EXPECT_EQ(swept_ids(tokenizer, pattern, c, &scratch), want.get<Ids>()) << "code point " << c;
      ++c, ++code_points;
    }
  }
  EXPECT_GT(code_points, 0);
}

}  // namespace
}  // namespace costeff::text
