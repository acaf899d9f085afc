#include "tasks/judge/sweep.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tasks/report/report_html.h"
#include "tasks/report/report_svg.h"
#include "tasks/report/sweep_writer.h"

namespace costeff::tasks {
namespace {

// Four layers with an exit each, three labels.
ModelInfo model_info(bool regression = false) {
  ModelInfo m;
  m.hidden_size = 8;
  m.num_labels = regression ? 1 : 3;
  m.problem = regression ? ProblemType::regression : ProblemType::single_label;
  m.labels = {"a", "b", "c"};
  for (int64_t l = 1; l <= 4; ++l) {
    m.layers.push_back({l, 2, 4, 10, 100});
    m.exits.push_back({l, "mean over tokens", 8, 24, 24 + l});
  }
  return m;
}

Evaluated random_rows(int64_t rows, uint64_t seed, bool regression = false) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 2);
  Evaluated data;
  std::vector<Result> results;
  for (int64_t i = 0; i < rows; ++i) {
    Result& r = results.emplace_back();
    r.tokens = 3 + static_cast<int64_t>(random() % 20);
    for (int64_t l = 1; l <= 4; ++l) {
      ExitOutput& e = r.exits.emplace_back();
      e.layer = l;
      for (int c = 0; c < (regression ? 1 : 3); ++c) e.logits.push_back(normal(random));
    }
    if (regression) {
      data.scores.push_back(static_cast<double>(normal(random)));
    } else {
      data.labels.push_back(static_cast<int32_t>(random() % 3));
    }
  }
  append(results, model_info(regression).problem, &data.table);
  return data;
}

SweepPoint point(PolicyKind kind, std::vector<double> thresholds, int64_t exit_start = 1) {
  SweepPoint p;
  p.policy.kind = kind;
  p.policy.thresholds = std::move(thresholds);
  p.policy.exit_start = exit_start;
  p.policy.patience = 2;
  p.policy.layer = 3;
  return p;
}

// Two hands, one answer: costeff eval counts its own way.
TEST(SweepEvaluator, AgreesWithEvaluation) {
  const ModelInfo m = model_info();
  const Evaluated data = random_rows(200, 1);
  SweepEvaluator evaluator(data, m);
  ScoreOptions options;
  options.metrics = {Metric::accuracy};
  for (SweepPoint p : {point(PolicyKind::never, {}), point(PolicyKind::entropy, {0.4}),
                       point(PolicyKind::entropy, {0.8}, 3), point(PolicyKind::margin, {0.5}),
                       point(PolicyKind::max_prob, {0.9, 0.8, 0.7}),
                       point(PolicyKind::patience, {}), point(PolicyKind::fixed, {})}) {
    evaluator.evaluate(&p);
    const Score s = score_policy(data, m, p.policy, options);
    EXPECT_DOUBLE_EQ(p.quality, s.metrics[0].value);
    EXPECT_DOUBLE_EQ(p.interval.low, s.metrics[0].interval.low);
    EXPECT_DOUBLE_EQ(p.mean_layer, s.mean_exit_layer);
    EXPECT_DOUBLE_EQ(p.layers_saved, s.layers_saved);
    EXPECT_DOUBLE_EQ(p.speedup_layers, s.speedup_layers);
    EXPECT_NEAR(p.macs, s.macs, 1e-9 * s.macs);
    EXPECT_NEAR(p.speedup_macs, s.speedup_macs, 1e-12);
    EXPECT_EQ(p.histogram, s.exit_histogram);
  }
}

TEST(SweepEvaluator, WithoutLabelsFullDepthIsTheTruth) {
  const ModelInfo m = model_info();
  Evaluated data = random_rows(100, 2);
  data.labels.clear();
  SweepEvaluator evaluator(data, m);
  SweepPoint never = point(PolicyKind::never, {}), early = point(PolicyKind::entropy, {0.9});
  evaluator.evaluate(&never);
  evaluator.evaluate(&early);
  EXPECT_EQ(never.quality, 1);
  EXPECT_EQ(early.quality, early.agreement);
  EXPECT_LT(early.quality, 1);
}

TEST(SweepEvaluator, RegressionHasCorrelations) {
  const ModelInfo m = model_info(true);
  Evaluated data = random_rows(50, 3, true);
  for (int64_t row = 0; row < 50; ++row)
    data.scores[static_cast<size_t>(row)] =
        2.0 * static_cast<double>(data.table.value[data.table.at(row, 3)]) + 1;
  SweepEvaluator evaluator(data, m);
  SweepPoint never = point(PolicyKind::never, {}), fixed = point(PolicyKind::fixed, {});
  evaluator.evaluate(&never);
  evaluator.evaluate(&fixed);
  EXPECT_NEAR(never.quality, 1, 1e-12);
  EXPECT_NEAR(never.spearman, 1, 1e-12);
  EXPECT_EQ(never.agreement, 0);  // distance
  EXPECT_LT(fixed.quality, 0.9);
  EXPECT_GT(fixed.agreement, 0);
  EXPECT_TRUE(std::isnan(never.interval.low));
}

// Four rows by hand: probabilities 0.95 right, 0.92 wrong, 0.65 right, 0.55 wrong.
TEST(SweepEvaluator, CalibrationErrorByHand) {
  Evaluated data;
  std::vector<Result> results;
  for (const double p : {0.95, 0.92, 0.65, 0.55}) {
    Result& r = results.emplace_back();
    r.tokens = 4;
    ExitOutput& e = r.exits.emplace_back();
    e.layer = 1;
    e.logits = {static_cast<float>(std::log(p / (1 - p))), 0};
  }
  append(results, ProblemType::single_label, &data.table);
  data.labels = {0, 1, 0, 1};
  ModelInfo m = model_info();
  m.layers.resize(1);
  m.exits.resize(1);
  const ExitSummary s = SweepEvaluator(data, m).exit_summary(0);
  ASSERT_EQ(s.bins.size(), 10u);
  EXPECT_EQ(s.bins[9].rows, 2);
  EXPECT_EQ(s.bins[9].right, 1);
  EXPECT_NEAR(s.bins[9].mean_prob, 0.935, 1e-6);
  EXPECT_NEAR(s.ece, (std::abs(1 - 1.87) + std::abs(1 - 0.65) + std::abs(0 - 0.55)) / 4, 1e-6);
  EXPECT_EQ(s.quality, 0.5);
}

TEST(Pareto, NothingBetterAndCheaper) {
  std::vector<SweepPoint> p(5);
  const double macs[] = {10, 20, 20, 30, 40}, quality[] = {0.5, 0.7, 0.8, 0.8, 0.9};
  for (size_t i = 0; i < 5; ++i) {
    p[i].macs = macs[i];
    p[i].quality = quality[i];
  }
  mark_pareto(&p);
  EXPECT_TRUE(p[0].pareto);
  EXPECT_FALSE(p[1].pareto);
  EXPECT_TRUE(p[2].pareto);
  EXPECT_FALSE(p[3].pareto);
  EXPECT_TRUE(p[4].pareto);
  EXPECT_EQ(pick_points(p, 2), (std::vector<size_t>{0, 4}));
  EXPECT_EQ(pick_points(p, 9), (std::vector<size_t>{0, 2, 4}));
}

TEST(Timing, MediansOfInterleavedRounds) {
  SweepTiming t;
  t.seconds = {2, 1, 4};
  finish_timing(100, std::vector<double>{4, 4, 4}, &t);
  EXPECT_EQ(t.rows_per_s, 50);
  EXPECT_EQ(t.rows_per_s_low, 25);
  EXPECT_EQ(t.rows_per_s_high, 100);
  EXPECT_EQ(t.speedup, 2);
}

// Three exits; the first two say `early` with the probability given, the last says 0.
Result early_answers(int early, float prob) {
  Result r;
  for (int64_t l = 1; l <= 3; ++l) {
    ExitOutput& e = r.exits.emplace_back();
    e.layer = l;
    const float p = l < 3 && early == 1 ? 1 - prob + 0.001f * static_cast<float>(l) : prob;
    e.probs = {p, 1 - p};
    e.logits = {std::log(p), std::log(1 - p)};
  }
  return r;
}

TEST(Disagreements, KeepsTheSurestRowsOnceEach) {
  DisagreementKeeper keeper(2);
  std::vector<Example> rows(4);
  std::vector<Result> results;
  for (size_t i = 0; i < 4; ++i) {
    rows[i].text_a = "text " + std::to_string(i);
    rows[i].gold = "g";
  }
  results.push_back(early_answers(1, 0.8f));
  results.push_back(early_answers(0, 0.99f));  // agrees
  results.push_back(early_answers(1, 0.95f));
  results.push_back(early_answers(1, 0.9f));
  ExitTable table;
  append(results, ProblemType::single_label, &table);
  keeper.add(rows, table);
  EXPECT_EQ(keeper.rows(), 3);
  const auto kept = keeper.take();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].row, 2);
  EXPECT_EQ(kept[0].layer, 1);
  EXPECT_EQ(kept[0].early_label, 1);
  EXPECT_EQ(kept[0].last_label, 0);
  EXPECT_EQ(kept[0].text, "text 2");
  EXPECT_EQ(kept[1].row, 3);
}

SweepReport hostile_report() {
  static const ModelInfo m = model_info();
  static const Evaluated data = random_rows(60, 7);
  SweepReport r;
  r.model = "m\"><script>alert(1)</script>";
  r.data = "d.tsv</style><img src=x onerror=alert(1)>";
  r.dialect = "<b>";
  r.quality_name = "accuracy";
  r.labels = {"<i>a</i>", "b&b", "'c\xff"};
  r.labelled = true;
  r.rows = 60;
  r.layers = 4;
  r.threads = 1;
  SweepEvaluator evaluator(data, m);
  r.points.push_back(point(PolicyKind::never, {}));
  r.points.back().family = r.points.back().name = "never";
  for (const double t : {0.1, 0.4, 0.8, 1.2}) {
    r.points.push_back(point(PolicyKind::entropy, {t}));
    SweepPoint& p = r.points.back();
    p.family = p.name = "entropy";
    p.setting = p.text = "<u>" + std::to_string(t);
  }
  for (SweepPoint& p : r.points) {
    evaluator.evaluate(&p);
    p.timings.push_back({.batch_tokens = 512, .seconds = {1, 2, 1.5}});
    finish_timing(60, std::vector<double>{2, 2, 2}, &p.timings.back());
  }
  mark_pareto(&r.points);
  for (int64_t e = 0; e < 4; ++e) r.exits.push_back(evaluator.exit_summary(e));
  Disagreement d;
  d.text = "</li></ul><script>alert('x')</script>\x01\xe2\x80\xae";
  d.pair = "<svg onload=alert(1)>";
  d.gold = "\" onmouseover=\"alert(1)";
  d.id = "<id>";
  d.layer = 1;
  d.last_label = 2;
  r.disagreements.push_back(d);
  r.disagreeing_rows = 1;
  return r;
}

// Every < of a text begins one of the elements that we write ourselves, and every one is closed.
void expect_our_markup(const std::string& text) {
  const std::vector<std::string> ours{
      "html",  "head",  "body", "meta",  "title",  "style",   "h1",     "h2",         "p",
      "bdi",   "b",     "br",   "small", "code",   "div",     "ul",     "li",         "table",
      "thead", "tbody", "tr",   "th",    "td",     "i",       "figure", "figcaption", "svg",
      "text",  "line",  "rect", "path",  "circle", "polyline"};
  std::vector<std::string> open;
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    if (text.compare(at, 10, "<!doctype ") == 0) continue;
    const size_t end = text.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const bool closes = text[at + 1] == '/';
    size_t name_end = at + 1 + closes;
    while (std::isalnum(static_cast<unsigned char>(text[name_end]))) ++name_end;
    const std::string name = text.substr(at + 1 + closes, name_end - at - 1 - closes);
    ASSERT_NE(std::find(ours.begin(), ours.end(), name), ours.end()) << text.substr(at, 60);
    // Names of attributes: what is left without the values.
    std::string tag;
    bool quoted = false;
    for (const char c : text.substr(at, end - at)) {
      quoted ^= c == '"';
      if (!quoted) tag += c;
    }
    EXPECT_EQ(tag.find(" on"), std::string::npos) << tag;
    if (closes) {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(open.back(), name) << text.substr(at, 60);
      open.pop_back();
    } else if (text[end - 1] != '/' && name != "meta" && name != "br") {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(Report, HostileTextsStayTexts) {
  const SweepReport r = hostile_report();
  const std::string html = sweep_html(r, "<script>t</script>");
  expect_our_markup(html);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;alert(&#39;x&#39;)"), std::string::npos);
  EXPECT_NE(html.find("&lt;i&gt;a&lt;/i&gt;"), std::string::npos);
  EXPECT_EQ(html.find('\xff'), std::string::npos);
  EXPECT_EQ(html.find('\x01'), std::string::npos);
  for (const SpeedAxis axis : {SpeedAxis::layers, SpeedAxis::macs, SpeedAxis::time})
    expect_our_markup(sweep_svg(r, axis, "<script>t</script>\"'"));
}

TEST(Report, NeedsNoNetwork) {
  SweepReport r = hostile_report();
  r.data = "d.tsv";  // the names of attributes are looked for, also where they would be text
  for (std::string text : {sweep_html(r, "t"), sweep_svg(r, SpeedAxis::macs, "t")}) {
    const std::string name = "http://www.w3.org/2000/svg";  // a name, never fetched
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name))
      text.erase(at, name.size());
    for (const char* sign : {"http:", "https:", "url(", "@import", "src=", "<link"})
      EXPECT_EQ(text.find(sign), std::string::npos) << sign;
  }
}

TEST(Report, LightAndDarkAndNarrow) {
  const std::string html = sweep_html(hostile_report(), "t");
  EXPECT_NE(html.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(html.find("width=device-width"), std::string::npos);
  EXPECT_NE(html.find("overflow-x:auto"), std::string::npos);
}

TEST(Report, WithoutExitsThatDifferOrRegression) {
  SweepReport r = hostile_report();
  r.disagreements.clear();
  r.disagreeing_rows = 0;
  expect_our_markup(sweep_html(r, "t"));
  r.problem = ProblemType::regression;
  r.quality_name = "pearson";
  for (SweepPoint& p : r.points) p.interval = {NAN, NAN};
  for (ExitSummary& e : r.exits) e.quality = NAN;
  for (SweepPoint& p : r.points) p.quality = NAN;
  expect_our_markup(sweep_html(r, "t"));
}

TEST(EscapeHtml, MarkupAndBytes) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(escape_html("a\tb\nc"), "a b c");
  EXPECT_EQ(escape_html("\xff\x01"), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(escape_html("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(RoundAxis, Ticks) {
  EXPECT_EQ(round_axis(0, 1, 5).ticks,
            (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(round_axis(17, 103, 5).ticks, (std::vector<double>{20, 40, 60, 80, 100}));
  EXPECT_FALSE(round_axis(0.5, 0.5, 5).ticks.empty());
}

TEST(SweepWriter, TableFitsATerminal) {
  SweepReport r = hostile_report();
  r.points[1].setting = "0.123456,0.123456,0.123456,0.123456";
  const std::string text = sweep_text(r, 0);
  size_t begin = text.find("\n\n");  // the first line names files
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    // UTF-8: an ellipsis is three bytes and one column.
    EXPECT_LE(end - begin, 82u) << text.substr(begin, end - begin);
  }
}

TEST(SweepWriter, TsvHasALineAPointAndBatch) {
  SweepReport r = hostile_report();
  r.points[1].timings.clear();
  const std::string tsv = sweep_tsv(r);
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end; (end = tsv.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(tsv.substr(begin, end - begin));
  ASSERT_EQ(lines.size(), 6u);
  for (const std::string& line : lines) EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 21);
  EXPECT_TRUE(lines[2].ends_with("\tnan\tnan\tnan\tnan\tnan"));
}

}  // namespace
}  // namespace costeff::tasks
