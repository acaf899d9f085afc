// The rows that scripts rely on: columns, keys, order, bytes.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;
using OrderedJson = nlohmann::ordered_json;

struct Scored {
  std::vector<std::string> texts = tiny_texts(30, 7);
  std::vector<Result> results;
  explicit Scored(const TinyModel& model, const RunOptions& options = {}) {
    results = Engine(model.path()).score(rows_of(texts), options);
  }
};

RunOptions entropy_below(double threshold, bool all_exits = false) {
  RunOptions o;
  o.policy = ExitPolicy{.kind = PolicyKind::entropy, .thresholds = {threshold}};
  o.all_exits = all_exits;
  return o;
}

TEST(InferOutput, TsvBytes) {
  const TinyModel model;
  const Scored expected(model, entropy_below(0.9));
  const Finished f =
      run({"infer", model.path(), "-", "--threshold", "0.9"}, joined(expected.texts));
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "");
  EXPECT_EQ(f.out, expected_tsv(expected.results));
}

TEST(InferOutput, TsvEscapesLabels) {
  const TinyModel model({.labels = 2, .label_names = {"tab\there", "back\\slash"}});
  const Scored expected(model);
  const Finished f = run({"infer", model.path(), "-", "--format", "tsv"}, joined(expected.texts));
  const Strings labels = column(f.out, 1);
  ASSERT_EQ(labels.size(), expected.results.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    EXPECT_EQ(labels[i], expected.results[i].label == 0 ? "tab\\there" : "back\\\\slash");
  }
}

TEST(InferOutput, CsvBytes) {
  const TinyModel model({.label_names = {"x,y", "say \"hi\"", "plain"}});
  const Scored expected(model);
  std::string csv = "id,label,prob,entropy,exit_layer\n";
  const Strings quoted = {"\"x,y\"", "\"say \"\"hi\"\"\"", "plain"};
  for (size_t i = 0; i < expected.results.size(); ++i) {
    const Result& r = expected.results[i];
    csv += fmt::format("{},{},{},{},{}\n", i + 1, quoted[static_cast<size_t>(r.label)],
                       number(r.prob), number(r.entropy), r.exit_layer);
  }
  EXPECT_EQ(run({"infer", model.path(), "-", "--format", "csv"}, joined(expected.texts)).out, csv);
}

TEST(InferOutput, JsonlBytes) {
  const TinyModel model({.label_names = {"say \"hi\"", "two\nlines", "gr\xC3\xBCn"}});
  const Scored expected(model);
  const Strings quoted = {"\"say \\\"hi\\\"\"", "\"two\\nlines\"", "\"gr\xC3\xBCn\""};
  std::string jsonl;
  for (size_t i = 0; i < expected.results.size(); ++i) {
    const Result& r = expected.results[i];
    jsonl +=
        fmt::format(R"({{"id":{},"label":{},"label_id":{},"prob":{},"entropy":{},"exit_layer":{}}})"
                    "\n",
                    i + 1, quoted[static_cast<size_t>(r.label)], r.label, number(r.prob),
                    number(r.entropy), r.exit_layer);
  }
  EXPECT_EQ(run({"infer", model.path(), "-", "--format", "jsonl"}, joined(expected.texts)).out,
            jsonl);
}

TEST(InferOutput, AllExitsAreComputedToTheLastLayer) {
  const TinyModel model;
  const Scored expected(model, entropy_below(0.9, true));
  const Finished f = run({"infer", model.path(), "-", "--threshold", "0.9", "--all-exits"},
                         joined(expected.texts));
  EXPECT_EQ(f.err, "");
  const auto rows = json_rows(f.out);
  ASSERT_EQ(rows.size(), expected.results.size());
  bool early = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Result& r = expected.results[i];
    EXPECT_EQ(keys_of(rows[i]),
              (Strings{"id", "label", "label_id", "prob", "entropy", "exit_layer", "exits"}));
    EXPECT_EQ(rows[i]["exit_layer"], r.exit_layer);
    early |= r.exit_layer < 4;
    ASSERT_EQ(rows[i]["exits"].size(), 4u);
    for (size_t e = 0; e < 4; ++e) {
      const OrderedJson& exit = rows[i]["exits"][e];
      EXPECT_EQ(keys_of(exit), (Strings{"layer", "logits", "probs", "entropy"}));
      EXPECT_EQ(exit["layer"], static_cast<int>(e) + 1);
      EXPECT_EQ(exit["logits"].get<std::vector<float>>(), r.exits[e].logits);
      EXPECT_EQ(exit["probs"].get<std::vector<float>>(), r.exits[e].probs);
      EXPECT_EQ(exit["entropy"].get<float>(), r.exits[e].entropy);
    }
    const OrderedJson& left = rows[i]["exits"][static_cast<size_t>(r.exit_layer - 1)];
    EXPECT_EQ(left["entropy"], rows[i]["entropy"]);
    EXPECT_EQ(left["probs"][rows[i]["label_id"].get<size_t>()], rows[i]["prob"]);
  }
  EXPECT_TRUE(early);
}

TEST(InferOutput, TopK) {
  const TinyModel model;
  const Scored expected(model);
  const std::string input = joined(expected.texts);
  const Finished tsv = run({"infer", model.path(), "-", "--top-k", "2"}, input);
  EXPECT_EQ(lines_of(tsv.out)[0], "id\tlabel\tprob\tentropy\texit_layer\tlabel_2\tprob_2");
  const Strings second = column(tsv.out, 5), prob = column(tsv.out, 6);
  // More than the number of labels: all of them.
  const auto rows =
      json_rows(run({"infer", model.path(), "-", "--top-k", "9", "--format", "jsonl"}, input).out);
  ASSERT_EQ(rows.size(), expected.results.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const Result& r = expected.results[i];
    EXPECT_EQ(keys_of(rows[i]),
              (Strings{"id", "label", "label_id", "prob", "entropy", "exit_layer", "top"}));
    const OrderedJson& top = rows[i]["top"];
    ASSERT_EQ(top.size(), 3u);
    EXPECT_EQ(keys_of(top[0]), (Strings{"label", "label_id", "prob"}));
    EXPECT_EQ(top[0]["label_id"], r.label);
    for (size_t k = 0; k < 3; ++k) {
      const auto label = top[k]["label_id"].get<size_t>();
      EXPECT_EQ(top[k]["prob"].get<float>(), r.probs[label]);
      EXPECT_EQ(top[k]["label"], fmt::format("LABEL_{}", label));
      if (k > 0) {
        EXPECT_LE(top[k]["prob"].get<float>(), top[k - 1]["prob"].get<float>());
      }
    }
    EXPECT_EQ(second[i], top[1]["label"]);
    EXPECT_EQ(prob[i], number(top[1]["prob"].get<float>()));
  }
}

TEST(InferOutput, HeaderCanBeLeftOutAndComesWithoutRowsToo) {
  const TinyModel model;
  const std::string header = "id\tlabel\tprob\tentropy\texit_layer\n";
  const Finished with = run({"infer", model.path(), "-"}, "w1\n");
  const Finished without = run({"infer", model.path(), "-", "--no-output-header"}, "w1\n");
  EXPECT_EQ(with.out, header + without.out);
  EXPECT_EQ(run({"infer", model.path(), "-"}).out, header);
  EXPECT_EQ(run({"infer", model.path(), "-", "--format", "jsonl"}).out, "");
  EXPECT_EQ(run({"infer", model.path(), "-", "--no-output-header"}).out, "");
  // An empty line is a row.
  EXPECT_EQ(lines_of(run({"infer", model.path(), "-"}, "\n\n").out).size(), 3u);
}

TEST(InferOutput, FormatFollowsTheNameOfTheOutput) {
  const TinyModel model;
  TempDir dir;
  const auto first_line = [&](const std::string& name, const Strings& more = {}) {
    Strings args = {"infer", model.path(), "-", "-o", dir.file(name)};
    args.insert(args.end(), more.begin(), more.end());
    const Finished f = run(args, "w1\n");
    EXPECT_EQ(f.exit_code, 0) << f.err;
    EXPECT_EQ(f.out, "");
    return lines_of(read_whole_file(dir.file(name)))[0].substr(0, 8);
  };
  EXPECT_EQ(first_line("a.tsv"), "id\tlabel");
  EXPECT_EQ(first_line("a.csv"), "id,label");
  EXPECT_EQ(first_line("a.jsonl"), "{\"id\":1,");
  EXPECT_EQ(first_line("a.txt"), "id\tlabel");
  EXPECT_EQ(first_line("b.csv", {"--format", "jsonl"}), "{\"id\":1,");
  EXPECT_EQ(first_line("b.out", {"--all-exits"}), "{\"id\":1,");
}

TEST(InferOutput, RegressionHasAValue) {
  const TinyModel model({.dialect = "plain", .labels = 1});
  const Scored expected(model);
  const std::string input = joined(expected.texts);
  std::string tsv = "id\tvalue\texit_layer\n", jsonl;
  for (size_t i = 0; i < expected.results.size(); ++i) {
    const std::string value = number(expected.results[i].logits[0]);
    tsv += fmt::format("{}\t{}\t4\n", i + 1, value);
    jsonl += fmt::format("{{\"id\":{},\"value\":{},\"exit_layer\":4}}\n", i + 1, value);
  }
  EXPECT_EQ(run({"infer", model.path(), "-"}, input).out, tsv);
  EXPECT_EQ(run({"infer", model.path(), "-", "--format", "jsonl"}, input).out, jsonl);
  const auto rows = json_rows(run({"infer", model.path(), "-", "--all-exits"}, input).out);
  EXPECT_EQ(keys_of(rows.at(0)), (Strings{"id", "value", "exit_layer", "exits"}));
  EXPECT_EQ(keys_of(rows.at(0)["exits"].at(0)), (Strings{"layer", "logits"}));
}

TEST(InferOutput, BytesDoNotDependOnThreadsAndBatches) {
  const TinyModel model;
  TempDir dir;
  write_file(dir.file("in.txt"), joined(tiny_texts(1500, 3)));
  const auto out = [&](const Strings& flags) {
    Strings args = {"infer", model.path(), dir.file("in.txt"), "--threshold", "0.9"};
    args.insert(args.end(), flags.begin(), flags.end());
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, 0) << f.err;
    return f.out;
  };
  const std::string first = out({"--threads", "1"});
  EXPECT_EQ(lines_of(first).size(), 1501u);
  EXPECT_EQ(out({"--threads", "2"}), first);
  EXPECT_EQ(out({"--threads", "5"}), first);
  EXPECT_EQ(out({"--batch-tokens", "1"}), first);
  EXPECT_EQ(out({"--batch-tokens", "4096"}), first);
  EXPECT_EQ(out({"--batch-tokens", "37", "--threads", "3"}), first);
}

TEST(InferOutput, MaxLengthCuts) {
  const TinyModel model;
  // [CLS] + 3 words + [SEP]; words of that vocabulary are one token each.
  const std::string cut =
      run({"infer", model.path(), "-", "--max-length", "5"}, "w1 w2 w3 w4 w5\nw6\n").out;
  EXPECT_EQ(cut, run({"infer", model.path(), "-"}, "w1 w2 w3\nw6\n").out);
  const Finished said =
      run({"infer", model.path(), "-", "--max-length", "5"}, "w1 w2 w3 w4 w5\nw6\n");
  EXPECT_EQ(said.err, "costeff: warning: 1 row was longer than the maximal length and was cut\n");
}

TEST(InferOutput, StatsGoToStderr) {
  const TinyModel model;
  const Scored expected(model, entropy_below(0.9));
  const std::string input = joined(expected.texts);
  const Strings args = {"infer", model.path(), "-", "--threshold", "0.9"};
  const auto with = [&](const Strings& flags) {
    Strings all = args;
    all.insert(all.end(), flags.begin(), flags.end());
    const Finished f = run(all, input);
    EXPECT_EQ(f.out, expected_tsv(expected.results));
    return f.err;
  };
  std::vector<int> histogram(4);
  double layers = 0;
  int64_t tokens = 0;
  for (const Result& r : expected.results) {
    ++histogram[static_cast<size_t>(r.exit_layer - 1)];
    layers += static_cast<double>(r.exit_layer);
    tokens += r.tokens;
  }
  const std::string err = with({"--stats-json", "--threads", "1"});
  ASSERT_EQ(lines_of(err).size(), 1u) << err;
  const OrderedJson j = OrderedJson::parse(err);
  EXPECT_EQ(keys_of(j), (Strings{"rows", "tokens", "seconds", "rows_per_s", "tokens_per_s",
                                 "threads", "mean_exit_layer", "layers_saved", "exit_histogram",
                                 "bad_utf8_rows", "truncated_rows", "empty_rows", "skipped_rows",
                                 "windows", "layer_tokens", "stage_seconds"}));
  EXPECT_EQ(j["rows"], 30);
  EXPECT_EQ(j["tokens"], tokens);
  EXPECT_EQ(j["threads"], 1);
  EXPECT_EQ(j["exit_histogram"].get<std::vector<int>>(), histogram);
  EXPECT_DOUBLE_EQ(j["mean_exit_layer"].get<double>(), layers / 30);
  EXPECT_DOUBLE_EQ(j["layers_saved"].get<double>(), 1 - layers / 30 / 4);
  EXPECT_GT(j["layers_saved"].get<double>(), 0);
  EXPECT_EQ(keys_of(j["stage_seconds"]),
            (Strings{"tokenize", "embed", "attention", "ffn", "exits", "output"}));

  const std::string text = with({"--stats"});
  EXPECT_EQ(text.rfind(fmt::format("30 rows, {} tokens in ", tokens), 0), 0u) << text;
  EXPECT_NE(text.find("\nmean exit layer "), std::string::npos);
  EXPECT_NE(text.find("\n  layer  4 "), std::string::npos);
  EXPECT_NE(text.find("\n  tokenize "), std::string::npos);
  for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), 80u) << line;

  // With all exits nothing is saved, wherever the rows leave.
  const Finished all =
      run({"infer", model.path(), "-", "--threshold", "0.9", "--all-exits", "--stats-json"}, input);
  const OrderedJson none = OrderedJson::parse(all.err);
  EXPECT_EQ(none["layers_saved"], 0);
  EXPECT_EQ(none["layer_tokens"], 4 * tokens);
  EXPECT_EQ(none["mean_exit_layer"], j["mean_exit_layer"]);
}

TEST(InferOutput, BadUtf8IsSaidUnlessQuiet) {
  const TinyModel model;
  const std::string input = "w1 \xFF\nw2\n\xC0 w3\n";
  const Finished f = run({"infer", model.path(), "-"}, input);
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(f.err, "costeff: warning: 2 rows are not UTF-8; their bad bytes were read as U+FFFD\n");
  const Finished quiet = run({"infer", model.path(), "-", "--quiet"}, input);
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(quiet.out, f.out);
}

}  // namespace
}  // namespace costeff::cli
