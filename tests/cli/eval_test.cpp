// costeff eval: what it says agrees with what infer answers.

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/eval_data.h"

namespace costeff::cli {
namespace {

TEST_F(EvalCli, PoliciesAreThoseOfInfer) {
  const Json j = eval_json({model.path(),
                            data,
                            "-S",
                            "0.9",
                            "-S",
                            "1.0,0.5,0.2",
                            "--point",
                            "max-prob:0.6",
                            "--patience",
                            "1",
                            "--exit-layer",
                            "2",
                            "--point",
                            "never",
                            "--exit-start",
                            "2",
                            "--point",
                            "confident-patience:2:1:average",
                            "--point",
                            "confident-patience:2:1",
                            "--point",
                            "divergence-patience:1:0.01",
                            "--point",
                            "evidence:0.8",
                            "--exit-weights",
                            "0.5,0.75,1"});
  const std::vector<Strings> flags{
      {"-S", "0.9", "--exit-start", "2"},
      {"-S", "1.0,0.5,0.2", "--exit-start", "2"},
      {"--patience", "1", "--exit-start", "2"},
      {"--exit-layer", "2"},
      {"--policy", "max-prob", "-S", "0.6", "--exit-start", "2"},
      {"--policy", "never"},
      {"--policy", "confident-patience", "--patience", "2", "-S", "1", "--average", "--exit-start",
       "2"},
      {"--policy", "confident-patience", "--patience", "2", "-S", "1", "--exit-start", "2"},
      {"--policy", "divergence-patience", "--patience", "1", "-S", "0.01", "--exit-start", "2"},
      {"--policy", "evidence", "-S", "0.8", "--exit-weights", "0.5,0.75,1", "--exit-start", "2"}};
  const Json& policies = j["evaluations"][0]["policies"];
  ASSERT_EQ(policies.size(), flags.size());
  const Strings gold{"0", "2", "1", "1"};
  for (size_t p = 0; p < flags.size(); ++p) {
    Strings args{"infer", model.path(), data, "--format", "tsv"};
    args.insert(args.end(), flags[p].begin(), flags[p].end());
    const Finished f = run(args);
    ASSERT_EQ(f.exit_code, 0) << f.err;
    const Strings labels = column(f.out, 1), layers = column(f.out, 4);
    std::vector<int64_t> histogram(4);
    std::vector<std::vector<int64_t>> confusion(3, std::vector<int64_t>(3));
    int64_t correct = 0, sum = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      const int64_t layer = std::stoll(layers[i]), label = labels[i].back() - '0',
                    is = gold[i % 4][0] - '0';
      ++histogram[static_cast<size_t>(layer - 1)];
      ++confusion[static_cast<size_t>(is)][static_cast<size_t>(label)];
      correct += label == is;
      sum += layer;
    }
    SCOPED_TRACE(policies[p]["text"].get<std::string>());
    EXPECT_EQ(policies[p]["exit_histogram"], Json(histogram));
    EXPECT_EQ(policies[p]["confusion"], Json(confusion));
    EXPECT_EQ(policies[p]["correct"], correct);
    EXPECT_DOUBLE_EQ(policies[p]["metrics"]["accuracy"]["value"],
                     static_cast<double>(correct) / 60);
    EXPECT_DOUBLE_EQ(policies[p]["mean_exit_layer"], static_cast<double>(sum) / 60);
    EXPECT_DOUBLE_EQ(policies[p]["speedup_layers"], 240.0 / static_cast<double>(sum));
    EXPECT_DOUBLE_EQ(policies[p]["layers_saved"], 1 - static_cast<double>(sum) / 240);
  }
  // Each exit, as if all rows left there.
  const Json& exits = j["evaluations"][0]["exits"];
  ASSERT_EQ(exits.size(), 4u);
  EXPECT_EQ(exits[1]["confusion"], policies[3]["confusion"]);
  EXPECT_EQ(exits[3]["confusion"], policies[5]["confusion"]);
}

// A policy that is too long for its column stands above its numbers: its end tells it from others.
TEST_F(EvalCli, LongNamesOfPoliciesAreNotCut) {
  const Finished f = run({"eval", model.path(), data, "--point", "confident-patience:2:0.9",
                          "--point", "confident-patience:2:0.9:average", "--point", "entropy:0.9"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  for (const char* text : {"\nconfident-patience 2 < 0.9\n                      ",
                           "\nconfident-patience 2 < 0.9, average\n                      ",
                           "\nentropy < 0.9           "})
    EXPECT_NE(f.out.find(text), std::string::npos) << text << f.out;
  EXPECT_EQ(f.out.find("\xE2\x80\xA6"), std::string::npos) << f.out;
}

TEST_F(EvalCli, TsvColumnsAreStable) {
  const Finished f = run(
      {"eval", model.path(), "--data", data, "--format", "tsv", "--thresholds", "0:0.3:0.1", "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.err, "");
  const Strings lines = lines_of(f.out);
  EXPECT_EQ(lines[0],
            "data\ttask\tkind\tpolicy\tsetting\tlayer\trows\taccuracy\taccuracy_low\t"
            "accuracy_high\tf1\tf1_low\tf1_high\tmacro_f1\tmacro_f1_low\tmacro_f1_high\tmatthews\t"
            "matthews_low\tmatthews_high\tpearson\tpearson_low\tpearson_high\tspearman\t"
            "spearman_low\tspearman_high\tmean_exit_layer\tlayers_saved\tspeedup_layers\tmacs\t"
            "speedup_macs\tmean_entropy\tseconds\texit_histogram");
  EXPECT_EQ(column(f.out, 2),
            (Strings{"policy", "policy", "policy", "policy", "exit", "exit", "exit", "exit"}));
  EXPECT_EQ(column(f.out, 4), (Strings{"0", "0.1", "0.2", "0.3", "1", "2", "3", "4"}));
  EXPECT_EQ(column(f.out, 5), (Strings{"nan", "nan", "nan", "nan", "1", "2", "3", "4"}));
  EXPECT_EQ(column(f.out, 10)[0], "nan");  // F1 of one class: three classes have macro F1
  EXPECT_NE(column(f.out, 13)[0], "nan");
}

TEST_F(EvalCli, TextFitsATerminal) {
  const Finished f = run({"eval", model.path(), data, "-S", "1.0,0.5,0.25", "--metrics",
                          "accuracy,macro_f1,matthews", "--timed"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  for (const std::string& line : lines_of(f.out)) {
    if (line.find(data) != std::string::npos) continue;
    EXPECT_LE(line.size(), 80u) << line;
  }
  EXPECT_NE(f.out.find("confusion matrix, entropy < 1,0.5,0.25"), std::string::npos) << f.out;
  EXPECT_NE(f.out.find("95% intervals: accuracy exact binomial (Clopper-Pearson);\n"
                       "macro_f1, matthews bootstrap, percentiles of 1000 samples, seed 1\n"),
            std::string::npos)
      << f.out;
  EXPECT_NE(f.err.find("no known task; labels: 0 LABEL_0, 1 LABEL_1, 2 LABEL_2"), std::string::npos)
      << f.err;
}

TEST_F(EvalCli, UsersFilesWithColumnsNamed) {
  write_file(dir.file("a.csv"), "stars,review\n0,\"w1, w2\"\n2,w3\n");
  write_file(dir.file("a.jsonl"),
             "{\"review\":\"w1, w2\",\"stars\":\"LABEL_0\"}\n"
             "{\"review\":\"w3\",\"stars\":2}\n");
  const Strings named{"--text-field", "review", "--label-field", "stars"};
  for (const char* name : {"a.csv", "a.jsonl"}) {
    Strings args{model.path(), dir.file(name)};
    args.insert(args.end(), named.begin(), named.end());
    const Json j = eval_json(args);
    EXPECT_EQ(j["evaluations"][0]["rows"], 2) << name;
    EXPECT_EQ(j["evaluations"][0]["policies"][0]["confusion"][1], Json({0, 0, 0})) << name;
  }
  const Finished f = run({"eval", model.path(), "-", "--format", "tsv", "--no-output-header", "-q"},
                         "text\tlabel\nw1\t1\n");
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(lines_of(f.out).size(), 5u);
}

// A name that guesses a task wrongly can be overruled, in every verb that judges.
TEST_F(EvalCli, TaskNone) {
  const Strings verbs[] = {{"eval"},
                           {"sweep"},
                           {"tune", "--max-drop", "0.9", "--dry-run"},
                           {"train", "--dry-run", "-o", "new", "--dev-share", "0"},
                           {"slenderize", "--dry-run", "-o", "new", "--dev-share", "0"}};
  for (Strings args : verbs) {
    for (const std::string& word :
         {model.path(), std::string("--data"), data, std::string("--task"), std::string("none")})
      args.push_back(word);
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 0) << args[0] << ": " << f.err;
  }
}

TEST_F(EvalCli, DataMayStandAnywhere) {
  const std::string whole = run({"eval", model.path(), data, "--format", "tsv", "-q"}).out;
  EXPECT_EQ(lines_of(whole).size(), 6u);
  EXPECT_EQ(run({"eval", "--data", data, model.path(), "--format", "tsv", "-q"}).out, whole);
  const Strings twice{"eval", model.path(), data, data, "--format", "tsv", "-q"};
  EXPECT_EQ(lines_of(run(twice).out).size(), 11u);
  EXPECT_EQ(
      run({"eval", "--data", data, "--data", data, model.path(), "--format", "tsv", "-q"}).out,
      run(twice).out);
}

TEST_F(EvalCli, SaysWhatIsWrong) {
  const auto error = [&](const Strings& more, int code) {
    Strings args{"eval", model.path()};
    args.insert(args.end(), more.begin(), more.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, code) << f.err;
    EXPECT_EQ(f.out, "");
    const Strings lines = lines_of(f.err);
    return lines.empty() ? "" : lines.back();
  };
  write_file(dir.file("bare.tsv"), "text\tother\nw1\t0\n");
  write_file(dir.file("odd.tsv"), "text\tlabel\nw1\t0\nw2\tgood\n");
  write_file(dir.file("empty.tsv"), "");
  write_file(dir.file("header.tsv"), "text\tlabel\n");
  const auto at = [&](const char* name) { return "costeff: " + dir.file(name); };
  EXPECT_EQ(error({dir.file("bare.tsv")}, 3),
            at("bare.tsv") +
                ":1: no column of labels (label), the header has \"text\", \"other\"; "
                "another name is given with --label-field");
  EXPECT_EQ(error({dir.file("odd.tsv")}, 3),
            at("odd.tsv") +
                ":3: label \"good\" is not known, expected LABEL_0, LABEL_1, LABEL_2 "
                "or a number from 0 to 2");
  EXPECT_EQ(error({dir.file("empty.tsv")}, 3),
            at("empty.tsv") + ": is empty, expected a header or rows of columns");
  EXPECT_EQ(error({dir.file("header.tsv")}, 3),
            at("header.tsv") + ": has no rows, expected labelled ones");
  EXPECT_EQ(error({dir.file("none.tsv")}, 3), at("none.tsv") + ": No such file or directory");
  EXPECT_EQ(error({dir.path()}, 3),
            "costeff: " + dir.path() + ": has no dev.tsv (or .jsonl, .csv), dev_matched.tsv");
  EXPECT_EQ(error({data, "--task", "rte"}, 2), "costeff: task rte has 2 labels, the model has 3");
  EXPECT_EQ(error({data, "--format", "xml"}, 2),
            "costeff: output format \"xml\", expected text, json or tsv");
  EXPECT_EQ(
      error({data, "--metrics", "pearson"}, 2),
      "costeff: metric pearson is of scores (regression), and the answers are one label a row");
  EXPECT_EQ(error({data, "--point", "entropy"}, 2),
            "costeff: --point entropy, expected a threshold: entropy:0.5");
  EXPECT_EQ(error({data, "--point", "confident-patience:2"}, 2),
            "costeff: --point confident-patience:2, expected a number of exits and a threshold: "
            "confident-patience:2:0.1");
  EXPECT_EQ(error({data, "--point", "divergence-patience:0:0.1"}, 2),
            "costeff: --point divergence-patience:0:0.1: \"0\", expected a whole number from 1 to "
            "1000");
  EXPECT_EQ(error({data, "--point", "divergence-patience:2:0.1:average"}, 2),
            "costeff: threshold \"0.1:average\", expected a number, or one a layer: 0.3,0.2,0.1");
  // What would be judged cannot be run, so nothing is estimated from the rows that judge it.
  EXPECT_EQ(error({data, "--point", "evidence:1"}, 2),
            "costeff: policy evidence needs exit weights; costeff tune --policy evidence estimates "
            "them, --exit-weights gives them");
  EXPECT_EQ(error({data, "-S", "1", "--exit-weights", "1"}, 2),
            "costeff: --exit-weights goes with --policy evidence");
  EXPECT_EQ(error({data, "--exit-layer", "9"}, 2).find("costeff: "), 0u);
  EXPECT_EQ(error({data, "--thresholds", "0.5:0:0.1"}, 2),
            "costeff: --thresholds \"0.5:0:0.1\": the last lies before the first, expected numbers "
            "0,0.1,0.2 or first:last:step");
  EXPECT_EQ(error({data, "--task", "squad"}, 2).find("costeff: "), 0u);
  // Before anything is computed: the data would be an error too.
  EXPECT_EQ(error({dir.file("odd.tsv"), "-o", dir.file("no/out.json")}, 5),
            "costeff: " + dir.file("no/out.json") + ": No such file or directory");
  EXPECT_EQ(error({}, 2),
            "costeff: no data: --data FILE or DIR, - for standard input; see costeff eval --help");
}

TEST_F(EvalCli, WarnsOfALabelOrderThatFitsBetter) {
  // Gold labels are the answers, shifted: another order of the labels is right.
  const Finished answers = run({"infer", model.path(), data, "--format", "tsv"});
  const char* names[] = {"entailment", "neutral", "contradiction"};
  std::string rows = "sentence1\tsentence2\tgold_label\n";
  const Finished pairs = [&] {
    std::string bare = "sentence1\tsentence2\n";
    for (const std::string& text : texts) bare += text + "\tw1\n";
    write_file(dir.file("bare.tsv"), bare);
    return run({"infer", model.path(), dir.file("bare.tsv"), "--format", "tsv"});
  }();
  const Strings labels = column(pairs.out, 1);
  for (size_t i = 0; i < texts.size(); ++i) {
    rows += texts[i] + "\tw1\t" + names[labels[i].back() - '0'] + "\n";
  }
  ::mkdir(dir.file("MNLI").c_str(), 0777);
  write_file(dir.file("MNLI/dev_matched.tsv"), rows);
  const Finished f = run({"eval", model.path(), dir.file("MNLI")});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.err.find("would be 1.0000 instead of "), std::string::npos) << f.err;
  EXPECT_NE(f.err.find("try --label-order entailment,neutral,contradiction\n"), std::string::npos)
      << f.err;
  const Finished right = run({"eval", model.path(), dir.file("MNLI"), "--label-order",
                              "entailment,neutral,contradiction"});
  EXPECT_EQ(right.err.find("warning"), std::string::npos) << right.err;
}

TEST_F(EvalCli, MnliGivesBothParts) {
  ::mkdir(dir.file("MNLI").c_str(), 0777);
  const std::string rows =
      "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\tw1\tw2\tx\tneutral\n";
  write_file(dir.file("MNLI/dev_matched.tsv"), rows);
  write_file(dir.file("MNLI/dev_mismatched.tsv"), rows + "1\tw3\tw4\tx\tentailment\n");
  // The task's own directory, or the one above it.
  for (const Strings& args : {Strings{model.path(), dir.file("MNLI")},
                              Strings{model.path(), dir.path(), "--task", "mnli"}}) {
    const Json all = eval_json(args)["evaluations"];
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0]["name"], "mnli-m");
    EXPECT_EQ(all[1]["name"], "mnli-mm");
    EXPECT_EQ(all[1]["rows"], 2);
  }
}

TEST_F(EvalCli, SubmissionsOfMnli) {
  ::mkdir(dir.file("MNLI").c_str(), 0777);
  write_file(dir.file("MNLI/test_matched.tsv"),
             "index\tsentence1\tsentence2\n10\tw1\tw2\n11\tw3\tw4\n");
  write_file(dir.file("MNLI/test_mismatched.tsv"), "index\tsentence1\tsentence2\n0\tw5\tw6\n");
  const Finished f = run({"eval", model.path(), dir.file("MNLI"), "--submit", dir.file("out"),
                          "--label-order", "neutral,contradiction,entailment", "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out, "file\trows\tdata\n" + dir.file("out/MNLI-m.tsv") + "\t2\t" +
                       dir.file("MNLI/test_matched.tsv") + "\n" + dir.file("out/MNLI-mm.tsv") +
                       "\t1\t" + dir.file("MNLI/test_mismatched.tsv") + "\n");
  const Finished answers = run({"infer", model.path(), dir.file("MNLI/test_matched.tsv"),
                                dir.file("MNLI/test_mismatched.tsv"), "--format", "tsv"});
  const std::map<std::string, std::string> name{
      {"LABEL_0", "neutral"}, {"LABEL_1", "contradiction"}, {"LABEL_2", "entailment"}};
  const Strings labels = column(answers.out, 1);
  EXPECT_EQ(read_whole_file(dir.file("out/MNLI-m.tsv")),
            "index\tprediction\n10\t" + name.at(labels[0]) + "\n11\t" + name.at(labels[1]) + "\n");
  EXPECT_EQ(read_whole_file(dir.file("out/MNLI-mm.tsv")),
            "index\tprediction\n0\t" + name.at(labels[2]) + "\n");
}

TEST_F(EvalCli, SubmissionNeedsATaskAndOnePolicy) {
  Finished f = run({"eval", model.path(), data, "--submit", dir.file("out")});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_NE(f.err.find("not known to be of a GLUE task"), std::string::npos) << f.err;
  write_file(dir.file("mnli_test_matched.tsv"), "index\tsentence1\tsentence2\n0\tw5\tw6\n");
  f = run({"eval", model.path(), dir.file("mnli_test_matched.tsv"), "--submit", dir.file("out"),
           "-S", "0.1", "-S", "0.2"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(dir.file("out/MNLI-m.tsv")));
}

TEST(EvalRegression, CorrelationsAndSubmission) {
  const TinyModel model({.labels = 1});
  TempDir dir;
  const Strings texts = tiny_texts(30, 2);
  std::string dev = "index\tsentence1\tsentence2\tscore\n", test = "index\tsentence1\tsentence2\n";
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string row = fmt::format("{}\t{}\tw1", i + 100, texts[i]);
    dev += fmt::format("{}\t{}\n", row, i % 6);
    test += row + "\n";
  }
  ::mkdir(dir.file("STS-B").c_str(), 0777);
  write_file(dir.file("STS-B/dev.tsv"), dev);
  write_file(dir.file("STS-B/test.tsv"), test);
  const Json j = eval_json({model.path(), dir.file("STS-B"), "--exit-layer", "1"});
  const Json& metrics = j["evaluations"][0]["policies"][0]["metrics"];
  EXPECT_EQ(j["evaluations"][0]["task"], "sts-b");
  EXPECT_TRUE(metrics["pearson"]["value"].is_number());
  EXPECT_TRUE(metrics["spearman"]["low"].is_number());
  EXPECT_FALSE(j["evaluations"][0]["policies"][0].contains("confusion"));

  const Finished f =
      run({"eval", model.path(), dir.file("STS-B"), "--submit", dir.file("out"), "-q"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const std::string tsv = read_whole_file(dir.file("out/STS-B.tsv"));
  const Strings index = column(tsv, 0), scores = column(tsv, 1);
  ASSERT_EQ(scores.size(), 30u);
  EXPECT_EQ(index[0], "100");
  const Finished answers =
      run({"infer", model.path(), dir.file("STS-B/test.tsv"), "--format", "tsv"});
  const Strings values = column(answers.out, 1);
  for (size_t i = 0; i < scores.size(); ++i) {
    const double value = std::min(5.0, std::max(0.0, std::stod(values[i])));
    EXPECT_EQ(scores[i].size(), 5u) << scores[i];  // 3 decimals
    EXPECT_NEAR(std::stod(scores[i]), value, 0.0005001);
  }
}

TEST(EvalSquad, ScoresOfAnswers) {
  const TinyModel model({.dialect = "qa"});
  TempDir dir;
  const auto file = [&](const std::string& a1, const std::string& a2, const std::string& more) {
    return "{\"version\":\"1.1\",\"data\":[{\"title\":\"t\",\"paragraphs\":[{\"context\":\"w1 w2 "
           "w3 "
           "w4\",\"qas\":[{\"id\":\"a\",\"question\":\"w5\",\"answers\":[{\"text\":\"" +
           a1 +
           "\",\"answer_start\":0}]},{\"id\":\"b\",\"question\":\"w6 "
           "w7\",\"answers\":[{\"text\":\"" +
           a2 + "\",\"answer_start\":0}]}" + more + "]}]}]}";
  };
  write_file(dir.file("q.json"), file("x", "y", ""));
  const Finished answers =
      run({"infer", model.path(), dir.file("q.json"), "--task", "qa", "--format", "squad"});
  ASSERT_EQ(answers.exit_code, 0) << answers.err;
  const Json given = Json::parse(answers.out);
  write_file(dir.file("dev-v1.1.json"),
             file("The " + given["a"].get<std::string>() + ".", "zzz", ""));
  const Json j = eval_json({model.path(), dir.file("dev-v1.1.json")});
  const Json& all = j["evaluations"][0]["parts"]["all"];
  EXPECT_EQ(j["evaluations"][0]["task"], "squad-v1.1");
  EXPECT_EQ(all["rows"], 2);
  EXPECT_EQ(all["exact"]["value"], 0.5);
  EXPECT_EQ(all["f1"]["value"], 0.5);
  EXPECT_FALSE(j["evaluations"][0]["parts"].contains("no_answer"));
  const std::string text = run({"eval", model.path(), dir.file("dev-v1.1.json")}).out;
  EXPECT_NE(text.find("95% intervals: of exact, binomial (Clopper-Pearson);\n"
                      "of f1, bootstrap: percentiles of "),
            std::string::npos)
      << text;

  write_file(dir.file("dev-v2.0.json"),
             file("zzz", "zzz",
                  ",{\"id\":\"c\",\"question\":\"w8\",\"is_impossible\":true,\"answers\":[]}"));
  // A threshold that refuses every answer: right if there is none.
  const Finished f = run({"eval", model.path(), dir.file("dev-v2.0.json"), "--null-threshold",
                          "-1000", "--format", "tsv"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.err.find("SQuAD v2.0"), std::string::npos);
  EXPECT_EQ(column(f.out, 2), (Strings{"all", "has_answer", "no_answer"}));
  EXPECT_EQ(column(f.out, 3), (Strings{"3", "2", "1"}));
  EXPECT_EQ(column(f.out, 4)[1], "0");
  EXPECT_EQ(column(f.out, 4)[2], "1");
  EXPECT_EQ(column(f.out, 7)[2], "1");
}

}  // namespace
}  // namespace costeff::cli
