// convert_checkpoint on small random models: same answers, nothing half-written.

#include <costeff/convert.h>
#include <costeff/engine.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error_of.h"
#include "base/tensors/half.h"
#include "checkpoint/containers/weights.h"
#include "shared_data.h"
#include "tiny_checkpoint.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;
using Layers = std::vector<int64_t>;

std::set<std::string> names(const std::string& dir) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(dir))
    out.insert(entry.path().filename().string());
  return out;
}

// A checkpoint in DIR/src, which is converted to DIR/dst.
struct Case {
  TempDir dir;
  explicit Case(const TinyShape& shape = {}) {
    fs::create_directory(dir.file("src"));
    write_tiny_checkpoint(dir.file("src"), shape);
  }
  std::string src() const { return dir.file("src"); }
  std::string dst() const { return dir.file("dst"); }
  ConvertReport convert(const ConvertOptions& options = {}) const {
    const auto report = convert_checkpoint(src(), dst(), options);
    EXPECT_TRUE(report.has_value());
    return report.value_or(ConvertReport{});
  }
  std::string error(ErrorKind kind, const ConvertOptions& options = {}) const {
    return error_to(dst(), kind, options);
  }
  std::string error_to(const std::string& target, ErrorKind kind,
                       const ConvertOptions& options = {}) const {
    return error_of(kind, [&] { convert_checkpoint(src(), target, options); });
  }
  // Only the source is there.
  void expect_nothing_written() const {
    EXPECT_EQ(names(dir.path()), std::set<std::string>{"src"});
  }
};

std::vector<Result> answers(const std::string& path) {
  std::vector<Example> rows;
  for (const std::string& text : tiny_texts(12, 5)) {
    rows.emplace_back();
    rows.back().text_a = text;
  }
  RunOptions o;
  o.policy = ExitPolicy{};
  o.all_exits = true;
  return Engine(path).score(rows, o);
}

// The exits of `b` give what those of `a` give, bit for bit.
void expect_same_exits(const std::string& a, const std::string& b, const Layers& layers) {
  const auto x = answers(a), y = answers(b);
  for (size_t i = 0; i < x.size(); ++i) {
    Layers have;
    for (const ExitOutput& e : y[i].exits) {
      have.push_back(e.layer);
      for (const ExitOutput& other : x[i].exits) {
        if (other.layer == e.layer) {
          ASSERT_EQ(other.logits, e.logits) << "row " << i << ", layer " << e.layer;
        }
      }
    }
    ASSERT_EQ(have, layers);
    ASSERT_EQ(x[i].logits, y[i].logits);
  }
}

std::vector<TinyShape> shapes() {
  std::vector<TinyShape> all(8);
  all[0].dialect = "plain";
  all[2] = {.dialect = "deebert",
            .hidden = 45,
            .head_size = 3,
            .heads = {5, 1, 2, 4},
            .ffn = {510, 1, 9, 64}};
  all[3] = {.dialect = "costeff", .heads = {2}, .ffn = {13}, .rank = 5, .pooler_dense = true};
  all[4] = {.dialect = "costeff", .heads = {3}, .ffn = {40}, .pooling_mode = "avg"};
  all[5] = {.dialect = "costeff", .heads = {1}, .ffn = {16}, .rank = 7, .last_n_hidden = 3};
  all[6] = {.dialect = "costeff",
            .heads = {2},
            .ffn = {16},
            .pooling_mode = "avg",
            .hidden_mode = "avg",
            .last_n_hidden = 2};
  all[7] = {.dialect = "costeff", .heads = {2}, .ffn = {16}, .last_n_hidden = 5};
  for (const TinyShape& own : tiny_own_shapes()) all.push_back(own);
  return all;
}

TEST(Convert, GivesTheSameAnswers) {
  for (const TinyShape& shape : shapes()) {
    SCOPED_TRACE(tiny_config(shape));
    const Case c(shape);
    const ConvertReport r = c.convert();
    expect_same_exits(c.src(), c.dst(), r.exits);
    EXPECT_EQ(Engine(c.dst()).info().dialect, r.dialect);
    EXPECT_EQ(names(c.dst()),
              (std::set<std::string>{"config.json", "model.safetensors", "vocab.txt"}));
    EXPECT_EQ(names(c.dir.path()), (std::set<std::string>{"dst", "src"}));
    // Converted once more, nothing changes.
    ASSERT_TRUE(convert_checkpoint(c.dst(), c.dir.file("again")));
    for (const char* file : {"model.safetensors", "vocab.txt"}) {
      EXPECT_EQ(read_whole_file(c.dir.file("again/" + std::string(file))),
                read_whole_file(c.dst() + "/" + file));
    }
  }
}

TEST(Convert, ReportsWhatItWrote) {
  const Case c;
  write_file(c.src() + "/tokenizer_config.json", "{\"do_lower_case\": false}");
  write_file(c.src() + "/README.md", "not ours");
  write_file(c.src() + "/optimizer.pt", "not ours");
  const ConvertReport r = c.convert();
  EXPECT_EQ(r.dialect, "deebert-bert");
  EXPECT_EQ(r.layers, 4);
  EXPECT_EQ(r.exits, (Layers{1, 2, 3, 4}));
  EXPECT_EQ(r.files, (std::vector<std::string>{"config.json", "model.safetensors", "vocab.txt",
                                               "tokenizer_config.json"}));
  EXPECT_EQ(names(c.dst()), std::set<std::string>(r.files.begin(), r.files.end()));
  EXPECT_EQ(read_whole_file(c.dst() + "/tokenizer_config.json"), "{\"do_lower_case\": false}");
  const TensorSet set = checkpoint::read_weights(c.dst());
  EXPECT_EQ(r.tensors, static_cast<int64_t>(set.tensors.size()));
  int64_t bytes = 0;
  for (const Tensor& t : set.tensors) bytes += t.bytes();
  EXPECT_EQ(r.bytes, bytes);
  // highway.3: the untrained off-ramp of the last layer.
  EXPECT_EQ(r.notes.back(), "4 tensors that the model does not use are left out");
  const auto j = nlohmann::json::parse(read_whole_file(c.dst() + "/config.json"));
  EXPECT_EQ(j["costeff"]["source"],
            (nlohmann::json{{"name", "src"}, {"dialect", "deebert-bert"}, {"dtype", "F32"}}));
}

TEST(Convert, Dtypes) {
  const Case c;
  const TensorSet before = checkpoint::read_weights(c.src());
  struct Row {
    StoredType type;
    DType dtype;
    uint16_t (*round)(float);
    float (*widen)(uint16_t);
  };
  for (const Row& row :
       {Row{StoredType::float16, DType::f16, float_to_half, half_to_float},
        Row{StoredType::bfloat16, DType::bf16, float_to_bfloat16, bfloat16_to_float}}) {
    const std::string half = c.dir.file(dtype_name(row.dtype)), wide = half + "-wide",
                      kept = half + "-kept";
    ASSERT_TRUE(convert_checkpoint(c.src(), half, {.dtype = row.type}));
    const TensorSet after = checkpoint::read_weights(half);
    for (const Tensor& t : after.tensors) {
      ASSERT_EQ(t.dtype, row.dtype) << t.name;
      const Tensor* old = before.find(t.name);
      ASSERT_NE(old, nullptr) << t.name;
      std::vector<float> x(static_cast<size_t>(t.numel())), y(x.size());
      to_float32(*old, x.data());
      to_float32(t, y.data());
      for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], row.widen(row.round(x[i]))) << t.name;
    }
    // Kept without --dtype, and the same numbers when widened.
    ASSERT_TRUE(convert_checkpoint(half, kept));
    EXPECT_EQ(read_whole_file(kept + "/model.safetensors"),
              read_whole_file(half + "/model.safetensors"));
    ASSERT_TRUE(convert_checkpoint(half, wide, {.dtype = StoredType::float32}));
    expect_same_exits(half, wide, {1, 2, 3, 4});
    EXPECT_EQ(Engine(wide).info().dtype, "F32");
  }
}

TEST(Convert, NumbersBeyondFloat16AreAnError) {
  const Case c;
  TinyTensors tensors = tiny_tensors(TinyShape{});
  tensors["bert.pooler.dense.bias"].values[2] = 1e5f;
  write_safetensors(c.src() + "/model.safetensors", tensors);
  EXPECT_EQ(c.error(ErrorKind::output, {.dtype = StoredType::float16}),
            c.src() +
                "/model.safetensors: tensor bert.pooler.dense.bias: element [2] is 100000.0, "
                "float16 holds numbers up to 65504");
  c.expect_nothing_written();
  c.convert({.dtype = StoredType::bfloat16});
}

TEST(Convert, KeepsTheExitsAskedFor) {
  for (const TinyShape& shape : shapes()) {
    if (shape.dialect == "plain") continue;
    SCOPED_TRACE(tiny_config(shape));
    const Case c(shape);
    for (const auto& [asked, kept] : std::vector<std::pair<Layers, Layers>>{
             {{1, 3}, {1, 3, 4}}, {{3, 2}, {2, 3, 4}}, {{4}, {4}}, {{2, 4}, {2, 4}}}) {
      fs::remove_all(c.dst());
      ConvertOptions o;
      o.exits = asked;
      EXPECT_EQ(c.convert(o).exits, kept);
      expect_same_exits(c.src(), c.dst(), kept);
    }
  }
}

TEST(Convert, WrongExits) {
  const Case c;
  const auto exits = [](const Layers& layers, const Layers& drop = {}) {
    ConvertOptions o;
    o.exits = layers;
    o.drop_layers = drop;
    return o;
  };
  EXPECT_EQ(c.error(ErrorKind::usage, exits({1, 5})),
            "no exit at layer 5; this model has exits at layer 1, 2, 3, 4");
  EXPECT_EQ(c.error(ErrorKind::usage, exits({2, 3}, {3})),
            "the exit at layer 3 is to stay, but the layer is to be dropped");
  c.expect_nothing_written();
  const Case plain({.dialect = "plain"});
  EXPECT_EQ(plain.error(ErrorKind::usage, exits({1})),
            "no exit at layer 1; this model has exits at layer 4");
}

// Without layers 2 and 4 of four, it computes the same as a checkpoint made of layers 1 and 3.
TEST(Convert, DropsLayers) {
  const TinyShape shape{};
  const Case c(shape);
  ConvertOptions o;
  o.drop_layers = {4, 2};
  const ConvertReport r = c.convert(o);
  EXPECT_EQ(r.layers, 2);
  EXPECT_EQ(r.exits, (Layers{1, 2}));

  TinyTensors by_hand;
  for (const auto& [name, t] : tiny_tensors(shape)) {
    std::string to = name;
    const auto begins = [&](const std::string& s) {
      return name.rfind("bert.encoder." + s, 0) == 0;
    };
    if (begins("layer.1.") || begins("layer.3.") || begins("highway.1.") || begins("highway.3."))
      continue;
    if (begins("layer.2.")) to[std::string("bert.encoder.layer.").size()] = '1';
    if (begins("highway.2.")) continue;  // its place is the final classifier's
    by_hand[to] = t;
  }
  fs::create_directory(c.dir.file("hand"));
  TinyShape two = shape;
  two.layers = 2;
  two.heads = {shape.heads[0], shape.heads[2]};
  two.ffn = {shape.ffn[0], shape.ffn[2]};
  write_tiny_checkpoint(c.dir.file("hand"), two);
  write_safetensors(c.dir.file("hand/model.safetensors"), by_hand);
  expect_same_exits(c.dir.file("hand"), c.dst(), {1, 2});
  const auto j = nlohmann::json::parse(read_whole_file(c.dst() + "/config.json"));
  EXPECT_EQ(j["num_hidden_layers"], 2);
}

TEST(Convert, WrongLayers) {
  const Case c;
  const auto drop = [](const Layers& layers) {
    ConvertOptions o;
    o.drop_layers = layers;
    return o;
  };
  EXPECT_EQ(c.error(ErrorKind::usage, drop({5})),
            "no layer 5 to drop; this model has layers 1 to 4");
  EXPECT_EQ(c.error(ErrorKind::usage, drop({1, 2, 3, 4})),
            "all 4 layers to drop, expected one to stay");
  c.expect_nothing_written();
  // The off-ramp after layer 3 has a classifier for three hidden states.
  const Case concat({.dialect = "costeff", .heads = {1}, .ffn = {16}, .last_n_hidden = 3});
  EXPECT_EQ(
      concat.error(ErrorKind::usage, drop({1})),
      "the exit at layer 2 reads the last 3 hidden states, without the dropped layers there are 2: "
      "leave it out too (--exits), or drop other layers");
  concat.expect_nothing_written();
  ConvertOptions o = drop({1});
  o.exits = {3};
  EXPECT_EQ(concat.convert(o).exits, (Layers{2, 3}));
  fs::remove_all(concat.dst());
  EXPECT_EQ(concat.convert(drop({3, 4})).exits, (Layers{1, 2}));
}

TEST(Convert, ThePolicyFollowsTheLayers) {
  const auto policy_after = [](const std::string& policy, const Layers& drop,
                               std::optional<Layers> exits = {}) {
    const Case c;
    write_file(c.src() + "/exit_policy.json", policy);
    ConvertOptions o;
    o.drop_layers = drop;
    o.exits = std::move(exits);
    const ConvertReport r = c.convert(o);
    const auto j = nlohmann::json::parse(read_whole_file(c.dst() + "/config.json"));
    if (!fs::exists(c.dst() + "/exit_policy.json")) {
      EXPECT_TRUE(j["costeff"]["policy"].is_null());
      return "none: " + r.notes.at(r.notes.size() - 2);
    }
    Engine(c.dst()).info();
    const auto written = nlohmann::json::parse(read_whole_file(c.dst() + "/exit_policy.json"));
    EXPECT_EQ(j["costeff"]["policy"], written);
    return written.dump();
  };
  EXPECT_EQ(policy_after(R"({"policy": "entropy", "threshold": 0.1})", {}),
            R"({"policy":"entropy","threshold":0.1})");
  EXPECT_EQ(
      policy_after(R"({"policy": "margin", "thresholds": [0.1, 0.2, 0.3, 0.4], "exit_start": 3})",
                   {2}),
      R"({"exit_start":2,"policy":"margin","thresholds":[0.1,0.3,0.4]})");
  EXPECT_EQ(policy_after(R"({"policy": "max-prob", "thresholds": [0.1, 0.2, 0.3]})", {4}),
            R"({"policy":"max-prob","thresholds":[0.1,0.2,0.3]})");
  EXPECT_EQ(policy_after(R"({"policy": "entropy", "thresholds": [0.1, 0.2, 0.3], "exit_start": 4})",
                         {1, 2, 3}),
            R"({"policy":"entropy","threshold":0.1})");
  EXPECT_EQ(policy_after(R"({"policy": "fixed", "layer": 3})", {1}),
            R"({"layer":2,"policy":"fixed"})");
  EXPECT_EQ(policy_after(R"({"policy": "fixed", "layer": 4})", {4}),
            R"({"layer":3,"policy":"fixed"})");
  EXPECT_EQ(policy_after(R"({"policy": "patience", "patience": 2, "exit_start": 3})", {1}),
            R"({"exit_start":2,"patience":2,"policy":"patience"})");
  EXPECT_EQ(policy_after(R"({"policy": "fixed", "layer": 2})", {2}),
            "none: exit_policy.json is left out: the exit it leaves at is gone");
  EXPECT_EQ(policy_after(R"({"policy": "fixed", "layer": 2})", {}, Layers{1}),
            "none: exit_policy.json is left out: the exit it leaves at is gone");
}

// BERxiT: the golden checkpoint that has its own policy.
TEST(Convert, TheLearnedPolicyStaysWithTheLearnedExits) {
  COSTEFF_NEED_SHARED("golden/berxit");
  const TempDir dir;
  const std::string src = dir.file("src");
  fs::copy(shared_path("golden/berxit"), src);
  write_file(src + "/exit_policy.json", R"({"policy": "learned", "threshold": 0.25})");
  ASSERT_TRUE(convert_checkpoint(src, dir.file("all")));
  const auto written = nlohmann::json::parse(read_whole_file(dir.file("all/exit_policy.json")));
  EXPECT_EQ(written.dump(), R"({"policy":"learned","threshold":0.25})");
  EXPECT_EQ(Engine(dir.file("all")).info().policy.kind, PolicyKind::learned);

  ConvertOptions plain;
  plain.exits = Layers{};
  const auto report = convert_checkpoint(src, dir.file("plain"), plain);
  ASSERT_TRUE(report);
  EXPECT_NE(std::find(report->notes.begin(), report->notes.end(),
                      "exit_policy.json is left out: the learned exits are gone"),
            report->notes.end());
  EXPECT_FALSE(fs::exists(dir.file("plain/exit_policy.json")));
  EXPECT_FALSE(Engine(dir.file("plain")).info().policy_from_model);
}

TEST(Convert, APolicyThatDoesNotFitTheSourceIsAnError) {
  const Case c;
  write_file(c.src() + "/exit_policy.json", R"({"policy": "entropy", "thresholds": [0.1, 0.2]})");
  EXPECT_EQ(
      c.error(ErrorKind::model).find(c.src() + "/exit_policy.json: policy entropy: 2 thresholds"),
      0u);
  write_file(c.src() + "/exit_policy.json", R"({"policy": "learned", "threshold": 0.1})");
  EXPECT_EQ(c.error(ErrorKind::model),
            c.src() +
                "/exit_policy.json: policy learned needs a model with a learned exit "
                "(BERxiT), and this one is deebert-bert");
  c.expect_nothing_written();
}

TEST(Convert, TargetsThatAreRefused) {
  const Case c;
  const std::string expected = ", expected a new name or an empty directory";
  EXPECT_EQ(c.error_to(c.src(), ErrorKind::usage),
            c.src() + ": is the source itself, expected another directory");
  EXPECT_EQ(c.error_to(c.src() + "/../src/", ErrorKind::usage),
            c.src() + "/../src/: is the source itself, expected another directory");
  fs::create_directory_symlink(c.src(), c.dir.file("link"));
  EXPECT_EQ(c.error_to(c.dir.file("link"), ErrorKind::usage),
            c.dir.file("link") + ": is the source itself, expected another directory");
  fs::create_directory(c.dir.file("full"));
  write_file(c.dir.file("full/f"), "old");
  EXPECT_EQ(c.error_to(c.dir.file("full"), ErrorKind::output),
            c.dir.file("full") + ": is not empty" + expected);
  EXPECT_EQ(names(c.dir.path()), (std::set<std::string>{"full", "link", "src"}));
  EXPECT_EQ(names(c.dir.file("full")), std::set<std::string>{"f"});
  fs::create_directory(c.dir.file("empty"));
  ASSERT_TRUE(convert_checkpoint(c.src(), c.dir.file("empty")));
  expect_same_exits(c.src(), c.dir.file("empty"), {1, 2, 3, 4});
}

TEST(Convert, ABrokenSourceLeavesNothing) {
  const Case c;
  write_file(c.src() + "/model.safetensors", "no");
  EXPECT_EQ(c.error(ErrorKind::model).find(c.src() + "/model.safetensors: "), 0u);
  c.expect_nothing_written();
  fs::remove_all(c.src());
  fs::create_directory(c.src());
  c.error(ErrorKind::model);
  c.expect_nothing_written();
}

TEST(Convert, AFifoAmongTheTokenizerFilesIsAnErrorAtOnce) {
  const Case c;
  ASSERT_EQ(::mkfifo((c.src() + "/merges.txt").c_str(), 0600), 0);
  EXPECT_EQ(c.error(ErrorKind::model), c.src() + "/merges.txt: not a regular file");
  c.expect_nothing_written();
}

TEST(Convert, StopsWhenTold) {
  const Case c;
  const std::atomic<bool> stop{true};
  EXPECT_FALSE(convert_checkpoint(c.src(), c.dst(), {}, &stop).has_value());
  c.expect_nothing_written();
}

}  // namespace
}  // namespace costeff
