// Every golden checkpoint gives the same answers after conversion, bit for bit, at every exit.

#include <costeff/convert.h>
#include <costeff/diff.h>
#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "golden/golden_data.h"
#include "shared_data.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::vector<std::string> directories() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(shared_path("golden"), none)) {
    if (fs::exists(entry.path() / "golden_meta.json"))
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Example> rows_of(const std::string& dir) {
  std::vector<Example> rows;
  for (const json& r : read_json_lines(dir + "/golden.jsonl")) {
    Example e;
    e.has_ids = true;
    e.input_ids = r.at("input_ids").get<std::vector<int32_t>>();
    e.token_type_ids = r.at("token_type_ids").get<std::vector<int32_t>>();
    rows.push_back(std::move(e));
  }
  return rows;
}

std::vector<Result> answers(const std::string& model, const std::vector<Example>& rows) {
  RunOptions o;
  o.policy = ExitPolicy{};
  o.all_exits = true;
  o.encode.max_length = 128;
  return Engine(model).score(rows, o);
}

// Exits of `b` against the same of `a`.
void expect_same(const std::vector<Result>& a, const std::vector<Result>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].logits, b[i].logits) << "row " << i;
    ASSERT_EQ(a[i].token_logits, b[i].token_logits) << "row " << i;
    size_t found = 0;
    for (const ExitOutput& x : a[i].exits) {
      for (const ExitOutput& y : b[i].exits) {
        if (x.layer != y.layer) continue;
        ++found;
        ASSERT_EQ(x.logits, y.logits) << "row " << i << ", layer " << x.layer;
        ASSERT_EQ(x.uncertainty, y.uncertainty) << "row " << i << ", layer " << x.layer;
      }
    }
    ASSERT_EQ(found, b[i].exits.size());
  }
}

class ConvertGolden : public testing::TestWithParam<std::string> {
 protected:
  const std::string src = shared_path("golden/" + GetParam());
  const TempDir temp;
  const std::string dst = temp.file("dst");
};

TEST_P(ConvertGolden, SameAnswersBitForBit) {
  const auto report = convert_checkpoint(src, dst);
  ASSERT_TRUE(report.has_value());
  const ModelInfo before = Engine(src).info(), after = Engine(dst).info();
  // Masks are folded, so cofi-zs becomes compact.
  const std::string dialect =
      before.dialect.starts_with("cofi-zs")
          ? "cofi-compact" + before.dialect.substr(std::string("cofi-zs").size())
          : before.dialect;
  EXPECT_EQ(after.dialect, dialect);
  EXPECT_EQ(report->dialect, dialect);
  EXPECT_EQ(after.dtype, before.dtype);
  EXPECT_EQ(after.labels, before.labels);
  EXPECT_EQ(after.parameters, before.parameters);
  EXPECT_EQ(after.exits.size(), before.exits.size());
  EXPECT_TRUE(after.unused.empty());
  EXPECT_TRUE(after.notes.empty());
  const auto rows = rows_of(src);
  expect_same(answers(src, rows), answers(dst, rows));
}

TEST_P(ConvertGolden, DiffSaysTheSame) {
  ASSERT_TRUE(convert_checkpoint(src, dst));
  bool given = false;
  const Source one = [&](Example& row, bool) {
    if (given) return ReadStatus::end;
    given = true;
    row = Example{};
    row.text_a = "a film that knows when to stop";
    return ReadStatus::row;
  };
  const ModelDifference d = diff_checkpoints(src, dst, one);
  EXPECT_TRUE(d.same(0));
  EXPECT_EQ(d.rows, 1);
  for (const TensorDifference& t : d.tensors) EXPECT_TRUE(t.same_bits) << t.name;
}

// The header is sorted, the data aligned, and names are canonical.
TEST_P(ConvertGolden, FileIsClean) {
  ASSERT_TRUE(convert_checkpoint(src, dst));
  const std::string file = read_whole_file(dst + "/model.safetensors");
  uint64_t size = 0;
  for (int i = 7; i >= 0; --i)
    size = size << 8 | static_cast<uint8_t>(file[static_cast<size_t>(i)]);
  EXPECT_EQ(size % 8, 0u);
  const auto header = nlohmann::ordered_json::parse(file.substr(8, size));
  EXPECT_EQ(header.begin().key(), "__metadata__");
  std::string previous, dtype;
  for (const auto& [name, t] : header.items()) {
    if (name == "__metadata__") continue;
    if (t["dtype"] == dtype) {
      EXPECT_LT(previous, name);
    }
    dtype = t["dtype"];
    previous = name;
    EXPECT_EQ(t["data_offsets"][0].get<uint64_t>() % (dtype == "F32" ? 4 : 2), 0u) << name;
    EXPECT_TRUE(name.ends_with(".weight") || name.ends_with(".bias")) << name;
    EXPECT_FALSE(name.starts_with("module.") || name.starts_with("core.")) << name;
  }
}

TEST_P(ConvertGolden, EveryExitCanBeLeftOut) {
  std::vector<int64_t> layers;
  const ModelInfo before = Engine(src).info();
  for (const ExitInfo& e : before.exits) layers.push_back(e.layer);
  const auto rows = rows_of(src);
  const auto all = answers(src, rows);
  for (size_t without = 0; without + 1 < layers.size(); ++without) {
    ConvertOptions o;
    o.exits = layers;
    o.exits->erase(o.exits->begin() + static_cast<std::ptrdiff_t>(without));
    const std::string to = temp.file(fmt::format("without{}", layers[without]));
    const auto report = convert_checkpoint(src, to, o);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->exits, *o.exits);
    expect_same(all, answers(to, rows));
  }
  const auto alone = convert_checkpoint(src, dst, {.exits = std::vector<int64_t>{layers.back()}});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->exits, std::vector<int64_t>{layers.back()});
  expect_same(all, answers(dst, rows));
}

// It loads and answers, whatever the answers are.
TEST_P(ConvertGolden, EveryLayerCanBeDropped) {
  const ModelInfo before = Engine(src).info();
  const auto layers = static_cast<int64_t>(before.layers.size());
  const auto rows = rows_of(src);
  for (int64_t layer = 1; layer <= layers; ++layer) {
    SCOPED_TRACE(fmt::format("layer {}", layer));
    const std::string to = temp.file(fmt::format("without{}", layer));
    ConvertOptions o;
    o.drop_layers = {layer};
    try {
      ASSERT_TRUE(convert_checkpoint(src, to, o));
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::usage);
      if (std::string(e.what()).find("share weights") != std::string::npos) {
        // Of ALBERT's groups each must lose as much as the others.
        EXPECT_TRUE(GetParam().starts_with("albert_") && GetParam().ends_with("_groups"));
        continue;
      }
      // COST-EFF's joined hidden states: an exit may lose its input.
      EXPECT_NE(std::string(e.what()).find("hidden states"), std::string::npos) << e.what();
      EXPECT_EQ(GetParam(), "costeff_full_concat3");
      continue;
    }
    const ModelInfo after = Engine(to).info();
    ASSERT_EQ(after.layers.size(), before.layers.size() - 1);
    for (int64_t i = 1; i < layers; ++i) {
      const LayerInfo& old = before.layers[static_cast<size_t>(i < layer ? i - 1 : i)];
      const LayerInfo& now = after.layers[static_cast<size_t>(i - 1)];
      EXPECT_EQ(now.heads, old.heads);
      EXPECT_EQ(now.ffn_size, old.ffn_size);
    }
    EXPECT_EQ(answers(to, rows).size(), rows.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, ConvertGolden, testing::ValuesIn(directories()),
                         [](const auto& i) { return i.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvertGolden);

TEST(ConvertGoldens, ContainersOfOneModelGiveOneFile) {
  COSTEFF_NEED_SHARED("golden");
  std::map<std::string, std::string> first;  // dtype -> bytes
  const TempDir temp;
  int compared = 0;
  for (const std::string& name : directories()) {
    if (!name.starts_with("container_")) continue;
    ASSERT_TRUE(convert_checkpoint(shared_path("golden/" + name), temp.file(name)));
    const std::string bytes = read_whole_file(temp.file(name) + "/model.safetensors");
    const auto [it, fresh] = first.emplace(Engine(temp.file(name)).info().dtype, bytes);
    if (fresh) continue;
    ++compared;
    EXPECT_TRUE(it->second == bytes) << name;
  }
  EXPECT_GE(compared, 5);
}

}  // namespace
}  // namespace costeff
