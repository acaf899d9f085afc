// The tokenizers of the golden checkpoints: ids of the slow tokenizer (which cuts pairs as
// PairCut::slow does), and of the fast one if the row has them.

#include <filesystem>

#include "shared_data.h"
#include "text/golden_rows.h"

namespace costeff::text {
namespace {

TEST(CheckpointGolden, EveryDirectory) {
  COSTEFF_NEED_SHARED("golden");
  int directories = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared_path("golden"))) {
    const std::string dir = entry.path().string();
    const auto has = [&](const char* name) { return std::filesystem::exists(dir + "/" + name); };
    if (!has("golden.jsonl")) continue;
    SCOPED_TRACE(dir);
    const Tokenizer tokenizer(dir);
    ++directories;
    const auto meta = nlohmann::json::parse(read_whole(dir + "/golden_meta.json"));
    int fast_rows = 0;
    Encoding got;
    for (const auto& row : read_rows(dir + "/golden.jsonl")) {
      SCOPED_TRACE(row["id"].dump());
      const std::string a = row["text_a"];
      std::optional<std::string> b;
      if (!row["text_b"].is_null()) b = row["text_b"].get<std::string>();
      const auto view = b ? std::optional<std::string_view>(*b) : std::nullopt;
      EncodeOptions options;
      options.max_length = meta["max_seq_length"];
      options.pair_cut = PairCut::slow;
      tokenizer.encode(a, view, options, &got);
      ASSERT_EQ(got.ids, ids_of(row, "input_ids"));
      // Checkpoints without token types have no such field.
      if (row.contains("token_type_ids") && !row["token_type_ids"].is_null()) {
        EXPECT_EQ(got.type_ids, ids_of(row, "token_type_ids"));
      }
      // For a single row, the fast tokenizer takes an empty second text for none; we do not.
      if (!row.contains("input_ids_fast") || (b && b->empty())) continue;
      ++fast_rows;
      options.pair_cut = PairCut::fast;
      tokenizer.encode(a, view, options, &got);
      EXPECT_EQ(got.ids, ids_of(row, "input_ids_fast"));
    }
    RecordProperty(entry.path().filename().string(), fast_rows);
  }
  EXPECT_GT(directories, 0);
}

}  // namespace
}  // namespace costeff::text
