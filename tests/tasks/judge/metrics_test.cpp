// Metrics and intervals against scikit-learn, scipy and SQuAD's rules in Python. The numbers are
// written by tools/make_metric_goldens.py.

#include "tasks/judge/metrics.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/binomial.h"
#include "base/error_of.h"
#include "shared_data.h"
#include "tasks/judge/gold.h"
#include "tasks/judge/intervals.h"
#include "tasks/judge/set_metrics.h"
#include "tasks/judge/squad_metrics.h"
#include "tasks/read/reader.h"

namespace costeff::tasks {
namespace {

using Json = nlohmann::json;

constexpr double kTolerance = 1e-12;

const Json& goldens() {
  static const Json all = [] {
    std::ifstream in(std::string(COSTEFF_SOURCE_DIR) + "/tests/tasks/metric_goldens.json");
    return Json::parse(in);
  }();
  return all;
}

// null stands for NaN.
void expect_equal(double found, const Json& expected, const std::string& what) {
  if (expected.is_null()) {
    EXPECT_TRUE(std::isnan(found)) << what << ": " << found << ", expected NaN";
  } else {
    EXPECT_NEAR(found, expected.get<double>(), kTolerance) << what;
  }
}

Confusion confusion_of(const Json& row) {
  Confusion c(row["classes"]);
  for (size_t i = 0; i < row["gold"].size(); ++i) c.add(row["gold"][i], row["answered"][i]);
  return c;
}

TEST(Metrics, LabelsAsScikitLearn) {
  ASSERT_GT(goldens()["labels"].size(), 30u);
  for (const Json& row : goldens()["labels"]) {
    const std::string name = row["name"];
    const Confusion c = confusion_of(row);
    expect_equal(accuracy(c), row["accuracy"], name + " accuracy");
    expect_equal(f1(c, 1), row["f1"], name + " f1");
    expect_equal(macro_f1(c), row["macro_f1"], name + " macro_f1");
    expect_equal(matthews(c), row["matthews"], name + " matthews");
  }
}

TEST(Metrics, SetsAsScikitLearn) {
  ASSERT_GT(goldens()["sets"].size(), 20u);
  for (const Json& row : goldens()["sets"]) {
    const auto gold = row["gold"].get<std::vector<std::vector<int32_t>>>();
    const auto answered = row["answered"].get<std::vector<std::vector<int32_t>>>();
    std::vector<SetRow> rows;
    for (size_t i = 0; i < gold.size(); ++i) rows.push_back({&gold[i], &answered[i]});
    const int64_t labels = row["labels"];
    const std::vector<int32_t> once(rows.size(), 1);
    for (const Metric m : {Metric::subset_accuracy, Metric::hamming_loss, Metric::micro_f1,
                           Metric::macro_f1, Metric::sample_f1}) {
      const std::string name(metric_name(m));
      expect_equal(set_metric(m, rows, labels), row[name], row["name"].get<std::string>() + name);
      EXPECT_EQ(set_metric(m, rows, labels), set_statistic(m, rows, labels)(once));
    }
    const std::vector<LabelCounts> by_label = count_labels(rows, labels);
    for (size_t l = 0; l < by_label.size(); ++l) {
      expect_equal(by_label[l].precision(), row["precision"][l], "precision");
      expect_equal(by_label[l].recall(), row["recall"][l], "recall");
      expect_equal(by_label[l].f1(), row["f1"][l], "f1");
    }
  }
}

TEST(Metrics, SetsOfDrawnRows) {
  const std::vector<int32_t> a{0}, both{0, 1}, none;
  const std::vector<SetRow> rows{{&a, &both}, {&none, &none}, {&both, &a}};
  const std::vector<int32_t> times{2, 0, 1};
  // As if the first row were there twice and the second not at all.
  const std::vector<SetRow> drawn{rows[0], rows[0], rows[2]};
  for (const Metric m : {Metric::subset_accuracy, Metric::hamming_loss, Metric::micro_f1,
                         Metric::macro_f1, Metric::sample_f1}) {
    EXPECT_DOUBLE_EQ(set_metric(m, rows, 2, times), set_metric(m, drawn, 2)) << metric_name(m);
    EXPECT_TRUE(std::isnan(set_metric(m, {}, 2)));
  }
}

TEST(Metrics, EachIsOfOneKindOfAnswers) {
  const auto fits = [](ProblemType p) {
    std::string names;
    for (const char* name : {"accuracy", "f1", "macro_f1", "matthews", "pearson", "spearman",
                             "subset_accuracy", "micro_f1", "sample-f1", "hamming_loss"}) {
      if (metric_fault(metric_from_name(name), p).empty()) names += std::string(name) + " ";
    }
    return names;
  };
  EXPECT_EQ(fits(ProblemType::single_label), "accuracy f1 macro_f1 matthews ");
  EXPECT_EQ(fits(ProblemType::multi_label),
            "macro_f1 subset_accuracy micro_f1 sample-f1 hamming_loss ");
  EXPECT_EQ(fits(ProblemType::regression), "pearson spearman ");
  EXPECT_EQ(metric_fault(Metric::f1, ProblemType::multi_label),
            "metric f1 is of one label a row, and the answers are any number of labels "
            "(multi-label)");
}

TEST(Metrics, ScoresAsScipy) {
  ASSERT_GT(goldens()["scores"].size(), 20u);
  for (const Json& row : goldens()["scores"]) {
    const std::string name = row["name"];
    const std::vector<double> x = row["x"], y = row["y"];
    expect_equal(pearson(x, y), row["pearson"], name + " pearson");
    expect_equal(spearman(x, y), row["spearman"], name + " spearman");
  }
}

TEST(Metrics, AnswersAsSquadsScripts) {
  ASSERT_GT(goldens()["answers"].size(), 300u);
  for (const Json& row : goldens()["answers"]) {
    const std::vector<std::string> gold = row["gold"];
    const AnswerScore s = score_answer(row["answer"].get<std::string>(), gold, row["version_2"]);
    expect_equal(s.exact, row["exact"], row.dump() + " exact");
    expect_equal(s.f1, row["f1"], row.dump() + " f1");
  }
}

TEST(Metrics, AnswersAreNormalisedAsPythonDoes) {
  for (const Json& row : goldens()["normal"]) {
    EXPECT_EQ(normalize_answer(row[0].get<std::string>()), row[1].get<std::string>()) << row.dump();
  }
}

// The official dev files, labels read as eval reads them, against answers that the texts' lengths
// give: (bytes of the first text - bytes of the second) modulo the labels, in the files' order.
void check_glue_files(const char* goldens_of) {
  ASSERT_EQ(goldens()[goldens_of].size(), 10u);
  for (const Json& row : goldens()[goldens_of]) {
    const std::string path = shared_path("glue/" + row["path"].get<std::string>());
    const FoundTask found = guess_task(path, {});
    ASSERT_NE(found.task, nullptr) << path;
    const auto labels = static_cast<int64_t>(found.task->labels.size());
    std::vector<std::string> names;
    for (const std::string_view name : found.task->labels) names.emplace_back(name);
    if (names.empty()) names.emplace_back("LABEL_0");
    const LabelMap map = find_label_map(
        found.task, names, labels == 0 ? ProblemType::regression : ProblemType::single_label);
    InputOptions options;
    options.want_gold = true;
    options.task = found.task;
    RowReader reader({{path, {}}}, options);
    Example example;
    Confusion c(std::max<int64_t>(labels, 1));
    std::vector<double> lengths, scores;
    while (reader.next(example, true) == ReadStatus::row) {
      const int64_t length = static_cast<int64_t>(example.text_a.size()) -
                             (example.text_b ? static_cast<int64_t>(example.text_b->size()) : 0);
      const GoldLabel gold = parse_gold(map, example);
      if (labels > 0) {
        c.add(gold.label, (length % labels + labels) % labels);
      } else {
        lengths.push_back(static_cast<double>(length));
        scores.push_back(gold.score);
      }
    }
    EXPECT_EQ(reader.rows(), row["rows"]) << path;
    if (labels == 0) {
      expect_equal(pearson(lengths, scores), row["pearson"], path + " pearson");
      expect_equal(spearman(lengths, scores), row["spearman"], path + " spearman");
      continue;
    }
    expect_equal(accuracy(c), row["accuracy"], path + " accuracy");
    expect_equal(f1(c, 1), row["f1"], path + " f1");
    expect_equal(macro_f1(c), row["macro_f1"], path + " macro_f1");
    expect_equal(matthews(c), row["matthews"], path + " matthews");
  }
}

TEST(Metrics, GlueFiles) {
  COSTEFF_NEED_SHARED("glue");
  check_glue_files("excerpts");
}

TEST(LargerMetrics, GlueFiles) {
  COSTEFF_NEED_SHARED("glue");
  check_glue_files("shared");
}

TEST(Metrics, NoRowsHaveNoAccuracy) {
  const Confusion none(2);
  EXPECT_TRUE(std::isnan(accuracy(none)));
  EXPECT_EQ(f1(none, 1), 0);
  EXPECT_EQ(macro_f1(none), 0);
  EXPECT_EQ(matthews(none), 0);
}

TEST(Metrics, TiesShareTheMeanOfTheirRanks) {
  const std::vector<double> values{3, 1, 3, 3, 0.5};
  EXPECT_EQ(average_ranks(values), (std::vector<double>{4, 2, 4, 4, 1}));
}

TEST(Metrics, NamesGoBothWays) {
  for (const char* name : {"accuracy", "f1", "macro_f1", "matthews", "pearson", "spearman"}) {
    EXPECT_EQ(metric_name(metric_from_name(name)), name);
  }
  EXPECT_EQ(metric_from_name("macro-f1"), Metric::macro_f1);
  EXPECT_EQ(error_of(ErrorKind::usage, [] { metric_from_name("mcc"); }),
            "metric \"mcc\" is not known, expected one of accuracy, f1, macro_f1, matthews, "
            "pearson, spearman, subset_accuracy, micro_f1, sample_f1, hamming_loss");
}

TEST(Intervals, ClopperPearsonAsScipy) {
  for (const Json& row : goldens()["intervals"]) {
    const Interval i = binomial_interval(row[0], row[1], row[2]);
    expect_equal(i.low, row[3], row.dump() + " low");
    expect_equal(i.high, row[4], row.dump() + " high");
  }
  EXPECT_TRUE(std::isnan(binomial_interval(0, 0).low));
}

TEST(Intervals, IncompleteBetaAsScipy) {
  for (const Json& row : goldens()["beta"]) {
    expect_equal(incomplete_beta(row[0], row[1], row[2]), row[3], row.dump());
  }
}

TEST(Intervals, BootstrapOfAMean) {
  std::vector<double> values(400);
  for (size_t i = 0; i < values.size(); ++i) values[i] = i % 4 == 0 ? 1 : 0;
  const Interval i = bootstrap(400, mean_statistic(values), {.replicates = 4000});
  const double error = std::sqrt(0.25 * 0.75 / 400);
  EXPECT_NEAR(i.low, 0.25 - 1.96 * error, 0.005);
  EXPECT_NEAR(i.high, 0.25 + 1.96 * error, 0.005);
}

TEST(Intervals, BootstrapDependsOnItsSeedAlone) {
  Confusion c(2);
  for (int i = 0; i < 90; ++i) c.add(i % 2, (i * 7) % 5 == 0);
  const ConfusionStatistic statistic = [](const Confusion& draw) { return matthews(draw); };
  const Interval a = bootstrap(c, statistic, {.seed = 3}), b = bootstrap(c, statistic, {.seed = 3}),
                 other = bootstrap(c, statistic, {.seed = 4});
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_NE(a.low, other.low);
  EXPECT_LT(a.low, matthews(c));
  EXPECT_GT(a.high, matthews(c));
}

// The one-pass statistics of drawn rows are the plain ones of those rows.
TEST(Intervals, DrawnCorrelationsAreThoseOfTheRows) {
  const std::vector<double> x{1, 2, 2, 3, 5, 0}, y{2, 1, 4, 4, 4.5, 1};
  const std::vector<int32_t> times{0, 3, 1, 1, 0, 1};
  std::vector<double> drawn_x, drawn_y;
  for (size_t i = 0; i < x.size(); ++i) {
    drawn_x.insert(drawn_x.end(), static_cast<size_t>(times[i]), x[i]);
    drawn_y.insert(drawn_y.end(), static_cast<size_t>(times[i]), y[i]);
  }
  EXPECT_NEAR(pearson_statistic(x, y)(times), pearson(drawn_x, drawn_y), kTolerance);
  EXPECT_NEAR(spearman_statistic(x, y)(times), spearman(drawn_x, drawn_y), kTolerance);
  const std::vector<int32_t> same{0, 4, 0, 0, 0, 0};
  EXPECT_TRUE(std::isnan(pearson_statistic(x, y)(same)));
}

TEST(Intervals, AStatisticThatIsNeverDefinedHasNone) {
  const std::vector<double> flat(20, 1.0);
  const Interval i = bootstrap(20, pearson_statistic(flat, flat));
  EXPECT_TRUE(std::isnan(i.low));
  EXPECT_TRUE(std::isnan(i.high));
}

}  // namespace
}  // namespace costeff::tasks
