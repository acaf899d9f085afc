#include "tasks/report/tune_report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string short_percent(double share) { return shortest(std::round(share * 1e8) / 1e6) + "%"; }

std::string count(int64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

const char* goal_name(const TuneReport& r) {
  if (r.budget_ms > 0) return "budget-ms";
  switch (r.goal.kind) {
    case GoalKind::accuracy_drop:
      return "max-drop";
    case GoalKind::disagreement:
      return "consistency";
    case GoalKind::score_change:
      return "score-change";
    case GoalKind::speedup:
      return "speedup";
  }
  return "";
}

double goal_limit(const TuneReport& r) { return r.budget_ms > 0 ? r.budget_ms : r.goal.limit; }

// Broken at 80 columns; `name` stands before it, in the first ten.
std::string entry(std::string_view name, const std::string& text) {
  constexpr size_t kIndent = 10, kWidth = 79;
  std::string out(name);
  out.resize(kIndent, ' ');
  size_t column = kIndent;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = std::string_view(text).substr(begin, end - begin);
    if (column > kIndent && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    begin = end + 1;
  }
  return out + "\n";
}

std::string counts_text(const TuneReport& r) {
  const TuneTrial& t = r.chosen;
  const std::string rows = " of " + std::to_string(r.families[r.family].result.rows) + " rows";
  switch (r.goal.kind) {
    case GoalKind::accuracy_drop:
      return std::to_string(t.losses) + rows + " right only at full depth, " +
             std::to_string(t.gains) + " right only now";
    case GoalKind::disagreement:
      return std::to_string(t.losses) + rows + " with another label than at full depth";
    case GoalKind::score_change:
      return "scores change by " + string_printf("%.4g", t.risk) + " on average," + rows.substr(3);
    case GoalKind::speedup:
      return string_printf("%.3gx fewer layers,", t.risk) + rows.substr(3);
  }
  return "";
}

OrderedJson trial_json(const TuneReport& r, const TuneTrial& t) {
  OrderedJson j = {
      {"policy", r.on_all.name}, {"setting", r.on_all.setting}, {"text", r.on_all.text}};
  if (!t.policy.thresholds.empty()) j["thresholds"] = t.policy.thresholds;
  j["exit_start"] = t.policy.exit_start;
  if (r.budget_ms > 0) {
    j["ms_per_row"] = r.chosen_ms;
    j["full_ms_per_row"] = r.full_ms;
  } else {
    j["risk"] = t.risk;
    if (r.goal.kind == GoalKind::accuracy_drop || r.goal.kind == GoalKind::disagreement)
      j["losses"] = t.losses;
    if (r.goal.kind == GoalKind::accuracy_drop) j["gains"] = t.gains;
    if (r.goal.confidence > 0) j["p_value"] = t.p_value;
  }
  j["mean_exit_layer"] = r.on_all.mean_layer;
  j["layers_saved"] = r.on_all.layers_saved;
  j["speedup_layers"] = r.on_all.speedup_layers;
  j["speedup_macs"] = r.on_all.speedup_macs;
  j["agreement"] = r.on_all.agreement;
  if (r.labelled) j["accuracy"] = r.on_all.quality;
  j["exit_histogram"] = r.on_all.histogram;
  return j;
}

}  // namespace

std::string goal_text(const TuneReport& r) {
  const std::string limit = shortest(goal_limit(r));
  if (r.budget_ms > 0) return "at most " + limit + " ms a row on average, as measured here";
  switch (r.goal.kind) {
    case GoalKind::accuracy_drop:
      return "accuracy at most " + limit + " below full depth";
    case GoalKind::disagreement:
      return "at most " + short_percent(r.goal.limit) +
             " of rows with another label than at full depth";
    case GoalKind::score_change:
      return "scores that differ from full depth by at most " + limit + " on average (cut to " +
             shortest(r.goal.score_low) + " to " + shortest(r.goal.score_high) + ")";
    case GoalKind::speedup:
      return "at least " + limit + " times fewer layers than full depth";
  }
  return "";
}

std::string promise_text(const TuneReport& r) {
  if (r.budget_ms > 0)
    return "none: a time holds for this machine, these threads and this batch size.";
  if (r.goal.confidence <= 0)
    return "none: the setting keeps the goal on these rows. --confidence 0.95 tests for others.";
  return "with " + short_percent(r.goal.confidence) + " confidence: " + goal_text(r) +
         ", on average over rows drawn as these were.";
}

std::string failure_text(const TuneReport& r) {
  if (r.budget_ms > 0) {
    return "no setting takes at most " + shortest(r.budget_ms) + " ms a row; the fastest takes " +
           string_printf("%.3g", r.chosen_ms);
  }
  if (r.goal.confidence <= 0) return "no setting that leaves early keeps the goal on these rows";
  int64_t rows = 0, needed = -1;  // -1: some family has rows enough; 0: none ever will
  bool enough = false;
  for (const TuneFamily& f : r.families) {
    rows = std::max(rows, f.result.rows);
    if (f.result.rows_needed > 0 && f.result.rows >= f.result.rows_needed) enough = true;
    if (f.result.rows_needed > 0 && (needed <= 0 || f.result.rows_needed < needed))
      needed = f.result.rows_needed;
  }
  if (enough) {
    return "nothing can be promised: no setting that leaves early passes the test on " +
           count(rows, "row", "rows");
  }
  const std::string too_few =
      "nothing can be promised: " + count(rows, "row is", "rows are") + " too few to test on; ";
  if (needed <= 0) return too_few + "no number of rows would do for this goal";
  return too_few + "even if nothing went wrong in any of them, " + std::to_string(needed) +
         " would be needed";
}

std::string tune_text(const TuneReport& r) {
  std::string out = entry("goal", goal_text(r));
  std::string data = printable(r.data) + ", " + count(r.rows, "row", "rows");
  if (r.search_rows > 0) {
    data += ": " + std::to_string(r.search_rows) + " to search thresholds on, " +
            std::to_string(r.rows - r.search_rows) + " to test them on";
  }
  if (r.labelled) data += string_printf("; accuracy %.4f at full depth", r.full_quality);
  out += entry("data", data);
  const bool tested = r.goal.confidence > 0;
  for (const TuneFamily& f : r.families) {
    int64_t passed = 0;
    for (const TuneTrial& t : f.result.trials) passed += t.passed;
    out += entry(tested ? "tested" : "tried",
                 f.name + ": " + std::to_string(f.result.trials.size()) + " of " +
                     count(f.offered, "setting", "settings") + ", " + std::to_string(passed) +
                     " passed" +
                     (tested ? string_printf(", each at level %.4g", f.result.level) : ""));
  }
  if (r.found) {
    out += entry("chosen", r.on_all.text);
    out += entry("", r.budget_ms > 0
                         ? string_printf("%.4g ms a row, full depth %.4g ms (%.2fx)", r.chosen_ms,
                                         r.full_ms, r.full_ms / r.chosen_ms)
                         : counts_text(r) +
                               (tested ? string_printf("; p-value %.3g", r.chosen.p_value) : ""));
    out += entry("", string_printf("leaves after %.2f of %lld layers on average, %.2fx fewer MACs",
                                   r.on_all.mean_layer, static_cast<long long>(r.layers),
                                   r.on_all.speedup_macs) +
                         (r.labelled ? string_printf(", accuracy %.4f", r.on_all.quality) : ""));
    out += entry("promise", promise_text(r));
  } else {
    out += entry("chosen", "none: " + failure_text(r));
  }
  return out + entry("written", r.written.empty()
                                    ? "nothing"
                                    : printable(r.written) + (r.wrote_never ? " (never)" : ""));
}

std::string tune_json(const TuneReport& r) {
  OrderedJson j = {{"model", r.model}, {"data", r.data}};
  j["task"] = r.task.empty() ? OrderedJson(nullptr) : OrderedJson(r.task);
  j["goal"] = goal_name(r);
  j["limit"] = goal_limit(r);
  j["confidence"] = r.goal.confidence > 0 ? OrderedJson(r.goal.confidence) : OrderedJson(nullptr);
  j["rows"] = r.rows;
  j["search_rows"] = r.search_rows;
  j["labelled"] = r.labelled;
  if (r.labelled) j["full_accuracy"] = r.full_quality;
  j["families"] = OrderedJson::array();
  for (const TuneFamily& f : r.families) {
    OrderedJson trials = OrderedJson::array();
    for (const TuneTrial& t : f.result.trials) {
      OrderedJson one;
      if (!t.policy.thresholds.empty()) one["thresholds"] = t.policy.thresholds;
      if (t.policy.kind == PolicyKind::patience) one["patience"] = t.policy.patience;
      if (t.policy.kind == PolicyKind::fixed) one["layer"] = t.policy.layer;
      one["risk"] = t.risk;
      one["losses"] = t.losses;
      one["gains"] = t.gains;
      one["mean_exit_layer"] = t.mean_layer;
      if (r.goal.confidence > 0) one["p_value"] = t.p_value;
      one["passed"] = t.passed;
      trials.push_back(std::move(one));
    }
    j["families"].push_back({{"policy", f.name},
                             {"settings", f.offered},
                             {"rows", f.result.rows},
                             {"level", f.result.level},
                             {"rows_needed", f.result.rows_needed},
                             {"trials", std::move(trials)}});
  }
  j["found"] = r.found;
  j["chosen"] = r.found ? trial_json(r, r.chosen) : OrderedJson(nullptr);
  j["promise"] =
      r.found && r.goal.confidence > 0 ? OrderedJson(promise_text(r)) : OrderedJson(nullptr);
  j["failure"] = r.found ? OrderedJson(nullptr) : OrderedJson(failure_text(r));
  j["written"] = r.written.empty() ? OrderedJson(nullptr) : OrderedJson(r.written);
  return j.dump(1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string tuned_json(const TuneReport& r) {
  OrderedJson j = {{"goal", goal_text(r)}, {"data", r.data}, {"rows", r.rows}};
  if (r.search_rows > 0) j["rows_tested"] = r.rows - r.search_rows;
  if (r.found && r.goal.confidence > 0) {
    j["confidence"] = r.goal.confidence;
    j["p_value"] = r.chosen.p_value;
  }
  if (r.found) j["mean_exit_layer"] = r.on_all.mean_layer;
  j["promise"] = r.found ? promise_text(r) : "none: " + failure_text(r);
  return j.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace costeff::tasks
