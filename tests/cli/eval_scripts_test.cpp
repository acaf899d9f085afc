// The table of the trained models by one command, and the scripts around costeff eval.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>

#include "cli/eval_data.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

// The table beside the trained models, all thresholds, by one command.
void check_table(const std::string& model, const std::string& truth_path, const std::string& name) {
  const Json truth = Json::parse(read_whole_file(truth_path + "/dev_results.json"));
  std::string thresholds;
  for (const Json& t : truth["thresholds"]) {
    thresholds += (thresholds.empty() ? "" : ",") + t["threshold"].dump();
  }
  const Json j = eval_json({model, "--data", shared_path("glue/SST-2"), "--thresholds", thresholds,
                            "--max-length", "128", "--metrics", "accuracy,f1,macro_f1,matthews",
                            "--bootstrap", "10"});
  const Json& found = j["evaluations"][0];
  EXPECT_EQ(found["rows"], truth["rows"]);
  // Metrics of each exit, as scikit-learn computes them from the same answers.
  const Json goldens = Json::parse(
      read_whole_file(std::string(COSTEFF_SOURCE_DIR) + "/tests/tasks/metric_goldens.json"));
  for (const Json& golden : goldens["models"]) {
    if (golden["model"] != name) continue;
    for (size_t i = 0; i < golden["exits"].size(); ++i) {
      for (const auto& [metric, value] : golden["exits"][i].items()) {
        EXPECT_NEAR(found["exits"][i]["metrics"][metric]["value"].get<double>(),
                    value.get<double>(), 1e-12)
            << metric << " of exit " << i;
      }
    }
  }
  ASSERT_EQ(found["exits"].size(), truth["accuracy_per_exit"].size());
  for (size_t i = 0; i < found["exits"].size(); ++i) {
    EXPECT_NEAR(found["exits"][i]["metrics"]["accuracy"]["value"].get<double>(),
                truth["accuracy_per_exit"][i].get<double>(), 5.001e-7)
        << "exit " << i;
  }
  ASSERT_EQ(found["policies"].size(), truth["thresholds"].size());
  for (size_t i = 0; i < found["policies"].size(); ++i) {
    const Json &p = found["policies"][i], &t = truth["thresholds"][i];
    SCOPED_TRACE(p["text"].get<std::string>());
    EXPECT_EQ(p["correct"], t["correct"]);
    EXPECT_EQ(p["exit_histogram"], t["exit_histogram"]);
    EXPECT_NEAR(p["mean_exit_layer"].get<double>(), t["mean_exit_layer"].get<double>(), 5.001e-7);
    EXPECT_NEAR(p["metrics"]["accuracy"]["value"].get<double>(), t["accuracy"].get<double>(),
                5.001e-7);
  }
}

TEST(EvalTable, BundledModel) { check_table(kBundledModel, bundled_path(""), "bundled"); }

TEST(LargerEvalTable, SlenderModel) {
  COSTEFF_NEED_SHARED("models/sst2-slender");
  check_table(shared_path("models/sst2-slender"), shared_path("models/sst2-slender"),
              "sst2-slender");
}

TEST(LargerEvalTable, DeebertModel) {
  COSTEFF_NEED_SHARED("models/sst2-deebert");
  check_table(shared_path("models/sst2-deebert"), shared_path("models/sst2-deebert"),
              "sst2-deebert");
}

// ---- the scripts ----

std::string shell(const std::string& command, int* code) {
  std::string out;
  FILE* pipe = ::popen(
      ("COSTEFF='" COSTEFF_BINARY "' '" COSTEFF_SOURCE_DIR "/tools/'" + command).c_str(), "r");
  char text[4096];
  for (size_t n; (n = ::fread(text, 1, sizeof text, pipe)) > 0;) out.append(text, n);
  *code = WEXITSTATUS(::pclose(pipe));
  return out;
}

TEST_F(EvalCli, ScriptSweepsThresholds) {
  int code = 0;
  const std::string out =
      shell("sweep_thresholds.sh " + model.path() + " " + data + " 0 0.5 1 -- --threads 1", &code);
  EXPECT_EQ(code, 0);
  EXPECT_EQ(
      lines_of(out)[0],
      "threshold\taccuracy\tlow\thigh\tmean_exit_layer\tspeedup_layers\tspeedup_macs\tseconds");
  EXPECT_EQ(column(out, 0), (Strings{"0", "0.5", "1"}));
  const Json j = eval_json({model.path(), data, "--thresholds", "0,0.5,1"});
  for (size_t i = 0; i < 3; ++i) {
    const Json& p = j["evaluations"][0]["policies"][i];
    EXPECT_EQ(std::stod(column(out, 1)[i]), p["metrics"]["accuracy"]["value"].get<double>());
    EXPECT_EQ(std::stod(column(out, 4)[i]), p["mean_exit_layer"].get<double>());
    EXPECT_GT(std::stod(column(out, 7)[i]), 0);
  }
  shell("sweep_thresholds.sh 2>/dev/null", &code);
  EXPECT_EQ(code, 2);
}

TEST_F(EvalCli, ScriptScoresAllOfGlue) {
  const TinyModel two({.labels = 2});
  for (const char* name : {"glue", "glue/RTE", "glue/CoLA", "glue/QNLI", "models"}) {
    ::mkdir(dir.file(name).c_str(), 0777);
  }
  write_file(dir.file("glue/RTE/dev.tsv"),
             "index\tsentence1\tsentence2\tlabel\n0\tw1\tw2\tentailment\n");
  write_file(dir.file("glue/CoLA/dev.tsv"), "s\t1\t\tw1 w2\ns\t0\t*\tw3\n");
  std::filesystem::create_directory_symlink(two.path(), dir.file("models/rte-m"));
  std::filesystem::create_directory_symlink(two.path(), dir.file("models/cola-m"));
  int code = 0;
  const std::string command =
      "score_glue.sh '" + dir.file("glue") + "' '" + dir.file("models") + "/{task}-m'";
  const std::string out = shell(command + " 2>/dev/null", &code);
  EXPECT_EQ(code, 0);
  EXPECT_EQ(lines_of(out)[0],
            "name\tdata\trows\tmetric\tvalue\tlow\thigh\tmean_exit_layer\tspeedup_layers");
  EXPECT_EQ(column(out, 0), (Strings{"cola", "cola", "rte"}));
  EXPECT_EQ(column(out, 3), (Strings{"accuracy", "matthews", "accuracy"}));
  // sst2 names a model as well as sst-2; a model may serve one task or all.
  std::filesystem::create_directory(dir.file("glue/SST-2"));
  write_file(dir.file("glue/SST-2/dev.tsv"), "sentence\tlabel\nw1 w2 \t1\n");
  std::filesystem::create_directory_symlink(two.path(), dir.file("models/sst2-m"));
  EXPECT_EQ(column(shell(command + " 2>/dev/null", &code), 0),
            (Strings{"cola", "cola", "rte", "sst-2"}));
  EXPECT_EQ(
      column(shell("score_glue.sh '" + dir.file("glue/SST-2") + "' '" + two.path() + "'", &code),
             0),
      (Strings{"sst-2"}));
  EXPECT_EQ(code, 0);
  // One model that names its task is scored on that alone.
  TinyShape named;
  named.labels = 2;
  TempDir own;
  write_tiny_checkpoint(own.path(), named);
  Json config = Json::parse(read_whole_file(own.file("config.json")));
  config["finetuning_task"] = "rte";
  write_file(own.file("config.json"), config.dump());
  EXPECT_EQ(
      column(shell("score_glue.sh '" + dir.file("glue") + "' '" + own.path() + "'", &code), 0),
      (Strings{"rte"}));
  EXPECT_EQ(code, 0);
  // A task that cannot be scored does not stop the others.
  write_file(dir.file("glue/CoLA/dev.tsv"), "s\t7\t\tw1 w2\n");
  EXPECT_EQ(column(shell(command + " 2>/dev/null", &code), 0), (Strings{"rte", "sst-2"}));
  EXPECT_EQ(code, 1);
}

}  // namespace
}  // namespace costeff::cli
