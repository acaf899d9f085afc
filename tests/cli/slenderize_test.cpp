// costeff slenderize: what it writes, what it says, what it refuses.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "cli/eval_data.h"
#include "shared_data.h"
#include "tiny_checkpoint.h"

namespace costeff::cli {
namespace {

struct SlenderizeCli : EvalCli {
  std::string whole = dir.file("whole"), out = dir.file("out"), rows = dir.file("rows.tsv");

  SlenderizeCli() {
    std::filesystem::create_directory(whole);
    TinyShape shape;
    shape.dialect = "plain";
    shape.heads = {4};
    shape.hidden = 16;
    shape.ffn = {64};
    shape.label_names = {"a", "b", "c"};
    write_tiny_checkpoint(whole, shape);
    std::string text = "sentence\tlabel\n";
    const std::vector<std::string> sentences = tiny_texts(80, 7);
    for (size_t i = 0; i < sentences.size(); ++i)
      text += "w1 " + sentences[i] + "\t" + std::string(1, static_cast<char>('a' + i % 3)) + "\n";
    write_file(rows, text);
  }
  Finished slenderize(const Strings& more) {
    Strings args{"slenderize", whole, "--data", rows};
    args.insert(args.end(), more.begin(), more.end());
    return run(Command{.args = args});
  }
};

int64_t sum(const Json& numbers) {
  int64_t total = 0;
  for (const Json& n : numbers) total += n.get<int64_t>();
  return total;
}

TEST_F(SlenderizeCli, WritesAModelOfTheWidthsThatItTells) {
  const Finished done = slenderize({"-o", out, "--macs", "0.6", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const Json told = Json::parse(done.out);
  EXPECT_EQ(told["dialect"], "cofi-compact");
  EXPECT_LE(told["after"]["macs"].get<double>(), 0.6 * told["before"]["macs"].get<double>());
  EXPECT_LT(sum(told["after"]["neurons"]), sum(told["before"]["neurons"]));
  for (const Json& n : told["after"]["neurons"]) EXPECT_EQ(n.get<int64_t>() % 16, 0);
  ASSERT_EQ(told["metric_after"].size(), 1u);

  const Finished inspected = run(Command{.args = {"inspect", out, "--json"}});
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  const Json have = Json::parse(inspected.out);
  EXPECT_EQ(have["parameters"], told["after"]["parameters"]);
  const Finished answered = run(Command{.args = {"infer", out, rows, "--format", "tsv"}});
  EXPECT_EQ(answered.exit_code, 0) << answered.err;
  // The whole model opened by it is as it was, and OUT is not written over.
  EXPECT_EQ(slenderize({"-o", out}).exit_code, 5);
}

// The widths of ELECTRA's and ERNIE's layers can be said too. ALBERT's layers share weights.
TEST_F(SlenderizeCli, OtherFamilies) {
  std::string text = "sentence\tlabel\n";
  const std::vector<std::string> words = {"a film", "slow", "they wait", "no plot", "it works"};
  for (size_t i = 0; i < 60; ++i) {
    text += words[i % 5] + " " + words[i / 5 % 5] + " " + std::to_string(i) + "\tLABEL_" +
            std::to_string(i % 3) + "\n";
  }
  write_file(rows, text);
  const struct {
    const char *model, *dialect;
  } cases[] = {{"electra", "cofi-compact-electra"},
               {"ernie", "cofi-compact-ernie"},
               {"data2vec", "cofi-compact-roberta"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.model);
    const std::string from = shared_path(std::string("golden/") + c.model), to = out + c.model;
    const Finished done = run(
        Command{.args = {"slenderize", from, "--data", rows, "-o", to, "--macs", "0.7", "--json"}});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const Json told = Json::parse(done.out);
    EXPECT_EQ(told["dialect"], c.dialect);
    EXPECT_LE(told["after"]["macs"].get<double>(), 0.7 * told["before"]["macs"].get<double>());
    const Finished inspected = run(Command{.args = {"inspect", to, "--json"}});
    ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
    EXPECT_EQ(Json::parse(inspected.out)["dialect"], c.dialect);
    EXPECT_EQ(Json::parse(inspected.out)["parameters"], told["after"]["parameters"]);
    // It is written and read again, and off-ramps stand on it.
    const Finished copied = run(Command{.args = {"convert", to, to + "-copy", "-q"}});
    ASSERT_EQ(copied.exit_code, 0) << copied.err;
    const Finished same = run(Command{.args = {"diff", to, to + "-copy"}});
    EXPECT_EQ(same.exit_code, 0) << same.out << same.err;
    const Finished trained = run(Command{.args = {"train", to, "--recipe", "ramps", "--data", rows,
                                                  "-o", to + "-ramps", "--epochs", "1", "-q"}});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    const Finished with_ramps = run(Command{.args = {"inspect", to + "-ramps", "--json"}});
    EXPECT_EQ(Json::parse(with_ramps.out)["dialect"], std::string("costeff-") + c.dialect);
  }
  const std::string albert = shared_path("golden/albert");
  const Finished refused =
      run(Command{.args = {"slenderize", albert, "--data", rows, "-o", out, "--macs", "0.7"}});
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_TRUE(
      refused.err.ends_with("costeff: " + albert +
                            ": is plain-albert, which has no slender form; expected a BERT, "
                            "RoBERTa, ELECTRA or ERNIE\n"))
      << refused.err;
}

TEST_F(SlenderizeCli, SameBitsForAnyNumberOfThreads) {
  for (const char* threads : {"1", "3"}) {
    const Finished done = slenderize({"-o", out + threads, "--threads", threads, "-q"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
  }
  EXPECT_EQ(read_whole_file(out + "1/model.safetensors"),
            read_whole_file(out + "3/model.safetensors"));
}

// Nothing dropped, nothing fitted: the same answers.
TEST_F(SlenderizeCli, TheWholeModelAnswersAsBefore) {
  ASSERT_EQ(slenderize({"-o", out, "--macs", "1", "--tune", "none"}).exit_code, 0);
  const auto answers_of = [&](const std::string& path) {
    return run(Command{.args = {"infer", path, rows, "--format", "tsv"}}).out;
  };
  EXPECT_EQ(answers_of(out), answers_of(whole));
  EXPECT_NE(answers_of(out), "");
}

TEST_F(SlenderizeCli, OffRampsStay) {
  TinyShape shape;
  shape.heads = {4};
  shape.hidden = 16;
  shape.ffn = {64};
  shape.label_names = {"a", "b", "c"};
  write_tiny_checkpoint(whole, shape);
  for (const char* fit : {"refit", "scales"}) {
    const std::string to = out + fit;
    const Finished done = slenderize({"-o", to, "--tune", fit, "--json"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(Json::parse(done.out)["metric_after"].size(), 4u);
    const Finished left = run(Command{.args = {"infer", to, rows, "-S", "2", "--format", "tsv"}});
    ASSERT_EQ(left.exit_code, 0) << left.err;
    EXPECT_TRUE(lines_of(left.out)[1].ends_with("\t1")) << left.out;
  }
}

// Rows without labels, by themselves or as asked.
TEST_F(SlenderizeCli, DrawsAnswersWhereThereAreNoLabels) {
  std::string lines, csv = "sentence\n", jsonl, bare;
  for (const std::string& text : tiny_texts(60, 9)) {
    lines += "w1 " + text + "\n";
    csv += "w1 " + text + "\n";
    jsonl += "{\"text\": \"w1 " + text + "\"}\n";
  }
  const struct {
    std::string name, text;
    Strings more;
  } cases[] = {{"rows.txt", lines, {}},
               {"rows.csv", csv, {}},
               {"rows.jsonl", jsonl, {}},
               {"again.txt", lines, {"--no-labels"}},
               {"labelled.tsv", read_whole_file(rows), {"--no-labels"}}};
  std::string first;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string path = dir.file(c.name), to = dir.file("out-" + c.name);
    write_file(path, c.text);
    Strings args{"slenderize", whole, "--data", path, "-o", to, "--json"};
    args.insert(args.end(), c.more.begin(), c.more.end());
    const Finished done = run(Command{.args = args});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_NE(done.err.find("answers are drawn from the model's own"), std::string::npos)
        << done.err;
    const Json told = Json::parse(done.out);
    EXPECT_EQ(told["drawn_answers"], true);
    EXPECT_EQ(told["rows"], c.name == "labelled.tsv" ? 80 : 60);
    EXPECT_EQ(told["metric_after"].size(), 0u);
    EXPECT_LT(sum(told["after"]["neurons"]), sum(told["before"]["neurons"]));
    // The same texts and seed: the same model.
    const std::string weights = read_whole_file(to + "/model.safetensors");
    if (first.empty()) first = weights;
    EXPECT_EQ(weights == first, c.name != "labelled.tsv");
  }
  // With rows to judge by that have some.
  const Finished judged = run(Command{.args = {"slenderize", whole, "--data", dir.file("rows.txt"),
                                               "--dev", rows, "-o", out, "--json"}});
  ASSERT_EQ(judged.exit_code, 0) << judged.err;
  EXPECT_EQ(Json::parse(judged.out)["metric_after"].size(), 1u);
  // A row without a label among others is wrong, and so is a column that was asked for.
  write_file(dir.file("hole.jsonl"), "{\"text\": \"w1\", \"label\": \"a\"}\n" + jsonl);
  const struct {
    Strings args;
    int code;
    const char* says;
  } refused[] = {
      {{"--data", dir.file("hole.jsonl")}, 3, "hole.jsonl:2: no field \"label\""},
      {{"--data", dir.file("rows.csv"), "--label-field", "stars"}, 3, "no column \"stars\""},
      {{"--data", dir.file("rows.csv"), "--labels", "a,b,c"}, 3, "no column of labels (label)"},
      {{"--data", dir.file("rows.txt"), "--no-labels", "--dev-share", "0.1"}, 2, "--dev-share: "},
      {{"--data", dir.file("rows.csv"), "--method", "cost-eff", "--heads", "2"},
       3,
       "no column of labels (label)"},
  };
  for (const auto& c : refused) {
    Strings args{"slenderize", whole, "-o", dir.file("none")};
    args.insert(args.end(), c.args.begin(), c.args.end());
    const Finished done = run(Command{.args = args});
    EXPECT_EQ(done.exit_code, c.code) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_FALSE(std::filesystem::exists(dir.file("none")));
  }
}

TEST_F(SlenderizeCli, SizesInEachMeasure) {
  const struct {
    const char *flag, *value, *name;
  } cases[] = {{"--params", "0.7", "params"},
               {"--sparsity", "0.5", "sparsity"},
               {"--macs", "0.3", "macs"},
               {"--speedup", "1.3", "speedup"}};
  // Most of its time is that of neurons, however busy the machine is.
  TinyShape shape;
  shape.dialect = "plain";
  shape.hidden = 64;
  shape.head_size = 16;
  shape.heads = {4};
  shape.ffn = {1024};
  shape.label_names = {"a", "b", "c"};
  write_tiny_checkpoint(whole, shape);
  for (const auto& c : cases) {
    SCOPED_TRACE(c.flag);
    const std::string to = out + c.name;
    const Finished done = slenderize({"-o", to, c.flag, c.value, "--json"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const Json told = Json::parse(done.out);
    const double asked = std::stod(c.value);
    EXPECT_EQ(told["size"], c.name);
    EXPECT_EQ(told["asked"], asked);
    const auto share = [&](const char* of) {
      return told["after"][of].get<double>() / told["before"][of].get<double>();
    };
    const std::string name = c.name;
    if (name == "params") {
      EXPECT_LE(share("parameters"), asked);
    }
    if (name == "macs") {
      EXPECT_LE(share("macs"), asked);
    }
    if (name == "sparsity") {
      EXPECT_GE(told["after"]["sparsity"].get<double>(), asked);
    }
    EXPECT_EQ(told.contains("speedup"), name == "speedup");
    if (name == "speedup") {
      EXPECT_GE(told["speedup"].get<double>(), asked);
    }
    const Json have = Json::parse(run(Command{.args = {"inspect", to, "--json"}}).out);
    EXPECT_EQ(have["parameters"], told["after"]["parameters"]);
    for (size_t l = 0; l < 4; ++l) {
      EXPECT_EQ(have["layers"][l]["heads"], told["after"]["heads"][l]);
      EXPECT_EQ(have["layers"][l]["ffn_size"], told["after"]["neurons"][l]);
    }
  }
}

// A model of scores, by the rows' scores and by drawn ones.
TEST_F(SlenderizeCli, ModelsOfScores) {
  const std::string model_of_scores = shared_path("golden/plain_bert_stsb");
  std::string text = "sentence\tscore\n";
  const std::vector<std::string> sentences = tiny_texts(80, 7);
  for (size_t i = 0; i < sentences.size(); ++i)
    text +=
        "the " + sentences[i] + "\t" + std::to_string(i % 6) + "." + std::to_string(i % 10) + "\n";
  write_file(rows, text);
  for (const Strings& more : {Strings{}, Strings{"--no-labels"}}) {
    const std::string to = out + std::to_string(more.size());
    Strings args{"slenderize", model_of_scores, "--data", rows, "-o", to, "--json"};
    args.insert(args.end(), more.begin(), more.end());
    const Finished done = run(Command{.args = args});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    const Json told = Json::parse(done.out);
    const double left = told["after"]["macs"].get<double>() / told["before"]["macs"].get<double>();
    EXPECT_GT(left, 0.35);
    EXPECT_LE(left, 0.5);
    EXPECT_EQ(told["drawn_answers"], !more.empty());
  }
}

// Little is left: sublayers without any units, in a model that is written, read, judged, converted and
// made slender again.
TEST_F(SlenderizeCli, LayersMayLoseAllTheirUnits) {
  const Finished done = slenderize({"-o", out, "--sparsity", "0.9", "--json"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const Json told = Json::parse(done.out);
  int64_t empty = 0;
  for (const char* kind : {"heads", "neurons"})
    for (const Json& n : told["after"][kind]) empty += n == 0;
  EXPECT_GT(empty, 0);
  const auto answers_of = [&](const std::string& path) {
    const Finished answered = run(Command{.args = {"infer", path, rows, "--format", "tsv"}});
    EXPECT_EQ(answered.exit_code, 0) << answered.err;
    return answered.out;
  };
  ASSERT_EQ(run(Command{.args = {"convert", out, out + "c"}}).exit_code, 0);
  EXPECT_EQ(answers_of(out + "c"), answers_of(out));
  EXPECT_EQ(run(Command{.args = {"diff", out, out + "c"}}).exit_code, 0);
  for (const char* dtype : {"int8", "bf16"}) {
    const std::string to = out + dtype;
    ASSERT_EQ(run(Command{.args = {"quantize", out, to, "--dtype", dtype}}).exit_code, 0) << dtype;
    EXPECT_NE(answers_of(to), "");
  }
  const Finished again = run(Command{
      .args = {"slenderize", out, "--data", rows, "-o", out + "2", "--sparsity", "0.5", "--json"}});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_LE(sum(Json::parse(again.out)["after"]["neurons"]), sum(told["after"]["neurons"]));
  EXPECT_NE(answers_of(out + "2"), "");
}

TEST_F(SlenderizeCli, Refuses) {
  const struct {
    Strings flags;
    int code;
    const char* says;
  } cases[] = {
      {{}, 2, "no output: -o OUT"},
      {{"-o", out, "--macs", "0.001"}, 2, "of the multiply-accumulates, expected at least"},
      {{"-o", out, "--macs", "2"}, 2, "--macs"},
      {{"-o", out, "--method", "magic"},
       2,
       "--method \"magic\" is not known, expected one of fisher, cost-eff"},
      {{"-o", out, "--tune", "magic"}, 2, "--tune \"magic\""},
      {{"-o", out, "--heads", "2"}, 2, "--heads is not for --method fisher"},
      {{"-o", out, "--resume"}, 2, "--resume is not for --method fisher"},
      {{"-o", out, "--method", "cost-eff"}, 2, "no size: --heads N"},
      {{"-o", out, "--method", "cost-eff", "--heads", "2", "--tune", "none"},
       2,
       "--tune is not for"},
      {{"-o", out, "--method", "cofi", "--sparsity", "0.5", "--rows", "9"}, 2, "--rows is not for"},
      {{"-o", out, "--method", "cofi"}, 2, "no size: --sparsity X"},
      {{"-o", out, "--method", "cofi", "--sparsity", "0.5", "--no-round"}, 2, "--no-round is not"},
      {{"-o", out, "--method", "cofi", "--macs", "1"}, 2, "expected a smaller one"},
      {{"-o", out, "--labels", "b,a,c"}, 3, "has a, b, c, expected the same in the same order"},
      {{"-o", out, "--method", "cofi", "--sparsity", "0.5", "--labels", "b,a,c"}, 3, "same order"},
      {{"--method", "cofi", "--sparsity", "0.5"}, 2, "see costeff slenderize --help"},
      {{"-o", out, "--method", "cofi", "--sparsity", "0.5", "--heads", "2"},
       2,
       "--heads is not for"},
      {{"-o", out, "--method", "cofi", "--params", "0.1"}, 2, "expected at least 0."},
      {{"-o", out, "--method", "cost-eff", "--heads", "5"}, 2, "heads 5, expected 1 to 4"},
      {{"-o", out, "--method", "cost-eff", "--macs", "0.5", "--params", "0.5"}, 2, "one of them"},
      {{"-o", out, "--method", "cost-eff", "--params", "0.01"}, 2, "expected at least 0."},
      {{"-o", out, "--method", "cost-eff", "--heads", "2", "--resume"}, 3, "no unfinished run"},
      {{"-o", out, "--params", "0.1"}, 2, "of the parameters, expected at least 0."},
      {{"-o", out, "--sparsity", "0.9999"}, 2, "a sparsity of 0.9999, expected at most 0.9"},
      {{"-o", out, "--sparsity", "1"}, 2, "a sparsity of 1, expected at least 0"},
      {{"-o", out, "--speedup", "999"}, 2, "a speed-up of 999, expected at most"},
      {{"-o", out, "--speedup", "0.5"}, 2, "--speedup"},
      {{"-o", out, "--speedup", "2", "--macs", "0.5"}, 2, "--macs and --speedup, expected one"},
      {{"-o", out, "--params", "0.5", "--sparsity", "0.5"}, 2, "--params and --sparsity, expected"},
      {{"-o", out, "--speedup", "2", "--dtype", "fp4"}, 2, "fp4"},
      {{"-o", out, "--dtype", "int8"}, 2, "--dtype says nothing"},
      {{"-o", out, "--labels", "a,b,c,d"},
       3,
       "the rows have 4 classes (a, b, c, d), and the model has 3"},
      {{"-o", out, "--max-length", "500"}, 2, "max length 500"},
  };
  for (const auto& c : cases) {
    const Finished done = slenderize(c.flags);
    EXPECT_EQ(done.exit_code, c.code) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_FALSE(std::filesystem::exists(out));
  }
  // COST-EFF's form has one width for all layers.
  TinyShape slender;
  slender.dialect = "costeff";
  slender.heads = {2};
  slender.ffn = {16};
  slender.rank = 4;
  slender.label_names = {"a", "b", "c"};
  write_tiny_checkpoint(whole, slender);
  const Finished done = slenderize({"-o", out});
  EXPECT_EQ(done.exit_code, 4);
  EXPECT_NE(done.err.find("has a factorised word embedding"), std::string::npos) << done.err;
  EXPECT_FALSE(std::filesystem::exists(out));
}

// With training: a table of evaluations, a log, a report, and the model.
TEST_F(SlenderizeCli, CosteffTrainsAndTells) {
  const Strings flags{"--method", "cost-eff", "--heads", "3",      "--epochs-scale",
                      "0.05",     "--batch",  "8",       "--seed", "3"};
  Strings args = flags;
  const std::string log = dir.file("log.jsonl"), page = dir.file("page.html");
  for (const std::string& more : {std::string("-o"), out, std::string("--log"), log,
                                  std::string("--report"), page, std::string("--threads=2")})
    args.push_back(more);
  const Finished done = slenderize(args);
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.out.find("assistant"), std::string::npos) << done.out;
  EXPECT_NE(done.out.find("embedding"), std::string::npos) << done.out;
  for (const std::string& line : lines_of(done.out)) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_FALSE(std::filesystem::exists(out + ".stages"));
  EXPECT_NE(read_whole_file(page).find("<svg"), std::string::npos);
  std::map<std::string, int64_t> events;
  for (const std::string& line : lines_of(read_whole_file(log)))
    ++events[Json::parse(line).at("event").get<std::string>()];
  EXPECT_EQ(events["plan"], 1);
  EXPECT_EQ(events["end"], 1);

  args = flags;
  args.insert(args.end(), {"-o", out + "2", "--json", "--threads=1"});
  const Finished again = slenderize(args);
  ASSERT_EQ(again.exit_code, 0) << again.err;
  const Json told = Json::parse(again.out);
  EXPECT_EQ(told["method"], "cost-eff");
  EXPECT_EQ(told["after"]["heads"], Json({3, 3, 3, 3}));
  EXPECT_EQ(told["shapes"].size(), told["stages"].size());
  int64_t steps = 0;
  for (const Json& stage : told["stages"]) steps += stage["steps"].get<int64_t>();
  EXPECT_EQ(events["step"], steps);
  EXPECT_EQ(events["evaluation"], static_cast<int64_t>(told["evaluations"].size()));
  EXPECT_EQ(read_whole_file(out + "/model.safetensors"),
            read_whole_file(out + "2/model.safetensors"));
  const Json have = Json::parse(run(Command{.args = {"inspect", out, "--json"}}).out);
  EXPECT_EQ(have["parameters"], told["after"]["parameters"]);
  EXPECT_EQ(have["dialect"], "cost-eff");
}

TEST_F(SlenderizeCli, CosteffsDryRunTellsStagesAndTime) {
  const Finished done = slenderize(
      {"--method", "cost-eff", "--heads", "2", "--dry-run", "--json", "--epochs-scale", "0.05"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const Json told = Json::parse(done.out);
  EXPECT_GT(told["estimated_seconds"].get<double>(), 0);
  EXPECT_GT(told["memory"]["total"].get<int64_t>(), 0);
  // Assistant, two prunings with a recovery between them, states, answers.
  EXPECT_EQ(told["stages"].size(), 6u);
  EXPECT_FALSE(told.contains("metric_after"));
}

TEST_F(SlenderizeCli, DryRunWritesNothing) {
  const Finished done = slenderize({"--dry-run"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_NE(done.out.find("multiply-accumulates"), std::string::npos);
  EXPECT_EQ(done.out.find("accuracy"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace costeff::cli
