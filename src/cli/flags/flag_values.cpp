#include "cli/flags/flag_values.h"

#include <costeff/policy.h>
#include <costeff/train.h>

#include <string_view>

#include "base/names.h"
#include "base/parse.h"
#include "cli/flags/model_name.h"
#include "tasks/judge/task_table.h"

namespace costeff::cli {
namespace {

struct NamesRow {
  std::string_view verbs;  // "infer bench"; empty: all that have the flag
  std::string_view flag;   // its first long name
  std::string names;       // "a, b, c"
  bool several = false;    // the flag takes a list of them
};

// The first row that fits counts.
const std::vector<NamesRow>& value_rows() {
  static const std::string kTasks = listed_names(tasks::task_table());
  static const std::string kPolicyNames = listed_names(kPolicies);
  static const std::string kMetricNames =
      "accuracy, f1, macro_f1, matthews, pearson, spearman, subset_accuracy, micro_f1, sample_f1, "
      "hamming_loss";
  static const std::vector<NamesRow> kRows{
      {"", "--input-format", "auto, text, tsv, csv, jsonl"},
      {"infer", "--format", "tsv, csv, jsonl, table, squad"},
      {"tokenize", "--format", "text, tsv, jsonl"},
      {"eval", "--format", "text, tsv, json"},
      {"infer", "--task", kTasks + ", qa"},
      {"eval", "--task", kTasks + ", squad, none"},
      {"sweep tune train slenderize", "--task", kTasks + ", none"},
      {"", "--task", kTasks},
      {"tune", "--policy", kPolicyNames, true},
      {"", "--policy", kPolicyNames},
      {"", "--policies", kPolicyNames + ", all", true},
      {"", "--truncation", "longest_first, only_first, only_second"},
      {"", "--pair-cut", "fast, slow"},
      {"", "--join", "mean, max, first"},
      {"", "--bad-rows", "fail, skip"},
      {"", "--mode", "throughput, latency"},
      {"", "--split", "dev, train, test"},
      {"", "--metrics", kMetricNames, true},
      {"", "--metric", kMetricNames},
      {"convert", "--dtype", "float32, float16, bfloat16"},
      {"quantize", "--dtype", "bfloat16, bf16, int8"},
      {"train", "--dtype", "float32, bfloat16, bf16"},
      {"", "--dtype", "float32, bfloat16, bf16, int8"},
      {"", "--svg-axis", "layers, macs, time"},
      {"", "--recipe", listed_names(recipes())},
      {"", "--pooling", "auto, first, mean"},
      {"", "--dialect", "costeff, plain, deebert, berxit, pabee, cost-eff, elasticbert"},
      {"", "--best-by", "last, mean"},
      {"", "--method", "fisher, cost-eff, cofi"},
      {"slenderize", "--tune", "refit, scales, none"},
      {"completions", "WHAT", "bash, zsh, fish, models, kernels"},
  };
  return kRows;
}

bool lists(std::string_view words, std::string_view word) {
  for (const std::string_view one : split_at(words, ' ')) {
    if (one == word) return true;
  }
  return words.empty();
}

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view name : split_at(text, ',')) {
    if (name.starts_with(' ')) name.remove_prefix(1);
    names.emplace_back(name);
  }
  return names;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// By the word that stands for the value in the help.
ValueKind kind_of_word(std::string_view word) {
  if (word == "FILE" || word == "FILE|DIR" || word == "FILES" || word == "DATA")
    return ValueKind::file;
  if (word == "DIR" || word == "OUT" || word == "DST") return ValueKind::directory;
  return ValueKind::free;
}

}  // namespace

std::string value_word(const CLI::Option& option) {
  if (!takes_value(option)) return "";
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

FlagValues values_of(const std::string& verb, const CLI::Option& option) {
  const bool is_argument = option.get_positional();
  if (!takes_value(option)) return {ValueKind::none, {}};
  if (names_model(option)) return {ValueKind::model, {}};
  const std::string name = is_argument ? option.get_name(true) : "--" + option.get_single_name();
  if (name == "--isa") return {ValueKind::kernels, {}};
  for (const NamesRow& row : value_rows()) {
    if (row.flag == name && lists(row.verbs, verb))
      return {row.several ? ValueKind::names : ValueKind::name, names_in(row.names)};
  }
  return {kind_of_word(is_argument ? name : value_word(option)), {}};
}

}  // namespace costeff::cli
