// Every row of the golden WordPiece data, against the fast tokenizer's ids.

#include <map>

#include "shared_data.h"
#include "text/golden_rows.h"
#include "text/golden_sweep.h"

namespace costeff::text {
namespace {

constexpr int kMaxReports = 5;

class WordPieceGolden : public testing::TestWithParam<const char*> {
 protected:
  std::string dir() const { return std::string("tokenizer/") + GetParam(); }
  std::string file(const char* name) const { return shared_path(dir() + "/" + name); }
};

// What only some of the sets have.
class WordPieceGoldenOptions : public WordPieceGolden {};
class WordPieceGoldenDetail : public WordPieceGolden {};

// Counts rows whose ids and types are not as expected; reports the first few.
struct Tally {
  int rows = 0, wrong = 0;
  void check(const Encoding& got, const nlohmann::json& row) {
    ++rows;
    const bool same =
        got.ids == ids_of(row, "input_ids") && got.type_ids == ids_of(row, "token_type_ids");
    if (same || ++wrong > kMaxReports) return;
    ADD_FAILURE() << row.dump().substr(0, 600) << "\n got "
                  << nlohmann::json(got.ids).dump().substr(0, 600);
  }
};

TEST_P(WordPieceGolden, Rows) {
  COSTEFF_NEED_SHARED(dir());
  const Tokenizer tokenizer(shared_path(dir()));
  Tally tally;
  for (const auto& row : read_rows(file("golden.jsonl"))) {
    const GoldenRequest request = golden_request(row);
    tally.check(encode_request(tokenizer, request), row);
  }
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_GT(tally.rows, 0);
}

TEST_P(WordPieceGolden, TokenNames) {
  COSTEFF_NEED_SHARED(dir());
  const Tokenizer tokenizer(shared_path(dir()));
  for (const auto& row : read_rows(file("golden.jsonl"))) {
    const Ids ids = ids_of(row, "input_ids");
    for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(tokenizer.token(ids[i]), row["tokens"][i]);
  }
}

TEST_P(WordPieceGoldenOptions, Rows) {
  COSTEFF_NEED_SHARED(dir());
  std::map<std::string, Tokenizer> tokenizers;
  Tally tally;
  for (const auto& row : read_rows(file("golden_options.jsonl"))) {
    const std::string key = row["options"].dump();
    auto it = tokenizers.find(key);
    if (it == tokenizers.end()) {
      it = tokenizers.emplace(key, Tokenizer(shared_path(dir()), golden_options(row))).first;
    }
    tally.check(encode_request(it->second, golden_request(row)), row);
  }
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_GT(tally.rows, 0);
}

TEST_P(WordPieceGolden, BadUtf8) {
  COSTEFF_NEED_SHARED(dir());
  const Tokenizer tokenizer(shared_path(dir()));
  Tally tally;
  for (const auto& row : read_rows(file("bad_utf8.jsonl"))) {
    const GoldenRequest request = golden_request(row);
    const Encoding got = encode_request(tokenizer, request);
    tally.check(got, row);
    EXPECT_EQ(got.bad_utf8, request.text != row["decoded"].get<std::string>());
  }
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_GT(tally.rows, 0);
}

TEST_P(WordPieceGolden, TruncationErrors) {
  COSTEFF_NEED_SHARED(dir());
  expect_truncation_errors(Tokenizer(shared_path(dir())), file("truncation_errors.jsonl"));
}

// If the slow tokenizer differs by the cut alone, its ids are those of PairCut::slow. That is so if
// the two texts in its row are beginnings of the fast tokenizer's uncut ones.
TEST_P(WordPieceGolden, SlowCut) {
  COSTEFF_NEED_SHARED(dir());
  const Tokenizer tokenizer(shared_path(dir()));
  int by_cut = 0, wrong = 0;
  for (const auto& row : read_rows(file("golden.jsonl"))) {
    if (!row.contains("slow_input_ids") || row["pair"].is_null() || row["max_length"].is_null())
      continue;
    GoldenRequest request = golden_request(row);
    if (request.options.truncation != Truncation::longest_first) continue;
    request.options.pair_cut = PairCut::slow;
    const Ids slow = ids_of(row, "slow_input_ids");
    if (slow.size() != ids_of(row, "input_ids").size()) continue;  // differs by its text
    const Encoding got = encode_request(tokenizer, request);
    if (got.ids == slow) {
      ++by_cut;
      continue;
    }
    Encoding a, b;
    tokenizer.encode(request.text, std::nullopt, {}, &a);
    tokenizer.encode(*request.pair, std::nullopt, {}, &b);
    const auto begins = [](const Ids& whole, Ids::const_iterator from, Ids::const_iterator to) {
      return to - from <= static_cast<int64_t>(whole.size()) - 2 &&
             std::equal(from, to, whole.begin() + 1);
    };
    for (size_t at = 1; at + 1 < slow.size(); ++at) {
      if (slow[at] != a.ids.back()) continue;
      if (begins(a.ids, slow.begin() + 1, slow.begin() + at) &&
          begins(b.ids, slow.begin() + at + 1, slow.end() - 1)) {
        ++wrong;
        ADD_FAILURE() << row.dump().substr(0, 600);
      }
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(by_cut, 0);
}

TEST_P(WordPieceGolden, SweepOverAllOfUnicode) {
  COSTEFF_NEED_SHARED(dir());
  const Tokenizer tokenizer(shared_path(dir()));
  const auto rows = read_rows(file("sweep.jsonl"));
  ASSERT_GT(rows.size(), 1u);
  const auto patterns = rows[0]["patterns"].get<std::vector<std::string>>();
  Encoding scratch;
  int blocks = 0, wrong = 0;
  for (size_t r = 1; r < rows.size(); ++r) {
    const SweepRow row = sweep_row(rows[r]);
    ASSERT_EQ(row.crc.size(), patterns.size());
    for (uint32_t block = row.first_block; block <= row.last_block; ++block) {
      ++blocks;
      for (size_t p = 0; p < patterns.size(); ++p) {
        const uint32_t crc = block_crc(
            block, [&](uint32_t c) { return swept_ids(tokenizer, patterns[p], c, &scratch); });
        if (crc != row.crc[p] && ++wrong <= kMaxReports) {
          ADD_FAILURE() << "block " << std::hex << block << " pattern " << patterns[p];
        }
      }
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(blocks, 0x1100 - 8);  // the blocks of surrogates may be missing
}

TEST_P(WordPieceGoldenDetail, EveryCodePoint) {
  COSTEFF_NEED_SHARED(dir());
  const Tokenizer tokenizer(shared_path(dir()));
  const std::string pattern = read_rows(file("sweep.jsonl"))[0]["patterns"][0];
  Encoding scratch;
  int wrong = 0;
  for (const auto& row : read_rows(file("sweep_detail.jsonl"))) {
    uint32_t c = from_hex_number(row["first"]);
    for (const auto& want : row["ids"]) {
      const Ids got = swept_ids(tokenizer, pattern, c, &scratch);
      if (got != want.get<Ids>() && ++wrong <= kMaxReports) {
        ADD_FAILURE() << "U+" << std::hex << c << ": " << nlohmann::json(got).dump() << ", not "
                      << want.dump();
      }
      ++c;
    }
  }
  EXPECT_EQ(wrong, 0);
}

const auto vocabulary_name = [](const auto& set) {
  std::string name = set.param;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
};

INSTANTIATE_TEST_SUITE_P(Sets, WordPieceGolden,
                         testing::Values("bert-base-uncased", "bert-base-cased",
                                         "bert-base-chinese", "bert-base-multilingual-cased"),
                         vocabulary_name);
INSTANTIATE_TEST_SUITE_P(Sets, WordPieceGoldenOptions,
                         testing::Values("bert-base-uncased", "bert-base-multilingual-cased"),
                         vocabulary_name);
INSTANTIATE_TEST_SUITE_P(Sets, WordPieceGoldenDetail,
                         testing::Values("bert-base-uncased", "bert-base-cased"), vocabulary_name);

}  // namespace
}  // namespace costeff::text
