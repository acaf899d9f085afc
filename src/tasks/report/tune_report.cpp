#include "tasks/report/tune_report.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/utf8.h"
#include "tasks/report/policy_fields.h"
#include "tasks/write/format_text.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

std::string short_percent(double share) {
  return fmt::format("{}%", shortest(std::round(share * 1e8) / 1e6));
}

std::string count(int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

const char* goal_name(const TuneReport& r) {
  if (r.given) return "none";
  if (r.budget_ms > 0) return "budget-ms";
  switch (r.goal.kind) {
    case GoalKind::accuracy_drop:
      return "max-drop";
    case GoalKind::disagreement:
      return "consistency";
    case GoalKind::label_change:
      return "label-change";
    case GoalKind::score_change:
      return "score-change";
    case GoalKind::speedup:
      return "speedup";
  }
  return "";
}

double goal_limit(const TuneReport& r) {
  return r.given ? kNaN : r.budget_ms > 0 ? r.budget_ms : r.goal.limit;
}

// `name` in the first ten columns, then the text, broken at 80 columns.
std::string entry(std::string_view name, const std::string& text) {
  constexpr size_t kIndent = 10, kWidth = 79;
  std::string out(name);
  out.resize(kIndent, ' ');
  return out + wrapped(text, kWidth, kIndent, kIndent);
}

std::string counts_text(const TuneReport& r) {
  const TuneTrial& t = r.chosen;
  const int64_t rows = r.families[r.family].result.rows;
  switch (r.goal.kind) {
    case GoalKind::accuracy_drop:
      return fmt::format("{} of {} rows right only at full depth, {} right only now", t.losses,
                         rows, t.gains);
    case GoalKind::disagreement:
      return fmt::format("{} of {} rows with another label than at full depth", t.losses, rows);
    case GoalKind::label_change:
      return fmt::format("{} of the labels differ from full depth on average, {} rows",
                         percent(t.risk), rows);
    case GoalKind::score_change:
      return fmt::format("scores change by {:.4g} on average, {} rows", t.risk, rows);
    case GoalKind::speedup:
      return fmt::format("{:.3g}x fewer layers, {} rows", t.risk, rows);
  }
  return "";
}

// What the rows that are not tested on were for.
std::string searched_text(const TuneReport& r) {
  if (!r.weighed) return "search thresholds";
  return r.searched ? "search thresholds and estimate exit weights" : "estimate exit weights";
}

// What was tried in one family of policies.
std::string family_text(const TuneReport& r, const TuneFamily& f) {
  const bool tested = r.goal.confidence > 0;
  const auto passed = std::count_if(f.result.trials.begin(), f.result.trials.end(),
                                    [](const TuneTrial& t) { return t.passed; });
  std::string text = fmt::format("{}: {} of {}, {} passed", f.name, f.result.trials.size(),
                                 count(f.offered, "setting", "settings"), passed);
  if (tested) append_format(&text, ", each at level {:.4g}", f.result.level);
  return entry(tested ? "tested" : "tried", text);
}

std::string chosen_text(const TuneReport& r) {
  std::string kept, cost;
  if (r.given) {
    kept = "as it was given";
  } else if (r.budget_ms > 0) {
    kept = fmt::format("{:.4g} ms a row, full depth {:.4g} ms ({:.2f}x)", r.chosen_ms, r.full_ms,
                       r.full_ms / r.chosen_ms);
  } else {
    kept = counts_text(r);
    if (r.goal.confidence > 0) append_format(&kept, "; p-value {:.3g}", r.chosen.p_value);
  }
  cost = fmt::format("leaves after {:.2f} of {} layers on average, {:.2f}x fewer MACs",
                     r.on_all.mean_layer, r.layers, r.on_all.speedup_macs);
  if (r.labelled) append_format(&cost, ", {} {:.4f}", r.quality_name, r.on_all.quality);
  return entry("chosen", r.on_all.text) + entry("", kept) + entry("", cost) +
         entry("promise", promise_text(r));
}

void write_trial(const TuneReport& r, const TuneTrial& t, JsonWriter* json) {
  json->begin_object();
  if (!t.policy.thresholds.empty()) json->field("thresholds", t.policy.thresholds);
  write_policy_fields(t.policy, json);
  if (t.policy.kind == PolicyKind::fixed) json->field("layer", t.policy.layer);
  json->field("risk", t.risk);
  json->field("losses", t.losses);
  json->field("gains", t.gains);
  json->field("mean_exit_layer", t.mean_layer);
  if (r.goal.confidence > 0) json->field("p_value", t.p_value);
  json->field("passed", t.passed);
  json->end_object();
}

void write_family(const TuneReport& r, const TuneFamily& f, JsonWriter* json) {
  json->begin_object();
  json->field("policy", f.name);
  json->field("settings", f.offered);
  json->field("rows", f.result.rows);
  json->field("level", f.result.level);
  json->field("rows_needed", f.result.rows_needed);
  json->begin_array("trials");
  for (const TuneTrial& t : f.result.trials) write_trial(r, t, json);
  json->end_array();
  json->end_object();
}

void write_chosen(const TuneReport& r, JsonWriter* json) {
  const TuneTrial& t = r.chosen;
  json->begin_object();
  json->field("policy", r.on_all.name);
  json->field("setting", r.on_all.setting);
  json->field("text", r.on_all.text);
  if (!t.policy.thresholds.empty()) json->field("thresholds", t.policy.thresholds);
  json->field("exit_start", t.policy.exit_start);
  if (policy_traits(t.policy.kind).remembers) write_policy_fields(t.policy, json);
  if (r.budget_ms > 0) {
    json->field("ms_per_row", r.chosen_ms);
    json->field("full_ms_per_row", r.full_ms);
  } else if (!r.given) {
    json->field("risk", t.risk);
    if (r.goal.kind == GoalKind::accuracy_drop || r.goal.kind == GoalKind::disagreement)
      json->field("losses", t.losses);
    if (r.goal.kind == GoalKind::accuracy_drop) json->field("gains", t.gains);
    if (r.goal.confidence > 0) json->field("p_value", t.p_value);
  }
  json->field("mean_exit_layer", r.on_all.mean_layer);
  json->field("layers_saved", r.on_all.layers_saved);
  json->field("speedup_layers", r.on_all.speedup_layers);
  json->field("speedup_macs", r.on_all.speedup_macs);
  json->field("agreement", r.on_all.agreement);
  if (r.labelled) json->field("accuracy", r.on_all.quality);
  json->field("exit_histogram", r.on_all.histogram);
  json->end_object();
}

}  // namespace

std::string goal_text(const TuneReport& r) {
  if (r.given) return "none";
  const std::string limit = shortest(goal_limit(r));
  if (r.budget_ms > 0) {
    return fmt::format("at most {} ms a row on average, as measured here", limit);
  }
  switch (r.goal.kind) {
    case GoalKind::accuracy_drop:
      return fmt::format("{} at most {} below full depth", r.quality_name, limit);
    case GoalKind::disagreement:
      return fmt::format("at most {} of rows with another label than at full depth",
                         short_percent(r.goal.limit));
    case GoalKind::label_change:
      return fmt::format(
          "at most {} of the labels different from full depth, so that the Hamming loss rises by "
          "at most {}",
          short_percent(r.goal.limit), limit);
    case GoalKind::score_change:
      return fmt::format(
          "scores that differ from full depth by at most {} on average (cut to {} to {})", limit,
          shortest(r.goal.score_low), shortest(r.goal.score_high));
    case GoalKind::speedup:
      return fmt::format("at least {} times fewer layers than full depth", limit);
  }
  return "";
}

std::string promise_text(const TuneReport& r) {
  if (r.given) return "none: the setting was given.";
  if (r.budget_ms > 0)
    return "none: a time holds for this machine, these threads and this batch size.";
  if (r.goal.confidence <= 0)
    return fmt::format(
        "none: the setting keeps the goal on {}. --confidence 0.95 tests for others.",
        r.search_rows > 0 ? "the rows it was tried on" : "these rows");
  return fmt::format("with {} confidence: {}, on average over rows drawn as these were.",
                     short_percent(r.goal.confidence), goal_text(r));
}

std::string failure_text(const TuneReport& r) {
  if (r.budget_ms > 0) {
    return fmt::format("no setting takes at most {} ms a row; the fastest takes {:.3g}",
                       shortest(r.budget_ms), r.chosen_ms);
  }
  if (r.goal.confidence <= 0) return "no setting that leaves early keeps the goal on these rows";
  int64_t rows = 0, needed = -1;  // needed: by the family that needs least; -1: no number will do
  bool enough = false;
  for (const TuneFamily& f : r.families) {
    rows = std::max(rows, f.result.rows);
    if (f.result.rows_needed > 0 && f.result.rows >= f.result.rows_needed) enough = true;
    if (f.result.rows_needed > 0 && (needed <= 0 || f.result.rows_needed < needed))
      needed = f.result.rows_needed;
  }
  if (enough) {
    return fmt::format(
        "nothing can be promised: no setting that leaves early passes the test on {}",
        count(rows, "row", "rows"));
  }
  const std::string too_few = fmt::format("nothing can be promised: {} too few to test on",
                                          count(rows, "row is", "rows are"));
  if (needed <= 0) return too_few + "; no number of rows would do for this goal";
  return fmt::format("{}; even if nothing went wrong in any of them, {} would be needed", too_few,
                     needed);
}

std::string tune_text(const TuneReport& r) {
  std::string out = entry("goal", goal_text(r));
  std::string data = fmt::format("{}, {}", printable(r.data), count(r.rows, "row", "rows"));
  if (r.search_rows > 0) {
    append_format(&data, ": {} to {} on, {} to test {} on", r.search_rows, searched_text(r),
                  r.rows - r.search_rows, r.weighed ? "settings" : "them");
  }
  if (r.labelled) append_format(&data, "; {} {:.4f} at full depth", r.quality_name, r.full_quality);
  out += entry("data", data);
  for (const TuneFamily& f : r.families) out += family_text(r, f);
  if (r.found) {
    out += chosen_text(r);
  } else {
    out += entry("chosen", "none: " + failure_text(r));
  }
  return out + entry("written", r.written.empty()
                                    ? "nothing"
                                    : printable(r.written) + (r.wrote_never ? " (never)" : ""));
}

std::string tune_json(const TuneReport& r) {
  const bool promised = r.found && r.goal.confidence > 0;
  std::string out;
  JsonWriter json(&out, 1);
  json.begin_object();
  json.field("model", r.model);
  json.field("data", r.data);
  json.optional_field("task", r.task);
  json.field("goal", goal_name(r));
  json.field("limit", goal_limit(r));
  json.key("confidence");
  r.goal.confidence > 0 ? json.value(r.goal.confidence) : json.null();
  json.field("rows", r.rows);
  json.field("search_rows", r.search_rows);
  json.field("labelled", r.labelled);
  if (r.labelled) json.field("full_accuracy", r.full_quality);
  json.begin_array("families");
  for (const TuneFamily& f : r.families) write_family(r, f, &json);
  json.end_array();
  json.field("found", r.found);
  json.key("chosen");
  r.found ? write_chosen(r, &json) : json.null();
  json.optional_field("promise", promised ? promise_text(r) : "");
  json.optional_field("failure", r.found ? "" : failure_text(r));
  json.optional_field("written", r.written);
  json.end_object();
  return out + "\n";
}

std::string tuned_json(const TuneReport& r) {
  std::string out;
  JsonWriter json(&out);
  json.begin_object();
  json.field("goal", goal_text(r));
  json.field("data", r.data);
  json.field("rows", r.rows);
  if (r.search_rows > 0) json.field("rows_tested", r.rows - r.search_rows);
  if (r.found && r.weighed && !r.chosen.policy.exit_weights.empty())
    json.field("exit_weights",
               fmt::format("{} of each exit on the {} rows that were not tested on",
                           r.labelled ? "accuracy" : "agreement with full depth", r.search_rows));
  if (r.found && r.goal.confidence > 0) {
    json.field("confidence", r.goal.confidence);
    json.field("p_value", r.chosen.p_value);
  }
  if (r.found) json.field("mean_exit_layer", r.on_all.mean_layer);
  json.field("promise", r.found ? promise_text(r) : "none: " + failure_text(r));
  json.end_object();
  return out;
}

}  // namespace costeff::tasks
