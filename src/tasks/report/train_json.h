#pragma once

// A run of training as JSON: the lines of --log, and the result of --json.

#include <string>

#include "tasks/report/train_report.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {

// An array `stages` and an object `memory`, in the object that is open.
void write_stages(const TrainPlan& plan, JsonWriter* json);
void write_memory(const TrainMemory& memory, JsonWriter* json);
// The members of an evaluation.
void write_evaluation(const TrainEvaluation& evaluation, JsonWriter* json);

// Objects of one line each, with the newline. Keys are the members of the structs of costeff/train.h;
// a number that is not finite is null. Scripts may rely on them; new ones come after them.
//   {"event":"plan","backbone",...,"stages":[...],"memory":{...}}
//   {"event":"step",...}   {"event":"evaluation",...}
//   {"event":"end","end":"finished",...}; end is also early_stop, time_limit, interrupted or error
std::string plan_event(const TrainReport& report);
std::string step_event(const TrainStep& step);
std::string evaluation_event(const TrainEvaluation& evaluation);
// how: "interrupted" or "error", with the error's text; empty: as the result says.
std::string end_event(const TrainReport& report, const std::string& how = "",
                      const std::string& error = "");

// The whole run as one object: that of the plan, with evaluations and end unless it is a dry run.
std::string train_json(const TrainReport& report);

}  // namespace costeff::tasks
