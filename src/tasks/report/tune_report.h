#pragma once

// The result of tuning an exit policy, in words and as JSON.

#include <costeff/tune.h>

#include <string>
#include <vector>

#include "tasks/sweep/sweep.h"

namespace costeff::tasks {

struct TuneReport {
  std::string model, data, task, dialect;
  TuneGoal goal;
  double budget_ms = 0;  // > 0: this is the goal, not `goal`
  bool given = false;    // there is no goal: the setting was given
  std::string quality_name = "accuracy";
  bool labelled = false, regression = false;
  int64_t rows = 0, search_rows = 0, layers = 0;
  bool searched = false, weighed = false;  // what search_rows were for: thresholds, exit weights
  double full_quality = 0;                 // accuracy at full depth
  std::vector<TuneFamily> families;
  bool found = false;
  size_t family = 0;                  // of the chosen setting
  TuneTrial chosen;                   // on the rows it was tested on
  SweepPoint on_all;                  // the same setting on all rows
  double full_ms = 0, chosen_ms = 0;  // with a budget: measured, a row
  std::string written;                // path of the policy; empty: nothing was written
  bool wrote_never = false;
};

std::string goal_text(const TuneReport& report);

// "with 95% confidence: ...": what will hold for rows not seen yet. Without a confidence: "none:
// ...".
std::string promise_text(const TuneReport& report);

// One line that says why nothing was chosen.
std::string failure_text(const TuneReport& report);

std::string tune_text(const TuneReport& report);

// Keys: model data task goal limit confidence rows search_rows labelled full_accuracy families
// found chosen promise failure written.
std::string tune_json(const TuneReport& report);

// The object under "tuned" in exit_policy.json.
std::string tuned_json(const TuneReport& report);

}  // namespace costeff::tasks
