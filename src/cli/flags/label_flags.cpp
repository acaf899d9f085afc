#include "cli/flags/label_flags.h"

#include <algorithm>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::cli {

void add_label_threshold_flag(CLI::App* app, const char* group, std::string* text) {
  app->add_option(
         "--label-threshold", *text,
         "Multi-label models: labels with a probability above X are part of the answer; one "
         "number, or one for each label (default: those in the model's exit_policy.json, else "
         "0.5)")
      ->type_name("X[,X...]")
      ->group(group);
}

std::vector<double> label_thresholds_from(const std::string& text) {
  if (text.empty()) return {};
  const auto list = parse_number_list(text);
  if (list && std::all_of(list->begin(), list->end(), [](double t) { return t >= 0 && t <= 1; }))
    return *list;
  fail_usage("--label-threshold \"{}\", expected numbers from 0 to 1: 0.5, or one for each label",
             printable(text, 60));
}

}  // namespace costeff::cli
