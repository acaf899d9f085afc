#include <costeff/curve.h>
#include <costeff/error.h>
#include <costeff/tune.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "base/error_of.h"

namespace costeff {
namespace {

using Curves = std::vector<Curve>;

ModelExits model(int64_t num_labels, bool learned = false) {
  ModelExits m;
  m.layers = {1, 2, 3};
  m.num_labels = num_labels;
  m.problem = num_labels == 1 ? ProblemType::regression : ProblemType::single_label;
  m.learned = learned;
  return m;
}

// Rows of a model of three exits that are more confident the deeper they are.
ExitTable rows_of(int64_t rows, bool regression) {
  std::vector<Result> results;
  for (int64_t i = 0; i < rows; ++i) {
    Result& r = results.emplace_back();
    r.tokens = 4;
    for (int64_t layer = 1; layer <= 3; ++layer) {
      const float sure = static_cast<float>((i * 7) % 11) * static_cast<float>(layer) / 8;
      ExitOutput& e = r.exits.emplace_back();
      e.layer = layer;
      e.logits = {sure};
      if (!regression) e.logits.insert(e.logits.end(), {0.5f, 0.1f});
    }
  }
  ExitTable t;
  append(results, regression ? ProblemType::regression : ProblemType::single_label, &t);
  return t;
}

TEST(Curve, NamesThereAndBack) {
  const struct {
    const char* name;
    Curve curve;
  } cases[] = {
      {"entropy", {PolicyKind::entropy, false}},
      {"entropy-by-layer", {PolicyKind::entropy, true}},
      {"max-prob-by-layer", {PolicyKind::max_prob, true}},
      {"fixed", {PolicyKind::fixed, false}},
      {"confident-patience", {.kind = PolicyKind::confident_patience}},
      {"confident-patience-3", {.kind = PolicyKind::confident_patience, .patience = 3}},
      {"confident-patience-3-average",
       {.kind = PolicyKind::confident_patience, .patience = 3, .average = true}},
      {"confident-patience-average", {.kind = PolicyKind::confident_patience, .average = true}},
      {"divergence-patience-12", {.kind = PolicyKind::divergence_patience, .patience = 12}},
      {"evidence", {.kind = PolicyKind::evidence}}};
  for (const auto& c : cases) {
    EXPECT_EQ(parse_curve(c.name), c.curve);
    EXPECT_EQ(curve_name(c.curve), c.name);
  }
  for (const char* wrong :
       {"patience-2", "evidence-2", "confident-patience-0", "confident-patience-",
        "confident-patience--1", "confident-patience-2x", "entropy-average",
        "divergence-patience-2-average", "confident-patience-1001", "-2", ""})
    EXPECT_FALSE(find_curve(wrong)) << wrong;
  EXPECT_EQ(error_of(ErrorKind::usage, [] { parse_curve("loss-by-layer"); }),
            "policy \"loss\" is not known, expected one of never, entropy, max-prob, margin, "
            "patience, learned, fixed, confident-patience, divergence-patience, evidence, those "
            "with a threshold also with -by-layer, or all");
  EXPECT_EQ(error_of(ErrorKind::usage, [] { parse_curve("fixed-by-layer"); }),
            "policy fixed has no thresholds to choose layer by layer");
  EXPECT_EQ(
      error_of(ErrorKind::usage, [] { parse_curve("divergence-patience-2-by-layer"); }),
      "policy divergence-patience decides by several exits together, so its thresholds cannot "
      "be chosen layer by layer");
}

TEST(ApplyForm, FillsInWhatIsLeftOpen) {
  Curves curves{{PolicyKind::entropy},
                {PolicyKind::confident_patience},
                {.kind = PolicyKind::divergence_patience, .patience = 4}};
  apply_form({.patience = 3, .average = true}, &curves);
  EXPECT_EQ(curve_name(curves[0]), "entropy");
  EXPECT_EQ(curve_name(curves[1]), "confident-patience-3-average");
  EXPECT_EQ(curve_name(curves[2]), "divergence-patience-4");
  Curves others{{PolicyKind::entropy}, {PolicyKind::divergence_patience}};
  EXPECT_EQ(error_of(ErrorKind::usage, [&] { apply_form({.average = true}, &others); }),
            "--average goes with the policy confident-patience");
  others = {{PolicyKind::patience}};
  EXPECT_EQ(error_of(ErrorKind::usage, [&] { apply_form({.patience = 2}, &others); }),
            "--patience goes with the policies confident-patience and divergence-patience");
}

TEST(Curve, UsualOnesDependOnTheModel) {
  const Curve by_layer{PolicyKind::entropy, true};
  EXPECT_EQ(usual_curves(model(2)),
            (Curves{{PolicyKind::entropy}, {PolicyKind::patience}, {PolicyKind::fixed}, by_layer}));
  EXPECT_EQ(usual_curves(model(3, true)), (Curves{{PolicyKind::entropy},
                                                  {PolicyKind::max_prob},
                                                  {PolicyKind::margin},
                                                  {PolicyKind::learned},
                                                  {PolicyKind::patience},
                                                  {PolicyKind::fixed},
                                                  by_layer}));
  EXPECT_EQ(usual_curves(model(1)), (Curves{{PolicyKind::patience}, {PolicyKind::fixed}}));
  Curves all = usual_curves(model(2));
  all.push_back({PolicyKind::margin});
  EXPECT_EQ(parse_curves("all,margin", model(2)), all);
  EXPECT_THROW(parse_curves("learned", model(2)), Error);
  EXPECT_THROW(parse_curves("entropy", model(1)), Error);
  EXPECT_THROW(parse_curves("patience,", model(2)), Error);
}

TEST(Curve, ThePolicyThatIsMeantWithoutAName) {
  ExitPolicy own;
  const struct {
    PolicyKind own;
    int64_t labels;
    PolicyKind meant;
  } cases[] = {{PolicyKind::never, 2, PolicyKind::entropy},
               {PolicyKind::margin, 2, PolicyKind::margin},
               {PolicyKind::patience, 2, PolicyKind::entropy},
               {PolicyKind::fixed, 2, PolicyKind::entropy},
               {PolicyKind::never, 1, PolicyKind::patience},
               {PolicyKind::learned, 1, PolicyKind::learned}};
  for (const auto& c : cases) {
    own.kind = c.own;
    EXPECT_EQ(usual_policy(model(c.labels), own), c.meant);
  }
  own.kind = PolicyKind::confident_patience;
  own.patience = 3;
  own.average = true;
  EXPECT_EQ(curve_name(usual_curve(model(2), own)), "confident-patience-3-average");
}

TEST(CurveSettings, EveryCurveGoesFromFullDepthToEager) {
  const ExitTable t = rows_of(200, false);
  for (const char* name : {"entropy", "max-prob", "margin", "patience", "fixed", "entropy-by-layer",
                           "confident-patience-1", "confident-patience-2-average",
                           "divergence-patience-1", "evidence"}) {
    const auto settings = curve_settings(t, {}, parse_curve(name), {.count = 20});
    ASSERT_GE(settings.size(), 2u) << name;
    double before = 4;
    for (const CurveSetting& s : settings) {
      EXPECT_EQ(s.family, name);
      double sum = 0;
      for (const Decision& d : decide(t, s.policy)) sum += static_cast<double>(d.layer);
      EXPECT_LE(sum / 200, before) << name << " " << policy_text(s.policy);
      before = sum / 200;
    }
    EXPECT_LT(before, 3) << name;
  }
  EXPECT_TRUE(curve_settings(t, {}, {PolicyKind::never}).empty());
}

TEST(CurveSettings, GivenThresholdsAndExitStart) {
  const ExitTable t = rows_of(50, false);
  const auto settings =
      curve_settings(t, {}, {PolicyKind::margin}, {.thresholds = {0.5, 0.25}, .exit_start = 2});
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_EQ(policy_words(settings[0].policy).text, "margin > 0.5 from 2");
  EXPECT_EQ(policy_words(settings[1].policy).text, "margin > 0.25 from 2");
}

TEST(CurveSettings, OneCurveForEachNumberOfExitsInARow) {
  const ExitTable t = rows_of(50, false);
  const struct {
    const char* name;
    std::vector<std::string> families;
  } cases[] = {
      {"confident-patience", {"confident-patience-2", "confident-patience-1"}},
      {"confident-patience-average",
       {"confident-patience-2-average", "confident-patience-1-average"}},
      {"divergence-patience", {"divergence-patience-1"}},  // the first of three has none before it
  };
  for (const CurveSetting& s : curve_settings(t, {}, parse_curve("confident-patience"),
                                              {.thresholds = {0.1, 0.2}, .exit_start = 2}))
    EXPECT_EQ(s.family, "confident-patience-1");
  for (const auto& c : cases) {
    std::vector<std::string> families;
    for (const CurveSetting& s :
         curve_settings(t, {}, parse_curve(c.name), {.thresholds = {0.1, 0.2}})) {
      if (families.empty() || families.back() != s.family) families.push_back(s.family);
      EXPECT_EQ(s.family.find(policy_words(s.policy).name), 0u);
      EXPECT_NE(s.family.find(std::to_string(s.policy.patience)), std::string::npos);
    }
    EXPECT_EQ(families, c.families);
  }
}

// Weights that are given are used; else they are those of the rows that are judged.
TEST(CurveSettings, WeightsOfExits) {
  const ExitTable t = rows_of(50, false);
  const std::vector<int64_t> gold(50, 0);
  const Curve evidence{.kind = PolicyKind::evidence};
  for (const auto& [labels, weights] :
       {std::pair<std::vector<int64_t>, std::vector<double>>{gold, estimated_weights(t, gold)},
        {{}, estimated_weights(t, {})}}) {
    for (const CurveSetting& s : curve_settings(t, labels, evidence, {.count = 5}))
      EXPECT_EQ(s.policy.exit_weights, weights);
  }
  EXPECT_NE(estimated_weights(t, gold), estimated_weights(t, {}));
  const CurveOptions given{.count = 5, .exit_weights = {0.5}, .weights_from = "0123456789abcdef"};
  for (const CurveSetting& s : curve_settings(t, gold, evidence, given)) {
    EXPECT_EQ(s.policy.exit_weights, std::vector<double>{0.5});
    EXPECT_EQ(s.policy.weights_from, "0123456789abcdef");
  }
  ExitPolicy without;
  without.kind = PolicyKind::evidence;
  without.thresholds = {1};
  const SweepRequest point{.own = {}, .given = {without}}, curve{.own = {}, .curves = {evidence}},
      weighted{.own = {}, .curves = {evidence}, .options = given},
      entropy{.own = {}, .curves = {{PolicyKind::entropy}}};
  EXPECT_TRUE(estimates_weights(point));
  EXPECT_TRUE(estimates_weights(curve));
  EXPECT_FALSE(estimates_weights(weighted));
  EXPECT_FALSE(estimates_weights(entropy));
  EXPECT_EQ(sweep_settings(t, gold, point).back().policy.exit_weights, estimated_weights(t, gold));
}

TEST(CurveSettings, PatienceOfARegressionHasACurveForEachNumber) {
  const ExitTable t = rows_of(50, true);
  const auto settings = curve_settings(t, {}, {PolicyKind::patience}, {.thresholds = {0.1, 0.2}});
  std::vector<std::string> families, texts;
  for (const CurveSetting& s : settings) {
    families.push_back(s.family);
    texts.push_back(policy_words(s.policy).text);
  }
  EXPECT_EQ(families,
            (std::vector<std::string>{"patience-2", "patience-2", "patience-1", "patience-1"}));
  EXPECT_EQ(texts, (std::vector<std::string>{"patience 2 < 0.1", "patience 2 < 0.2",
                                             "patience 1 < 0.1", "patience 1 < 0.2"}));
  // Without thresholds: those that separate the differences between neighbouring exits.
  const auto found = difference_thresholds(t, 4);
  ASSERT_GE(found.size(), 2u);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_GT(found.back(), 10.0 / 8);  // the largest difference, so that all agree
  EXPECT_EQ(difference_thresholds(ExitTable{}, 4), std::vector<double>{0});
}

TEST(SweepCurves, NamedUsualOrTheOneOfTheThresholds) {
  ExitPolicy own;
  own.kind = PolicyKind::margin;
  EXPECT_EQ(sweep_curves("", false, model(2), own), usual_curves(model(2)));
  EXPECT_EQ(sweep_curves("", true, model(2), own), (Curves{{PolicyKind::margin}}));
  EXPECT_EQ(sweep_curves("", true, model(1), {}), (Curves{{PolicyKind::patience}}));
  EXPECT_EQ(sweep_curves("fixed", true, model(2), own), (Curves{{PolicyKind::fixed}}));
  EXPECT_EQ(sweep_curves("all", true, model(2), own), usual_curves(model(2)));
}

TEST(SweepSettings, FullDepthOwnGivenThenCurves) {
  const ExitTable t = rows_of(50, false);
  const auto entropy = [](double threshold) {
    ExitPolicy p;
    p.kind = PolicyKind::entropy;
    p.thresholds = {threshold};
    return p;
  };
  const struct {
    const char* name;
    SweepRequest request;
    std::vector<std::string> lines;
  } cases[] = {
      {"nothing", {}, {"never: never (full depth)"}},
      {"a model that says never", {.own = ExitPolicy{}}, {"never: never (full depth)"}},
      {"all",
       {.own = entropy(0.1),
        .given = {entropy(0.4), entropy(0.3)},
        .curves = {{PolicyKind::margin}, {PolicyKind::fixed}},
        .options = {.thresholds = {0.5, 0.25}}},
       {"never: never (full depth)", "model: entropy < 0.1", "given: entropy < 0.4",
        "given: entropy < 0.3", "margin: margin > 0.5", "margin: margin > 0.25",
        "fixed: leave at layer 3", "fixed: leave at layer 2", "fixed: leave at layer 1"}},
      {"the model's own is given",
       {.own = entropy(0.1), .given = {entropy(0.3), entropy(0.1)}},
       {"never: never (full depth)", "given: entropy < 0.3", "given: entropy < 0.1"}},
  };
  for (const auto& c : cases) {
    std::vector<std::string> lines;
    for (const CurveSetting& s : sweep_settings(t, {}, c.request))
      lines.push_back(s.family + ": " + policy_words(s.policy).text);
    EXPECT_EQ(lines, c.lines) << c.name;
  }
}

}  // namespace
}  // namespace costeff
