#pragma once

// Curves of accuracy against speed: the settings of a policy that are worth evaluating.

#include <costeff/exit_table.h>
#include <costeff/options.h>
#include <costeff/policy.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

struct Curve {
  PolicyKind kind = PolicyKind::entropy;
  bool by_layer = false;  // a threshold for each layer, found by a search on the rows
  // Of a policy that has both a number and a threshold: its curve is that of one number. 0: of every number
  // with which rows can leave early.
  int64_t patience = 0;
  bool average = false;  // ExitPolicy::average

  friend bool operator==(const Curve&, const Curve&) = default;
};

// Whether a policy has a curve for each number.
inline bool has_curve_of_number(PolicyKind kind) {
  return has_threshold(kind) && policy_traits(kind).number_at;
}

// What curves get that leave it open.
struct CurveForm {
  int64_t patience = 0;
  std::optional<bool> average = {};
};

// "entropy", "entropy-by-layer", "confident-patience-2", "confident-patience-2-average".
std::string curve_name(const Curve& curve);

// The curve of that name, if there is one. parse_curve throws an Error(usage) that lists the names.
std::optional<Curve> find_curve(std::string_view name);
Curve parse_curve(std::string_view name);

// Fills in the form. Throws Error(usage) if no curve has a use for it.
void apply_form(const CurveForm& form, std::vector<Curve>* curves);

// What all settings of a curve share.
ExitPolicy form_of(const Curve& curve, int64_t exit_start);

// The curves that are worth showing by default. With two labels, and in multi-label models with label thresholds
// of 0.5, entropy, largest probability and margin put the answers in the same order, so one curve stands for
// all three.
std::vector<Curve> usual_curves(const ModelExits& model);

// The default policy: the model's own if it has a threshold, else entropy, or patience for a regression.
PolicyKind usual_policy(const ModelExits& model, const ExitPolicy& own);

// Its curve, with the number of the model's own policy and averages as there.
Curve usual_curve(const ModelExits& model, const ExitPolicy& own);

// Reads "entropy,margin-by-layer,fixed"; "all" stands for the usual ones. Throws Error(usage), also for
// a curve that the model cannot run.
std::vector<Curve> parse_curves(std::string_view names, const ModelExits& model);

struct CurveOptions {
  // For policies that have a threshold. Empty: `count` quantiles of the scores.
  std::vector<double> thresholds = {};
  int64_t count = 100;
  int64_t exit_start = 1;  // no exit before this layer
  // Of policy evidence, and where they come from; empty: estimated on the rows (estimated_weights).
  std::vector<double> exit_weights = {};
  std::string weights_from = {};
};

struct CurveSetting {
  ExitPolicy policy;
  std::string family;  // the same for settings on one line: the curve's name, "patience-2", ...
  bool fitted =
      false;  // its thresholds or weights were found on the very rows that it is judged by
};

// The settings of a curve, from one that never leaves early to the most eager; none for `never`.
//   gold: [rows], or empty. A search by layer counts rows that become wrong as lost; without gold, rows
//         whose answer is not that of full depth.
std::vector<CurveSetting> curve_settings(const ExitTable& table, std::span<const int64_t> gold,
                                         const Curve& curve, const CurveOptions& options = {});

// Useful thresholds for the patience of a regression, whose exits agree if their scores differ by less
// than a threshold: `count` + 1 quantiles of the differences between neighbouring exits, rounded up to
// three digits.
std::vector<double> difference_thresholds(const ExitTable& table, int64_t count);

// The curves of a sweep: those that `names` lists (parse_curves). Without names the usual ones; but
// if thresholds are given, the one curve that they are meant for (usual_policy). Throws
// Error(usage).
std::vector<Curve> sweep_curves(std::string_view names, bool thresholds_given,
                                const ModelExits& model, const ExitPolicy& own);

struct SweepRequest {
  std::optional<ExitPolicy> own;       // what the model's exit_policy.json says
  std::vector<ExitPolicy> given = {};  // single settings that were asked for
  std::vector<Curve> curves = {};
  CurveOptions options = {};
};

// Whether weights of exits are estimated on the very rows that are judged.
bool estimates_weights(const SweepRequest& request);

// All settings of a sweep, in the order in which they are shown: full depth (family "never"), the
// model's own policy ("model") unless it is `never` or one of those given, those given ("given"),
// then curve after curve. gold: as for curve_settings.
std::vector<CurveSetting> sweep_settings(const ExitTable& table, std::span<const int64_t> gold,
                                         const SweepRequest& request);

}  // namespace costeff
