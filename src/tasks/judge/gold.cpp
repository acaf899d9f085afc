#include "tasks/judge/gold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/fail.h"
#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/judge/gold_sets.h"

namespace costeff::tasks {
namespace {

struct Spelling {
  std::string_view text, name;
};

// Common spellings, in normal form, of the names in task_table.cpp.
constexpr std::array<Spelling, 22> kSpellings{{
    {"pos", "positive"},
    {"neg", "negative"},
    {"entail", "entailment"},
    {"entails", "entailment"},
    {"entailed", "entailment"},
    {"notentailment", "not_entailment"},
    {"non_entailment", "not_entailment"},
    {"not_entailed", "not_entailment"},
    {"no_entailment", "not_entailment"},
    {"contradict", "contradiction"},
    {"contradicts", "contradiction"},
    {"contradictory", "contradiction"},
    {"grammatical", "acceptable"},
    {"ungrammatical", "unacceptable"},
    {"not_acceptable", "unacceptable"},
    {"paraphrase", "equivalent"},
    {"not_paraphrase", "not_equivalent"},
    {"nonequivalent", "not_equivalent"},
    {"duplicates", "duplicate"},
    {"not_duplicates", "not_duplicate"},
    {"non_duplicate", "not_duplicate"},
    {"unduplicate", "not_duplicate"},
}};

// MRPC and QQP ask the same question, and models use the label names of either.
constexpr std::array<Spelling, 2> kSameQuestion{
    {{"equivalent", "duplicate"}, {"not_equivalent", "not_duplicate"}}};

// The orders that models were trained with, where they differ from the files'. Sources: the
// processors of transformers' GLUE scripts (contradiction, entailment, neutral), which swap the
// last two for RoBERTa and XLM-R, because fairseq's pretrained MNLI heads have them so.
constexpr std::array<std::string_view, 3> kInferenceBert{"contradiction", "entailment", "neutral"};
constexpr std::array<std::string_view, 3> kInferenceRoberta{"contradiction", "neutral",
                                                            "entailment"};

// "Not Entailment" -> "not_entailment"
std::string normal(std::string_view text) {
  std::string out = lower_ascii(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '-' || c == ' '; }, '_');
  for (const Spelling& s : kSpellings) {
    if (s.text == out) return std::string(s.name);
  }
  return out;
}

bool is_inference(const Task& task) { return task.labels.size() == 3; }

// The index in task.labels of a name in normal form; -1: there is none.
int64_t task_label_of(const Task& task, const std::string& name) {
  for (size_t i = 0; i < task.labels.size(); ++i) {
    if (task.labels[i] == name) return static_cast<int64_t>(i);
    for (const Spelling& s : kSameQuestion) {
      if ((s.text == name && s.name == task.labels[i]) ||
          (s.name == name && s.text == task.labels[i])) {
        return static_cast<int64_t>(i);
      }
    }
  }
  return -1;
}

// For each class, the index in task.labels of its name. Empty: the names do not tell.
std::vector<int64_t> order_of_names(const Task& task, std::span<const std::string> names) {
  std::vector<int64_t> order;
  for (const std::string& name : names) {
    const int64_t label = task_label_of(task, normal(name));
    if (label < 0 || std::find(order.begin(), order.end(), label) != order.end()) return {};
    order.push_back(label);
  }
  return order;
}

void add_spelling(LabelMap* map, const std::string& text, int64_t label) {
  for (const auto& [known, of] : map->spellings) {
    if (known == text) return;  // names go before numbers
  }
  map->spellings.emplace_back(text, label);
}

void check_fit(const LabelSource& s) {
  const auto labels = static_cast<int64_t>(s.model_labels.size());
  if (!s.task) return;
  if (is_multi_label(s)) {
    fail_usage(
        "task {} has {} a row, the model gives any number of labels (multi-label); --task none "
        "leaves the task out",
        s.task->name, s.task->labels.empty() ? "a score" : "one label");
  }
  if (is_regression(s) && !s.task->labels.empty()) {
    fail_usage("task {} has labels, the model gives a score (regression)", s.task->name);
  }
  if (!is_regression(s) && s.task->labels.empty()) {
    fail_usage("task {} is about scores (regression), the model has {} labels", s.task->name,
               labels);
  }
  if (!is_regression(s) && labels != static_cast<int64_t>(s.task->labels.size())) {
    fail_usage("task {} has {} labels, the model has {}", s.task->name, s.task->labels.size(),
               labels);
  }
}

// Names for the classes, and which of the task's labels each one is.
void choose_order(const LabelSource& s, LabelMap* map) {
  const auto n = s.model_labels.size();
  const auto use_task_order = [&](std::span<const std::string_view> names) {
    for (size_t i = 0; i < n; ++i) {
      map->names.emplace_back(names[i]);
      map->task_label.push_back(task_label_of(*s.task, std::string(names[i])));
    }
  };
  std::string how;
  if (!s.label_order.empty()) {
    map->names = parse_label_names("--label-order", s.label_order);
    if (map->names.size() != n) {
      fail_usage("--label-order names {} labels, the model has {}", map->names.size(), n);
    }
    how = "--label-order";
  } else {
    for (const std::string& name : s.model_labels) map->names.push_back(name);
    how = "the model's names";
  }
  if (s.task) map->task_label = order_of_names(*s.task, map->names);
  if (s.task && map->task_label.empty()) {
    // Plain numbers in --label-order are the task's.
    bool numbers = !s.label_order.empty();
    std::vector<int64_t> order;
    for (const std::string& name : map->names) {
      numbers =
          numbers && name.size() == 1 && name[0] >= '0' && name[0] < static_cast<char>('0' + n);
      if (numbers) order.push_back(name[0] - '0');
    }
    if (!s.label_order.empty() && !numbers) {
      std::string known;
      for (const std::string_view label : s.task->labels)
        append_format(&known, "{}{}", known.empty() ? "" : ", ", label);
      fail_usage("--label-order \"{}\", expected the labels of task {} in the model's order: {}",
                 printable(s.label_order, 80), s.task->name, known);
    }
    map->names.clear();
    if (numbers) {
      for (const int64_t label : order) map->names.emplace_back(s.task->labels[label]);
      map->task_label = order;
    } else if (is_inference(*s.task)) {
      map->guessed = true;
      use_task_order(s.roberta ? kInferenceRoberta : kInferenceBert);
      how = s.roberta ? "usual for RoBERTa; the model's names do not say"
                      : "usual for BERT; the model's names do not say";
    } else {
      map->guessed = true;
      use_task_order(s.task->labels);
      how = "usual; the model's names do not say";
    }
  }
  if (!s.task) {
    for (size_t i = 0; i < n; ++i) map->task_label.push_back(static_cast<int64_t>(i));
  }
  map->note = fmt::format("labels: {} ({})", listed_labels(map->names), how);
}

}  // namespace

std::vector<std::string> parse_label_names(std::string_view flag, const std::string& text) {
  std::vector<std::string> names;
  for (const std::string_view part : split_at(text, ',')) {
    names.emplace_back(part);
    const std::string& name = names.back();
    if (name.empty()) fail_usage("{} \"{}\" has an empty name", flag, printable(text, 80));
    if (std::count(names.begin(), names.end(), name) > 1) {
      fail_usage("{} \"{}\" names {} twice", flag, printable(text, 80), printable(name, 40));
    }
  }
  return names;
}

std::string listed_labels(const std::vector<std::string>& names) {
  constexpr size_t kShown = 6;
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    append_format(&out, "{}{} {}", i ? ", " : "", i, printable(names[i], 30));
  }
  if (names.size() > kShown) append_format(&out, ", ... ({} labels)", names.size());
  return out;
}

std::string label_key(std::string_view text) {
  // 1.0: a column of integers that went through a table of floats.
  const std::optional<double> value = parse_number(text);
  if (value && *value == std::floor(*value) && std::abs(*value) < 1e9) {
    return fmt::format("{}", static_cast<int64_t>(*value));
  }
  return normal(text);
}

LabelSource label_source(const ModelInfo& model, const Task* task, const std::string& label_order) {
  LabelSource s;
  s.task = task;
  s.model_labels = model.labels;
  s.problem = model.problem;
  const auto has = [&](const char* word) { return model.dialect.find(word) != std::string::npos; };
  // Some dialects (CoFi, PABEE) do not tell; the tokenizer does.
  s.roberta = has("roberta") || has("xlmr") || model.tokenizer.starts_with("byte-level");
  s.label_order = label_order;
  return s;
}

LabelMap find_label_map(const LabelSource& s) {
  LabelMap map;
  map.problem = s.problem;
  map.num_labels = static_cast<int64_t>(s.model_labels.size());
  check_fit(s);
  if (is_regression(s)) {
    if (!s.label_order.empty()) throw_usage("--label-order has no meaning for a regression model");
    map.note = "scores (regression)";
    return map;
  }
  choose_order(s, &map);
  for (int64_t i = 0; i < map.num_labels; ++i) {
    if (map.task_label[i] == 1) map.positive = i;
    add_spelling(&map, normal(map.names[i]), i);
    add_spelling(&map, normal(s.model_labels[i]), i);
  }
  if (s.task) {
    for (int64_t i = 0; i < map.num_labels; ++i) {
      add_spelling(&map, std::string(s.task->labels[map.task_label[i]]), i);
    }
    // "LABEL_1" in a file is not a label of the task, and the model may count its classes
    // otherwise.
    std::erase_if(map.spellings, [](const auto& s2) { return s2.first.starts_with("label_"); });
  }
  for (int64_t i = 0; i < map.num_labels; ++i) {
    add_spelling(&map, fmt::format("{}", map.task_label[i]), i);
  }
  if (map.num_labels == 2 && !is_multi_label(map)) {
    add_spelling(&map, "true", map.positive);
    add_spelling(&map, "false", 1 - map.positive);
  }
  return map;
}

int64_t find_label(const LabelMap& map, std::string_view text) {
  const std::string key = label_key(text);
  for (const auto& [spelling, label] : map.spellings) {
    if (spelling == key) return label;
  }
  return -1;
}

void refuse_label(const LabelMap& map, const Example& row, std::string_view text) {
  std::string known;
  for (const std::string& name : map.names) {
    if (known.size() >= 120) break;
    append_format(&known, "{}{}", known.empty() ? "" : ", ", printable(name, 30));
  }
  const std::string numbers =
      map.numbers ? fmt::format(" or a number from 0 to {}", map.num_labels - 1) : "";
  fail_input("{}:{}: label \"{}\" is not known, expected {}{}{}{}", row.source, row.line,
             printable(text, 40), known, numbers, map.whose,
             text == "-1" ? " (-1 usually means that there is no label)" : "");
}

GoldLabel parse_gold(const LabelMap& map, const Example& row) {
  if (is_multi_label(map)) return {.labels = parse_gold_set(map, row)};
  if (row.gold.empty()) fail_input("{}:{}: the label is empty", row.source, row.line);
  GoldLabel gold;
  const std::optional<double> value = parse_number(row.gold);
  if (is_regression(map)) {
    if (!value) {
      fail_input("{}:{}: the score is \"{}\", expected a number", row.source, row.line,
                 printable(row.gold, 40));
    }
    gold.score = *value;
    return gold;
  }
  if (is_label_list(row.gold)) {
    fail_input("{}:{}: the label is the list {}, expected one label: {}", row.source, row.line,
               printable(row.gold, 40), listed_labels(map.names));
  }
  gold.label = find_label(map, row.gold);
  if (gold.label < 0) refuse_label(map, row, row.gold);
  return gold;
}

}  // namespace costeff::tasks
