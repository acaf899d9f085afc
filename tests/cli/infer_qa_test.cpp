// costeff infer --task qa: what scripts rely on.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

using Strings = std::vector<std::string>;

struct Asked {
  TinyModel model{TinyShape{.dialect = "qa"}};
  std::vector<QaExample> questions;

  Asked() {
    const Strings asked = tiny_texts(12, 1), contexts = tiny_texts(12, 2);
    for (size_t i = 0; i < asked.size(); ++i) {
      // Not ASCII, so that bytes and characters differ.
      questions.push_back({.question = asked[i].substr(0, 30),
                           .context = "\xC3\xA9t\xC3\xA9 " + contexts[i],
                           .id = fmt::format("q{}", i + 1),
                           .place = ""});
    }
  }
  std::vector<QaResult> results(const QaOptions& options = {}) const {
    return Engine(model.path()).answer(questions, options);
  }
  std::string tsv() const {
    std::string out;
    for (const QaExample& q : questions) out += q.question + "\t" + q.context + "\n";
    return out;
  }
  std::string squad() const {
    nlohmann::ordered_json paragraphs = nlohmann::ordered_json::array();
    for (const QaExample& q : questions) {
      paragraphs.push_back(
          {{"qas", {{{"id", q.id}, {"question", q.question}}}}, {"context", q.context}});
    }
    return nlohmann::ordered_json{{"version", "v2.0"}, {"data", {{{"paragraphs", paragraphs}}}}}
        .dump();
  }
};

Finished infer(const Asked& asked, const Strings& flags, const std::string& input) {
  Strings args = {"infer", asked.model.path(), "-", "--task", "qa"};
  args.insert(args.end(), flags.begin(), flags.end());
  return run(args, input);
}

TEST(InferQa, TsvBytes) {
  const Asked asked;
  std::string expected = "id\tanswer\tstart\tend\tscore\n";
  int64_t row = 0;
  for (const QaResult& r : asked.results()) {
    expected += fmt::format("{}\t{}\t{}\t{}\t{}\n", ++row, r.answer.text, r.answer.char_begin,
                            r.answer.char_end, number(r.answer.score));
  }
  for (const char* threads : {"1", "3"}) {
    const Finished f = infer(asked, {"--threads", threads}, asked.tsv());
    EXPECT_EQ(f.exit_code, 0);
    EXPECT_EQ(f.err, "");
    EXPECT_EQ(f.out, expected);
  }
}

TEST(InferQa, JsonlWithTheNBest) {
  const Asked asked;
  QaOptions options;
  options.version_2 = true;
  options.null_threshold = -1;
  options.doc_stride = 5;
  options.max_answer_length = 4;
  options.max_length = 32;
  const auto results = asked.results(options);
  const Finished f =
      infer(asked,
            {"--input-format", "squad", "--n-best", "3", "--squad-v2", "--null-threshold", "-1",
             "--doc-stride", "5", "--max-answer-length", "4", "--max-length", "32"},
            asked.squad());
  EXPECT_EQ(f.err, "");
  const auto rows = json_rows(f.out);
  ASSERT_EQ(rows.size(), results.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const QaResult& r = results[i];
    EXPECT_EQ(keys_of(rows[i]),
              (Strings{"id", "answer", "start", "end", "score", "null_odds", "nbest"}));
    EXPECT_EQ(rows[i]["id"], asked.questions[i].id);
    EXPECT_EQ(rows[i]["answer"], r.answer.text);
    EXPECT_EQ(rows[i]["start"], r.answer.char_begin);
    EXPECT_EQ(rows[i]["null_odds"].get<float>(), r.null_odds);
    ASSERT_EQ(rows[i]["nbest"].size(), std::min<size_t>(3, r.n_best.size()));
    for (size_t k = 0; k < rows[i]["nbest"].size(); ++k) {
      EXPECT_EQ(keys_of(rows[i]["nbest"][k]), (Strings{"answer", "start", "end", "score"}));
      EXPECT_EQ(rows[i]["nbest"][k]["answer"], r.n_best[k].text);
      EXPECT_EQ(rows[i]["nbest"][k]["score"].get<float>(), r.n_best[k].score);
    }
  }
}

TEST(InferQa, SquadPredictions) {
  const Asked asked;
  const TempDir dir;
  write_file(dir.file("dev.json"), asked.squad());
  const Finished f = run({"infer", asked.model.path(), dir.file("dev.json"), "--task", "qa",
                          "--format", "squad", "-o", dir.file("predictions.json")});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  nlohmann::ordered_json expected;
  const auto results = asked.results();
  for (size_t i = 0; i < results.size(); ++i)
    expected[asked.questions[i].id] = results[i].answer.text;
  EXPECT_EQ(nlohmann::ordered_json::parse(read_whole_file(dir.file("predictions.json"))), expected);
}

TEST(InferQa, AnswersAsTheyAreAsked) {
  const Asked asked;
  Process p(
      {.args = {"infer", asked.model.path(), "-", "--task", "qa", "--input-format", "jsonl"}});
  p.write("{\"question\":\"w1\",\"context\":\"w2\",\"id\":\"first\"}\n");
  EXPECT_TRUE(p.wait_for_output("first\tw2\t0\t2\t1\n"));  // while the input is open
  p.write("{\"question\":\"w1\",\"context\":\"\",\"id\":\"second\"}\n");
  const Finished f = p.finish();
  EXPECT_EQ(f.exit_code, 0);
  EXPECT_EQ(lines_of(f.out).back(), "second\t\t0\t0\t0");
}

struct Refused {
  Strings flags;
  std::string text;
};

TEST(InferQa, RefusesWhatDoesNotFit) {
  const Asked asked;
  const Refused cases[] = {
      {{"--top-k", "2"}, "--top-k says nothing with --task qa"},
      {{"--threshold", "0.3"}, "--threshold says nothing with --task qa"},
      {{"--null-threshold", "1"}, "--null-threshold needs --squad-v2"},
      {{"--n-best", "2", "--format", "tsv"}, "--n-best needs --format jsonl"},
      {{"--format", "table"},
       "output format of task qa \"table\" is not known, expected one of tsv, csv, jsonl, squad"},
      {{"--text-field", "q"},
       "task qa: name both fields, the question's (--text-field) and the context's (--pair-field)"},
      {{"--max-length", "65"}, "max length 65, expected 1 to 64"},
  };
  for (const Refused& c : cases) {
    const Finished f = infer(asked, c.flags, "w1\tw2\n");
    EXPECT_EQ(f.exit_code, 2);
    EXPECT_EQ(f.err, "costeff: " + c.text + "\n");
    EXPECT_EQ(f.out, "");
  }
  const Finished no_task = run({"infer", asked.model.path(), "-"}, "w1\n");
  EXPECT_EQ(no_task.exit_code, 2);
  EXPECT_EQ(no_task.err, "costeff: " + asked.model.path() + ": " +
                             Engine(asked.model.path()).info().dialect +
                             " answers questions and has no labels; use --task qa\n");
  const TinyModel classifier;
  const Finished wrong = run({"infer", classifier.path(), "-", "--task", "qa"}, "w1\tw2\n");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(
      wrong.err,
      "costeff: " + classifier.path() +
          ": deebert-bert has no question answering head (qa_outputs), which --task qa needs\n");
  const Finished flag = run({"infer", classifier.path(), "-", "--squad-v2"}, "w1\n");
  EXPECT_EQ(flag.exit_code, 2);
  EXPECT_EQ(flag.err, "costeff: --squad-v2 needs --task qa\n");
  const Finished join =
      run({"infer", asked.model.path(), "-", "--task", "qa", "--join", "max"}, "w1\tw2\n");
  EXPECT_EQ(join.exit_code, 2);
  EXPECT_EQ(join.err, "costeff: --join says nothing with --task qa\n");
}

TEST(InferQa, WrongInputNamesThePlace) {
  const Asked asked;
  Finished f = infer(asked, {}, "w1\tw2\nw1\n");
  EXPECT_EQ(f.exit_code, 3);
  EXPECT_EQ(f.err, "costeff: stdin:2: 1 column, expected 2 (task qa)\n");
  f = infer(asked, {"--input-format", "squad"},
            R"({"data":[{"paragraphs":[{"context":"c","qas":[{"id":"1"}]}]}]})");
  EXPECT_EQ(f.exit_code, 3);
  EXPECT_EQ(f.err, "costeff: stdin: data[0].paragraphs[0].qas[0] has no key \"question\"\n");
}

}  // namespace
}  // namespace costeff::cli
