#pragma once

// A run of training as a page.

#include <string>

#include "tasks/report/train_report.h"

namespace costeff::tasks {

// The report must have a result.
std::string train_html(const TrainReport& report);

}  // namespace costeff::tasks
