#include "tasks/report/train_report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tasks/page/train_page.h"
#include "tasks/report/train_json.h"

namespace costeff::tasks {
namespace {

using Json = nlohmann::json;

constexpr Recipe kRecipe = [] {
  Recipe r;
  r.name = "ramps";
  r.paper = "Someone 2020";
  r.use = "off-ramps <alone>";
  return r;
}();

TrainReport small_report() {
  TrainReport r;
  r.backbone = "bert&co";
  r.out = "out";
  r.recipe = &kRecipe;
  r.data = {"train.tsv"};
  r.dev_from = "a share of 0.1 of them";
  r.metric = "accuracy";
  r.labels = {"no", "yes"};
  r.label_note = "labels: 0 no, 1 yes (those of the file, sorted)";
  r.plan.dialect = "costeff-plain-bert";
  r.plan.exits = {1, 2, 4, 6};
  r.plan.stages = {{"fine-tune", "all parameters", 3, 6315, 2e-5, 1e-3, 22713601},
                   {"off-ramps", "classifiers", 1.5, 100, 1e-3, 0, 7700}};
  r.plan.batch = 32;
  r.plan.eval_every = 526;
  r.plan.rows = 67349;
  r.plan.dev_rows = 872;
  r.plan.tokens = 1234567;
  r.plan.longest = 66;
  r.plan.parameters = 22721301;
  r.plan.memory = {91000000, 273000000, 1250000000, 12000, 0, 1640000000};
  r.plan.best_by = BestBy::mean;
  r.plan.notes = {"new classifiers"};
  r.seconds = 754;
  TrainResult result;
  result.dialect = r.plan.dialect;
  result.evaluations = {{0, 526, 0.25, 0.6931, {0.5, 0.61, 0.72, 0.8125}, 0.6578, true, 60},
                        {1, 100, 1.5, std::nan(""), {0.7, 0.75, 0.8, 0.8125}, 0.7656, true, 700}};
  result.best = 1;
  result.files = {"config.json", "model.safetensors"};
  r.result = result;
  r.losses = {{1, 0.7}, {2, 0.65}, {6415, 0.2}};
  return r;
}

void expect_has(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

void expect_narrow(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
    EXPECT_TRUE(line.empty() || line.back() != ' ') << line;
  }
}

TEST(TrainReport, Plan) {
  TrainReport r = small_report();
  r.estimated_s = 754;
  const std::string text = train_plan_text(r);
  expect_has(text, {"bert&co",     "ramps: off-ramps",
                    "train.tsv",   "67,349",
                    "1,234,567",   "66",
                    "872",         "a share of 0.1",
                    "0 no, 1 yes", "layer 1, 2, 4, 6",
                    "22,721,301",  "costeff-plain-bert",
                    "32 rows",     "526",
                    "fine-tune",   "6,315",
                    "2e-05",       "0.001",
                    "22,713,601",  "off-ramps",
                    "1.5",         "7,700",
                    "91 MB",       "273 MB",
                    "1.2 GB",      "12 KB",
                    "1.6 GB",      "13 min"});
  expect_narrow(text);
}

TEST(TrainReport, Table) {
  const TrainReport r = small_report();
  const std::string header = evaluation_header(r);
  const std::string first = evaluation_line(r, r.result->evaluations[0]),
                    second = evaluation_line(r, r.result->evaluations[1]);
  // First, middle and last exit.
  expect_has(header, {"stage", "step", "epoch", "loss", "layer 1", "layer 4", "layer 6", "score"});
  EXPECT_EQ(header.find("layer 2"), std::string::npos);
  EXPECT_EQ(first,
            "fine-tune        526   0.25   0.6931    0.5000    0.7200    0.8125   0.6578 *\n");
  EXPECT_EQ(second,
            "off-ramps        100   1.50        -    0.7000    0.8000    0.8125   0.7656 *\n");
  EXPECT_EQ(header.find("layer 1") + 7, first.find("0.5000") + 6);
  expect_narrow(header + first + second);
}

TEST(TrainReport, TableOfFewExits) {
  TrainReport r = small_report();
  r.plan.exits = {6};
  TrainEvaluation e = r.result->evaluations[0];
  e.metric = {0.8125};
  e.best = false;
  EXPECT_EQ(evaluation_line(r, e), "fine-tune        526   0.25   0.6931    0.8125   0.6578\n");
  r.plan.exits = {3, 6};
  expect_has(evaluation_header(r), {"layer 3", "layer 6"});
  // Nothing was evaluated.
  e.metric.clear();
  EXPECT_EQ(evaluation_line(r, e),
            "fine-tune        526   0.25   0.6931         -         -        -\n");
}

TEST(TrainReport, ProgressAndEnd) {
  const TrainReport r = small_report();
  TrainStep s;
  s.stage = 1;
  s.step = 1200;
  s.steps = 6315;
  s.epoch = 0.57;
  s.loss = 0.4312;
  s.learning_rate = 1.9e-5;
  s.seconds_left = 725;
  EXPECT_EQ(train_progress(r.plan, s, 1234.4),
            "off-ramps 1,200/6,315  loss 0.4312  lr 1.9e-05  1234 rows/s  12:05 left");
  EXPECT_NE(train_progress(r.plan, s, 1.25).find("  1.2 rows/s"), std::string::npos);
  expect_has(train_end_text(r), {"wrote out (costeff-plain-bert)", "step 100 of off-ramps",
                                 "accuracy 0.8125 at the last layer", "0.7656 on average"});
  TrainReport late = r;
  late.result->end = TrainEnd::time_limit;
  late.result->best = -1;
  EXPECT_EQ(train_end_text(late), "wrote out (costeff-plain-bert); ended by --time-limit");
}

TEST(TrainReport, Units) {
  EXPECT_EQ(duration_text(45), "45 s");
  EXPECT_EQ(duration_text(754), "13 min");
  EXPECT_EQ(duration_text(9000), "2.5 h");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(12000), "12 KB");
  EXPECT_EQ(bytes_text(999999), "1.0 MB");
  EXPECT_EQ(bytes_text(1640000000), "1.6 GB");
}

TEST(TrainLog, Lines) {
  const TrainReport r = small_report();
  TrainStep s;
  s.step = 3;
  s.loss = INFINITY;
  s.rows = 32;
  s.tokens = 480;
  const std::string lines = plan_event(r) + step_event(s) +
                            evaluation_event(r.result->evaluations[1]) + end_event(r) +
                            end_event(r, "error", "step 3: \"loss\"");
  std::vector<Json> events;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) events.push_back(Json::parse(line));
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0]["event"], "plan");
  EXPECT_EQ(events[0]["stages"][1]["steps"], 100);
  EXPECT_EQ(events[0]["memory"]["total"], 1640000000);
  EXPECT_EQ(events[0]["labels"], (Json{"no", "yes"}));
  EXPECT_EQ(events[1]["event"], "step");
  EXPECT_EQ(events[1]["tokens"], 480);
  EXPECT_TRUE(events[1]["loss"].is_null());  // JSON has no infinity
  for (const char* key : {"stage", "steps", "epoch", "norm", "learning_rate", "seconds"})
    EXPECT_TRUE(events[1].contains(key)) << key;
  EXPECT_EQ(events[2]["event"], "evaluation");
  EXPECT_EQ(events[2]["metric"], (Json{0.7, 0.75, 0.8, 0.8125}));
  EXPECT_EQ(events[2]["best"], true);
  EXPECT_TRUE(events[2]["train_loss"].is_null());
  EXPECT_EQ(events[3]["end"], "finished");
  EXPECT_EQ(events[3]["best"], 1);
  EXPECT_EQ(events[4]["end"], "error");
  EXPECT_EQ(events[4]["error"], "step 3: \"loss\"");
}

TEST(TrainLog, WholeRun) {
  TrainReport r = small_report();
  const Json j = Json::parse(train_json(r));
  EXPECT_EQ(j["evaluations"].size(), 2u);
  EXPECT_EQ(j["evaluations"][0]["step"], 526);
  EXPECT_EQ(j["result"]["files"], (Json{"config.json", "model.safetensors"}));
  EXPECT_EQ(j["recipe"], "ramps");
  r.result.reset();
  r.estimated_s = 12;
  const Json dry = Json::parse(train_json(r));
  EXPECT_FALSE(dry.contains("result"));
  EXPECT_EQ(dry["estimated_seconds"], 12.0);
}

TEST(TrainHtml, HasAllNumbersAndNeedsNothing) {
  TrainReport r = small_report();
  SweepReport curve;
  curve.quality_name = "accuracy";
  curve.rows = 872;
  curve.layers = 6;
  curve.points.resize(2);
  curve.points[0].family = "never";
  curve.points[1].family = "entropy";
  for (SweepPoint& p : curve.points) p.speedup_layers = p.speedup_macs = 1.5;
  curve.exits.resize(1);
  curve.exits[0].layer = 6;
  r.curve = curve;
  const std::string page = train_html(r);
  expect_has(page, {"bert&amp;co",
                    "off-ramps &lt;alone&gt;",
                    "Someone 2020",
                    "train.tsv",
                    "67,349",
                    "872",
                    "50.00%",
                    "61.00%",
                    "72.00%",
                    "81.25%",
                    "65.78%",
                    "76.56% \u2190",
                    "0.6931",
                    "526",
                    "22,713,601",
                    "0.001",
                    "new classifiers",
                    "layer 4",
                    "What the model does",
                    "13 min",
                    "</html>"});
  for (const char* foreign : {"<script src", "http://", "https://", "url("}) {
    const size_t at = page.find(foreign);
    EXPECT_TRUE(at == std::string::npos || page.compare(at, 26, "http://www.w3.org/2000/svg") == 0)
        << foreign;
  }
  // Every picture is closed: loss, metric, speed, layers.
  size_t open = 0, closed = 0;
  for (size_t at = 0; (at = page.find("<svg ", at)) != std::string::npos; ++at) ++open;
  for (size_t at = 0; (at = page.find("</svg>", at)) != std::string::npos; ++at) ++closed;
  EXPECT_EQ(open, 4u);
  EXPECT_EQ(closed, 4u);
}

// A run without rows to judge by, or that goes on with its last step.
TEST(TrainHtml, OfLittle) {
  TrainReport r = small_report();
  r.result->evaluations.clear();
  r.result->best = -1;
  r.losses.clear();
  EXPECT_EQ(train_html(r).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace costeff::tasks
