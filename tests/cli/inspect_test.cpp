// What costeff inspect says about a model.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "cli/expected_rows.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

// A checkpoint with a tensor that nothing uses.
void add_unused_tensor(const TinyModel& model, const TinyShape& shape) {
  TinyTensors tensors = tiny_tensors(shape);
  tensors["ema.decay"] = {{2, 3}, std::vector<float>(6, 0.5f)};
  write_safetensors(model.dir.file("model.safetensors"), tensors);
}

TEST(Inspect, Json) {
  const TinyShape shape{.label_names = {"a", "b \"quoted\"", "c"}};
  const TinyModel model(shape);
  add_unused_tensor(model, shape);
  write_file(model.dir.file("exit_policy.json"),
             R"({"policy": "entropy", "thresholds": [0.3, 0.2, 0.1]})");
  const ModelInfo info = Engine(model.path()).info();
  const Finished f = run({"inspect", model.path(), "--json", "--length", "20"});
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  const auto j = nlohmann::ordered_json::parse(f.out);
  EXPECT_EQ(j["path"], model.path());
  EXPECT_EQ(j["dialect"], info.dialect);
  EXPECT_EQ(j["hidden_size"], 24);
  EXPECT_EQ(j["head_size"], 4);
  EXPECT_EQ(j["num_labels"], 3);
  EXPECT_EQ(j["labels"].get<Strings>(), shape.label_names);
  EXPECT_EQ(j["regression"], false);
  EXPECT_EQ(j["vocab_size"], 105);
  EXPECT_EQ(j["max_length"], 64);
  EXPECT_EQ(j["activation"], "gelu");
  EXPECT_EQ(j["dtype"], "F32");
  EXPECT_EQ(j["tokenizer"], info.tokenizer);
  EXPECT_EQ(j["parameters"], info.parameters);
  EXPECT_EQ(j["macs_length"], 20);
  ASSERT_EQ(j["layers"].size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const auto& layer = j["layers"][i];
    EXPECT_EQ(keys_of(layer), (Strings{"layer", "heads", "attention_size", "ffn_size", "parameters",
                                       "macs_to_here"}));
    EXPECT_EQ(layer["layer"], i + 1);
    EXPECT_EQ(layer["heads"], shape.heads[i]);
    EXPECT_EQ(layer["attention_size"], shape.heads[i] * 4);
    EXPECT_EQ(layer["ffn_size"], shape.ffn[i]);
    EXPECT_EQ(layer["macs_to_here"], macs(info, 20, static_cast<int64_t>(i) + 1, true));
  }
  ASSERT_EQ(j["exits"].size(), info.exits.size());
  EXPECT_EQ(keys_of(j["exits"][0]), (Strings{"layer", "form", "input_size", "parameters", "macs"}));
  EXPECT_EQ(j["policy"]["policy"], "entropy");
  EXPECT_EQ(j["policy"]["thresholds"].get<std::vector<double>>(),
            (std::vector<double>{0.3, 0.2, 0.1}));
  EXPECT_EQ(j["policy"]["exit_start"], 1);
  EXPECT_EQ(j["policy"]["text"], "entropy below 0.3, 0.2, 0.1");
  EXPECT_EQ(j["policy"]["from_model"], true);
  bool found = false;
  for (const auto& tensor : j["unused"]) {
    if (tensor["name"] != "ema.decay") continue;
    found = true;
    EXPECT_EQ(tensor["dtype"], "F32");
    EXPECT_EQ(tensor["shape"].get<std::vector<int>>(), (std::vector<int>{2, 3}));
  }
  EXPECT_TRUE(found);
  EXPECT_TRUE(j["notes"].is_array());
}

TEST(Inspect, Text) {
  const TinyShape shape;
  const TinyModel model(shape);
  add_unused_tensor(model, shape);
  const Finished f = run({"inspect", model.path()});
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  const Strings lines = lines_of(f.out);
  const auto has = [&](const std::string& begin) {
    for (const std::string& line : lines) {
      if (line.rfind(begin, 0) == 0) return true;
    }
    return false;
  };
  for (const char* begin :
       {"dialect       deebert", "labels        LABEL_0, LABEL_1, LABEL_2",
        "hidden size   24, head size 4", "embedding     105 tokens", "max length    64 tokens",
        "exit policy   never (the last layer answers) (the model states none)",
        "layer  heads  attention    ffn ", "    1      2          8     20 ",
        "    4      2          8     33 ",
        "in the checkpoint, not used:", "  ema.decay F32 [2, 3]"}) {
    EXPECT_TRUE(has(begin)) << begin << "\nnot in\n" << f.out;
  }
}

TEST(Inspect, BundledModelFitsATerminal) {
  const Finished f = run({"inspect", kBundledModel});
  EXPECT_EQ(f.exit_code, 0);
  for (const std::string& line : lines_of(f.out)) {
    if (line.rfind("model", 0) != 0) {
      EXPECT_LE(line.size(), 80u) << line;
    }
  }
  EXPECT_NE(f.out.find("\nexit policy   entropy below 0.4 (exit_policy.json)\n"),
            std::string::npos);
}

TEST(Inspect, ManyLabelsAreCut) {
  TinyShape shape{.labels = 40};
  for (int i = 0; i < 40; ++i) shape.label_names.push_back(fmt::format("label-{}", i));
  const TinyModel model(shape);
  const std::string text = run({"inspect", model.path()}).out;
  EXPECT_NE(
      text.find("\nlabels        label-0, label-1, label-2, label-3, label-4, label-5, ... (40)\n"),
      std::string::npos)
      << text;
}

}  // namespace
}  // namespace costeff::cli
