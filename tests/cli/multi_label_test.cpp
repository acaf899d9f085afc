// Models that give any number of labels, through every command that answers, judges or makes one.

#include <algorithm>
#include <cmath>

#include "cli/eval_data.h"

namespace costeff::cli {
namespace {

const Strings kNames{"joy", "a|b", "fear"};

// A model with off-ramps whose last label's name needs an escape, and rows in each form.
struct MultiLabelCli : testing::Test {
  TempDir model, dir;
  Strings texts = tiny_texts(40, 5);
  MultiLabelCli() {
    TinyShape shape;
    shape.label_names = kNames;
    write_tiny_checkpoint(model.path(), shape);
    Json config = Json::parse(read_whole_file(model.file("config.json")));
    config["problem_type"] = "multi_label_classification";
    write_file(model.file("config.json"), config.dump());
  }
  // The labels of row i.
  static std::vector<int> labels_of(size_t i) {
    std::vector<int> labels;
    for (int l = 0; l < 3; ++l)
      if ((i >> l) % 2 == 1) labels.push_back(l);
    return labels;
  }
  // form: names, numbers, indicators, table
  std::string rows(const std::string& form) const {
    std::string out = form == "table" ? "text\tlabel\n" : "";
    for (size_t i = 0; i < texts.size(); ++i) {
      Json row{{"text", texts[i]}, {"labels", Json::array()}};
      std::string cell;
      if (form == "indicators") row["labels"] = {0.0, 0.0, 0.0};
      for (const int l : labels_of(i)) {
        const auto at = static_cast<size_t>(l);
        if (form == "names") row["labels"].push_back(kNames[at]);
        if (form == "numbers") row["labels"].push_back(l);
        if (form == "indicators") row["labels"][at] = 1.0;
        cell += (cell.empty() ? "" : "|") + std::string(l == 1 ? "a\\|b" : kNames[at]);
      }
      out += form == "table" ? texts[i] + "\t" + cell + "\n" : row.dump() + "\n";
    }
    return out;
  }
  std::string file(const std::string& name, const std::string& bytes) const {
    write_file(dir.file(name), bytes);
    return dir.file(name);
  }
  std::string lines() const {
    std::string out;
    for (const std::string& t : texts) out += t + "\n";
    return file("in.txt", out);
  }
};

// The answers follow from the logits that JSONL has.
TEST_F(MultiLabelCli, AnswersInEveryFormat) {
  const std::string in = lines();
  const Finished j = run(
      {"infer", model.path(), in, "--format", "jsonl", "--all-exits", "--label-threshold", "0.6"});
  ASSERT_EQ(j.exit_code, 0) << j.err;
  std::vector<Json> answers;
  for (const std::string& line : lines_of(j.out)) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), texts.size());
  Strings cells;
  size_t none = 0;
  for (const Json& a : answers) {
    const Json& logits = a["exits"].back()["logits"];
    Json names = Json::array(), ids = Json::array();
    std::string cell;
    double least = 1, entropy = 0;
    for (size_t l = 0; l < 3; ++l) {
      const double p = 1 / (1 + std::exp(-logits[l].get<double>()));
      EXPECT_NEAR(a["probs"][kNames[l]].get<double>(), p, 1e-6);
      EXPECT_NEAR(a["exits"].back()["probs"][l].get<double>(), p, 1e-6);
      least = std::min(least, std::max(p, 1 - p));
      entropy = std::max(entropy, -p * std::log(p) - (1 - p) * std::log1p(-p));
      if (p <= 0.6) continue;
      names.push_back(kNames[l]);
      ids.push_back(l);
      cell += (cell.empty() ? "" : "|") + std::string(l == 1 ? "a\\|b" : kNames[l]);
    }
    none += names.empty();
    EXPECT_EQ(a["labels"], names);
    EXPECT_EQ(a["label_ids"], ids);
    EXPECT_NEAR(a["prob"].get<double>(), least, 1e-6);
    EXPECT_NEAR(a["entropy"].get<double>(), entropy, 1e-6);
    EXPECT_FALSE(a.contains("label"));
    cells.push_back(cell);
  }
  EXPECT_GT(none, 0u);
  const Finished csv = run(
      {"infer", model.path(), in, "--format", "csv", "--label-threshold", "0.6", "--top-k", "2"});
  EXPECT_EQ(lines_of(csv.out)[0], "id,label,prob,entropy,exit_layer,label_1,prob_1,label_2,prob_2");
  const Strings got = lines_of(csv.out);
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string begin = std::to_string(i + 1) + "," + cells[i] + ",";
    EXPECT_TRUE(got[i + 1].starts_with(begin)) << got[i + 1] << " and not " << begin;
  }
  const Finished top = run({"infer", model.path(), in, "--format", "jsonl", "--top-k", "1"});
  EXPECT_EQ(Json::parse(lines_of(top.out)[0])["probs"].size(), 1u);
  const Finished table = run({"infer", model.path(), in, "--format", "table"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  for (const std::string& line : lines_of(table.out)) EXPECT_LE(line.size(), 90u);
}

TEST_F(MultiLabelCli, EveryFormOfLabelsIsJudgedAlike) {
  Json first;
  for (const char* form : {"names", "numbers", "indicators", "table"}) {
    const std::string data =
        file(std::string(form) + (form == std::string("table") ? ".tsv" : ".jsonl"), rows(form));
    const Json j = eval_json({model.path(), data, "--point", "patience:1", "-q"});
    const Json& p = j["evaluations"][0]["policies"];
    if (first.is_null()) first = p;
    EXPECT_EQ(p, first) << form;
  }
  const Json& metrics = first[0]["metrics"];
  for (const char* name :
       {"subset_accuracy", "micro_f1", "macro_f1", "sample_f1", "hamming_loss"}) {
    const double v = metrics[name]["value"];
    EXPECT_TRUE(v >= 0 && v <= 1) << name;
    EXPECT_LE(metrics[name]["low"].get<double>(), v);
    EXPECT_GE(metrics[name]["high"].get<double>(), v);
  }
  int64_t gold = 0;
  for (const Json& l : first[0]["by_label"]) gold += l["gold"].get<int64_t>();
  int64_t wanted = 0;
  for (size_t i = 0; i < texts.size(); ++i) wanted += static_cast<int64_t>(labels_of(i).size());
  EXPECT_EQ(gold, wanted);

  // Labels are answered as by infer with that threshold.
  const std::string data = dir.file("names.jsonl");
  const Json lower = eval_json({model.path(), data, "--label-threshold", "0.45", "-q"});
  const Finished infer = run({"infer", model.path(), data, "--text-field", "text", "--format",
                              "jsonl", "--label-threshold", "0.45"});
  std::vector<int64_t> answered(3);
  for (const std::string& line : lines_of(infer.out)) {
    const Json row = Json::parse(line);
    for (const Json& id : row["label_ids"]) ++answered[id.get<size_t>()];
  }
  const Json& by_label = lower["evaluations"][0]["policies"][0]["by_label"];
  for (size_t l = 0; l < 3; ++l) EXPECT_EQ(by_label[l]["answered"], answered[l]);
  EXPECT_NE(by_label, first[0]["by_label"]);
  const Finished text = run({"eval", model.path(), data});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const std::string& line : lines_of(text.out)) EXPECT_LE(line.size(), 80u) << line;
  const Finished tsv = run({"eval", model.path(), data, "--format", "tsv", "-q"});
  EXPECT_TRUE(lines_of(tsv.out)[0].ends_with(
      "exit_histogram\tsubset_accuracy\tsubset_accuracy_low\tsubset_accuracy_high\tmicro_f1\t"
      "micro_f1_low\tmicro_f1_high\tsample_f1\tsample_f1_low\tsample_f1_high\thamming_loss\t"
      "hamming_loss_low\thamming_loss_high"));
  for (const std::string& line : lines_of(tsv.out))
    EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 44);
}

TEST_F(MultiLabelCli, SweepAndTuneCompareSets) {
  const std::string data = file("d.jsonl", rows("names"));
  const Finished s = run({"sweep", model.path(), "--data", data, "--json", "-", "-q"});
  ASSERT_EQ(s.exit_code, 0) << s.err;
  const Json j = Json::parse(s.out);
  EXPECT_EQ(j["quality_name"], "subset accuracy");
  EXPECT_EQ(j["multi_label"], true);
  const Json e = eval_json({model.path(), data, "-q"});
  EXPECT_DOUBLE_EQ(j["points"][0]["quality"].get<double>(),
                   e["evaluations"][0]["policies"][0]["metrics"]["subset_accuracy"]["value"]);
  const Finished t = run({"tune", model.path(), "--data", data, "--max-drop", "0.5", "--dry-run"});
  EXPECT_EQ(t.exit_code, 0) << t.err;
  const Finished c = run({"tune", model.path(), "--data", data, "--max-drop", "0.5",
                          "--consistency", "--dry-run", "--policy", "patience"});
  EXPECT_EQ(c.exit_code, 0) << c.err;
}

TEST_F(MultiLabelCli, TrainsOnListsAndGoesOnFromItsModel) {
  const std::string names = file("n.jsonl", rows("names"));
  const std::string table = file("t.tsv", rows("table"));
  const std::string out = dir.file("out");
  const Finished f =
      run({"train", model.path(), "--data", names, "--recipe", "joint", "--epochs", "2", "--lr",
           "1e-3", "--batch", "8", "--pos-weight", "balanced", "--dev-share", "0.2", "-o", out});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.err.find("labels: 0 joy, 1 a|b, 2 fear (the backbone's names)"), std::string::npos)
      << f.err;
  EXPECT_NE(f.err.find("micro_f1"), std::string::npos);
  const Json record = Json::parse(read_whole_file(out + "/training.json"));
  EXPECT_EQ(Json::parse(read_whole_file(out + "/config.json"))["problem_type"],
            "multi_label_classification");
  const Finished table_run = run({"train", out, "--data", table, "--epochs", "0.2", "--recipe",
                                  "joint", "--dev-share", "0", "-o", dir.file("again"), "-q"});
  EXPECT_EQ(table_run.exit_code, 0) << table_run.err;
  // A classifier of one label becomes one of many by the flag alone, or by lists.
  TempDir plain;
  TinyShape single;
  single.label_names = {"x", "y", "z"};
  write_tiny_checkpoint(plain.path(), single);
  const Finished flag =
      run({"train", plain.path(), "--data", table, "--multi-label", "--epochs", "0.2", "--recipe",
           "joint", "--dev-share", "0", "-o", dir.file("flag")});
  EXPECT_EQ(flag.exit_code, 0) << flag.err;
  EXPECT_NE(flag.err.find("labels: 0 a|b, 1 fear, 2 joy (those of the file"), std::string::npos)
      << flag.err;
}

TEST_F(MultiLabelCli, Refusals) {
  const std::string data = file("d.jsonl", rows("names"));
  const std::string one = file("one.jsonl", "{\"text\":\"w1\",\"labels\":[\"joy\"]}\n");
  TempDir plain;
  write_tiny_checkpoint(plain.path(), {});
  struct Case {
    Strings args;
    int code;
    const char* message;
  };
  const std::string out = dir.file("out"), m = model.path();
  const Case cases[] = {
      {{"infer", m, data, "--label-threshold", "1.5"}, 2, "expected numbers from 0 to 1"},
      {{"infer", m, data, "--label-threshold", "0.1,0.2"},
       2,
       "2 label thresholds, expected one, or one for each of 3 labels"},
      {{"infer", plain.path(), data, "--label-threshold", "0.1"},
       2,
       "this model gives one label, expected a multi-label model"},
      {{"eval", m, data, "--task", "sst-2"}, 2, "task sst-2 has one label a row"},
      {{"eval", m, data, "--metrics", "accuracy"}, 2, "metric accuracy is of one label a row"},
      {{"eval", plain.path(), data}, 3, "the label is the list []"},
      {{"eval", plain.path(), data, "--metrics", "micro_f1"}, 2, "any number of labels"},
      {{"train", m, "--data", data, "-o", out, "--class-weights", "balanced"}, 2, "--pos-weight"},
      {{"train", m, "--data", data, "-o", out, "--label-smoothing", "0.1"},
       2,
       "--label-smoothing: the rows have any number of labels"},
      {{"train", m, "--data", data, "-o", out, "--pos-weight", "0"}, 2, "a number above 0"},
      {{"train", m, "--data", data, "-o", out, "--pos-weight", "1,2"}, 2, "one for each label"},
      {{"train", m, "--data", data, "-o", out, "--metric", "hamming_loss"}, 2, "lower"},
      {{"train", m, "--data", data, "-o", out, "--regression"}, 2, "lists of labels"},
      {{"train", m, "--data", data, "-o", out, "--regression", "--multi-label"}, 2, "exclude"},
      {{"train", m, "--data", one, "-o", out, "--dev-share", "0"}, 3, "the same labels"},
  };
  for (const Case& c : cases) {
    const Finished f = run(c.args);
    EXPECT_EQ(f.exit_code, c.code) << f.err;
    EXPECT_NE(f.err.find(c.message), std::string::npos) << f.err;
    EXPECT_EQ(f.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(out));
}

// A policy is chosen for answers above certain label thresholds; it keeps them.
TEST_F(MultiLabelCli, PolicyKeepsItsLabelThresholds) {
  const std::string data = file("names.jsonl", rows("names")), in = lines();
  const Strings infer{"infer", model.path(), in, "--format", "jsonl"};
  const auto answers = [&](const Strings& more) {
    Strings args = infer;
    args.insert(args.end(), more.begin(), more.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f.out;
  };
  const Strings policy{"--point", "entropy:0.69"};
  Strings tune{"tune", model.path(), "--data", data, "--label-threshold", "0.4,0.5,0.6", "-q"};
  tune.insert(tune.end(), policy.begin(), policy.end());
  ASSERT_EQ(run(tune).exit_code, 0);
  const Json written = Json::parse(read_whole_file(model.file("exit_policy.json")));
  EXPECT_EQ(written.at("label_thresholds"), (Json{0.4, 0.5, 0.6}));
  EXPECT_EQ(answers({}), answers({"--label-threshold", "0.4,0.5,0.6"}));
  EXPECT_NE(answers({}), answers({"--label-threshold", "0.5"}));
  // Also with another policy: they are about answers, not about exits.
  EXPECT_EQ(answers({"--policy", "never"}),
            answers({"--policy", "never", "--label-threshold", "0.4,0.5,0.6"}));
  const Json own = eval_json({model.path(), data, "--point", "never", "-q"}),
             asked = eval_json({model.path(), data, "--point", "never", "-q", "--label-threshold",
                                "0.4,0.5,0.6"});
  EXPECT_EQ(own["evaluations"][0]["policies"], asked["evaluations"][0]["policies"]);
  const std::string path = model.file("exit_policy.json");
  for (const char* wrong : {"[0.4,0.5]", "[2]", "\"0.5\"", "[]"}) {
    write_file(path, R"({"policy": "never", "label_thresholds": )" + std::string(wrong) + "}");
    const Finished f = run(infer);
    EXPECT_EQ(f.exit_code, 4) << wrong;
    EXPECT_TRUE(f.err.starts_with("costeff: " + path)) << f.err;
  }
}

// The promise on single labels: no label is read, and the Hamming loss follows.
TEST_F(MultiLabelCli, TuneBoundsTheLabelsThatChange) {
  const std::string data = file("names.jsonl", rows("names"));
  const Finished f = run({"tune", model.path(), "--data", data, "--hamming", "--max-drop", "0.2",
                          "--dry-run", "--json", "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const Json j = Json::parse(f.out);
  EXPECT_EQ(j.at("goal"), "label-change");
  EXPECT_EQ(j.at("labelled"), false);
  const Json& chosen = j.at("chosen");
  EXPECT_LE(chosen.at("risk").get<double>(), 0.2);
  const std::string point = "entropy:" + chosen.at("setting").get<std::string>();
  const Json p = eval_json({model.path(), data, "--point", "never", "--point", point,
                            "-q"})["evaluations"][0]["policies"];
  const auto hamming = [&](size_t i) {
    return p[i]["metrics"]["hamming_loss"]["value"].get<double>();
  };
  EXPECT_LE(hamming(1) - hamming(0), chosen.at("risk").get<double>() + 1e-12);
  const Finished words = run(
      {"tune", model.path(), "--data", data, "--hamming", "--max-drop", "0.2", "--dry-run", "-q"});
  EXPECT_NE(words.out.find("Hamming loss rises by at"), std::string::npos) << words.out;
}

}  // namespace
}  // namespace costeff::cli
