#include "tasks/judge/file_labels.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "base/fail.h"
#include "base/format.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/judge/gold_sets.h"

namespace costeff::tasks {
namespace {

bool is_whole(double v) { return v == std::floor(v); }

int64_t count_rows(std::span<const FileLabel> labels) {
  int64_t rows = 0;
  for (const FileLabel& l : labels) rows += l.rows;
  return rows;
}

int64_t class_of(const LabelMap& map, const std::string& key) {
  for (const auto& [spelling, label] : map.spellings) {
    if (spelling == key) return label;
  }
  return -1;
}

// Rows whose label the map does not have.
int64_t rows_that_do_not_fit(const LabelMap& map, std::span<const FileLabel> labels) {
  int64_t rows = 0;
  for (const FileLabel& l : labels) {
    if (is_regression(map) ? !l.number : class_of(map, l.key) < 0) rows += l.rows;
  }
  return rows;
}

bool nearly_fits(const LabelMap& map, std::span<const FileLabel> labels) {
  return 20 * rows_that_do_not_fit(map, labels) <= count_rows(labels);
}

// Removes the spellings of classes as numbers, but not names that are numbers.
void forget_numbers(LabelMap* map) {
  std::set<std::string> names;
  for (const std::string& name : map->names) names.insert(label_key(name));
  std::erase_if(map->spellings, [&](const auto& s) {
    return parse_number(s.first).has_value() && !names.contains(s.first);
  });
  map->numbers = false;
}

// The map of these names; they are the task's, or the task is dropped. Numbers stand for classes
// only where that is clear: no name is a number, and they begin at 0. (Stars from 1 to 5 are not the
// classes 1 to 5 of five.)
LabelMap map_of_names(const Task** task, std::span<const std::string> names,
                      std::span<const FileLabel> labels, ProblemType problem) {
  LabelMap map;
  if (*task && (*task)->labels.size() == names.size()) {
    map = find_label_map(*task, names, ProblemType::single_label);
    if (map.guessed) *task = nullptr;
  } else {
    *task = nullptr;
  }
  if (!*task) map = find_label_map(nullptr, names, problem);
  const bool numeric = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return parse_number(name).has_value();
  });
  const bool from_zero =
      std::any_of(labels.begin(), labels.end(), [](const FileLabel& l) { return l.key == "0"; });
  if (numeric || (!*task && !from_zero)) forget_numbers(&map);
  return map;
}

LabelMap map_of_task(const LabelRequest& q) {
  std::vector<std::string> unknown;
  for (size_t i = 0; i < q.task->labels.size(); ++i) unknown.push_back(fmt::format("LABEL_{}", i));
  return find_label_map(q.task, unknown, ProblemType::single_label, q.roberta);
}

LabelMap map_of_scores() {
  LabelMap map;
  map.problem = ProblemType::regression;
  return map;
}

ProblemType problem_of(const LabelRequest& q) {
  return q.multi_label ? ProblemType::multi_label : ProblemType::single_label;
}

std::vector<std::string> own_names(std::span<const FileLabel> labels, bool* numeric) {
  std::vector<const FileLabel*> order;
  for (const FileLabel& l : labels) order.push_back(&l);
  *numeric = std::all_of(labels.begin(), labels.end(),
                         [](const FileLabel& l) { return l.number && is_whole(*l.number); });
  std::sort(order.begin(), order.end(), [&](const FileLabel* a, const FileLabel* b) {
    return *numeric ? *a->number < *b->number : a->name < b->name;
  });
  std::vector<std::string> names;
  for (const FileLabel* l : order) names.push_back(*numeric ? l->key : l->name);
  return names;
}

// "1, 2, 3": beside the numbers of the classes they would be hard to read.
std::string listed_numbers(const std::vector<std::string>& names) {
  constexpr size_t kShown = 12;
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i)
    append_format(&out, "{}{}", i ? ", " : "", names[i]);
  if (names.size() > kShown) append_format(&out, ", ... ({} labels)", names.size());
  return out;
}

void refuse_too_many(const LabelRequest& q, std::span<const FileLabel> labels) {
  constexpr size_t kMaxClasses = 1000, kFew = 20;
  const int64_t rows = count_rows(labels);
  const auto n = static_cast<int64_t>(labels.size());
  if (labels.size() <= kMaxClasses && (labels.size() <= kFew || 2 * n <= rows)) return;
  const bool numbers =
      std::all_of(labels.begin(), labels.end(), [](const FileLabel& l) { return l.number; });
  fail_input("{}: {} rows have {} different labels, such as \"{}\", expected those of classes; {}",
             q.data, rows, n, printable(labels[0].name, 40),
             numbers ? "say --regression if they are scores, or --label-field if another column "
                       "has the labels"
                     : "name the column of the labels with --label-field");
}

// The classes of the file itself.
TrainLabels own_labels(const LabelRequest& q, std::span<const FileLabel> labels) {
  refuse_too_many(q, labels);
  TrainLabels out;
  bool numeric = false;
  const std::vector<std::string> names = own_names(labels, &numeric);
  out.map = find_label_map(nullptr, names, problem_of(q));
  out.map.spellings.clear();
  for (size_t i = 0; i < names.size(); ++i)
    out.map.spellings.emplace_back(label_key(names[i]), static_cast<int64_t>(i));
  out.map.numbers = false;
  out.map.whose = " (the labels of the training rows)";
  out.notes.push_back(fmt::format("labels: {} (those of the file, {})",
                                  numeric ? listed_numbers(names) : listed_labels(names),
                                  numeric ? "in numeric order" : "sorted"));
  for (const FileLabel& l : labels) {
    if (l.other.empty()) continue;
    out.notes.push_back(fmt::format("\"{}\" and \"{}\" are one label", printable(l.name, 40),
                                    printable(l.other, 40)));
  }
  return out;
}

TrainLabels scores(std::string_view why, std::span<const FileLabel> labels) {
  double low = INFINITY, high = -INFINITY;
  for (const FileLabel& l : labels) {
    if (!l.number) continue;
    low = std::min(low, *l.number);
    high = std::max(high, *l.number);
  }
  TrainLabels out;
  out.map = map_of_scores();
  const std::string range =
      low <= high ? fmt::format(" from {} to {}", shortest(low), shortest(high)) : "";
  out.notes.push_back(fmt::format("regression: scores{} ({})", range, why));
  return out;
}

TrainLabels classes(LabelMap map, const Task* task, std::string_view why, std::string_view whose) {
  TrainLabels out;
  out.map = std::move(map);
  out.map.whose = whose;
  out.task = task;
  out.notes.push_back(fmt::format("labels: {} ({})", listed_labels(out.map.names), why));
  return out;
}

// Lists of 0 or 1 for each label do not name them.
TrainLabels unnamed_labels(const LabelRequest& q) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < q.indicators; ++i) names.push_back(fmt::format("LABEL_{}", i));
  return classes(find_label_map(nullptr, names, problem_of(q)), nullptr,
                 "the rows have numbers; --labels names them", "");
}

TrainLabels choose(const LabelRequest& q, std::span<const FileLabel> labels) {
  const Task* task = q.multi_label ? nullptr : q.task;
  if (q.regression) {
    TrainLabels out = scores("--regression", labels);
    if (task && task->labels.empty()) out.task = task;
    return out;
  }
  if (!q.names.empty()) {
    const std::vector<std::string> names = parse_label_names("--labels", q.names);
    if (names.size() < 2 && !q.multi_label)
      throw_usage("--labels names one class, expected at least two");
    LabelMap map = map_of_names(&task, names, labels, problem_of(q));
    const bool from_one =
        !map.numbers && std::any_of(labels.begin(), labels.end(), [&](const FileLabel& l) {
          return l.number && class_of(map, l.key) < 0;
        });
    return classes(
        std::move(map), task, "--labels",
        from_one ? " (--labels; their numbers count from 0, and no row has that)" : " (--labels)");
  }
  if (task && task->labels.empty() && nearly_fits(map_of_scores(), labels)) {
    TrainLabels out = scores(fmt::format("task {}", task->name), labels);
    out.task = task;
    return out;
  }
  if (!q.backbone.empty()) {
    LabelMap map = map_of_names(&task, q.backbone, labels, problem_of(q));
    // Numbers are those of the data's task, not of another that the backbone was trained for.
    if (q.task && !task) forget_numbers(&map);
    const bool as_many = q.indicators == 0 || q.indicators == map.num_labels;
    if (as_many && rows_that_do_not_fit(map, labels) == 0)
      return classes(std::move(map), task, "the backbone's names", " (the backbone's labels)");
    task = q.multi_label ? nullptr : q.task;
  }
  if (q.multi_label) return q.indicators > 0 ? unnamed_labels(q) : own_labels(q, labels);
  if (task && !task->labels.empty()) {
    LabelMap map = map_of_task(q);
    const std::string why = fmt::format("task {}", task->name);
    if (nearly_fits(map, labels)) {
      return classes(std::move(map), task, why,
                     fmt::format(" ({}; --labels or --task none would take others)", why));
    }
  }
  const bool fraction = std::any_of(labels.begin(), labels.end(), [](const FileLabel& l) {
    return l.number && !is_whole(*l.number);
  });
  if (fraction && nearly_fits(map_of_scores(), labels))
    return scores("some labels have a fraction; --labels would make them classes", labels);
  return own_labels(q, labels);
}

// Rows of one label teach nothing. Of a label that the map does not have parse_gold says more: its row.
void refuse_one_label(const LabelRequest& q, const LabelMap& map,
                      std::span<const FileLabel> labels) {
  if (rows_that_do_not_fit(map, labels) > 0) return;
  std::set<double> answers;
  for (const FileLabel& l : labels)
    answers.insert(is_regression(map) ? *l.number : static_cast<double>(class_of(map, l.key)));
  if (answers.size() != 1) return;
  const FileLabel& one = labels.front();
  fail_input("{}: every row has the {} \"{}\", expected at least two different ones{}", q.data,
             is_regression(map) ? "score" : "label", printable(one.name, 40),
             one.key == "-1" ? " (-1 usually means that there is no label)" : "");
}

}  // namespace

std::vector<FileLabel> labels_in(std::span<const Example> rows) {
  std::vector<FileLabel> labels;
  std::unordered_map<std::string, size_t> by_text, by_key;
  for (const Example& row : rows) {
    if (row.gold.empty()) continue;
    auto known = by_text.find(row.gold);
    if (known == by_text.end()) {
      std::string key = label_key(row.gold);
      const auto [at, fresh] = by_key.try_emplace(key, labels.size());
      if (fresh) labels.push_back({std::move(key), row.gold, "", parse_number(row.gold), 0});
      FileLabel& label = labels[at->second];
      // 1 and 1.0 need no remark.
      if (!fresh && !label.number && label.other.empty()) label.other = row.gold;
      known = by_text.emplace(row.gold, at->second).first;
    }
    ++labels[known->second].rows;
  }
  return labels;
}

FileLabelSets label_sets_in(std::span<const Example> rows) {
  FileLabelSets out;
  std::unordered_map<std::string, size_t> by_key;
  for (const Example& row : rows) {
    int64_t indicators = 0;
    for (const std::string& text : gold_set_texts(row, 0, &indicators)) {
      std::string key = label_key(text);
      const auto [at, fresh] = by_key.try_emplace(key, out.labels.size());
      if (fresh) out.labels.push_back({std::move(key), text, "", parse_number(text), 0});
      ++out.labels[at->second].rows;
    }
    out.indicators = std::max(out.indicators, indicators);
  }
  return out;
}

bool have_label_lists(std::span<const Example> rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const Example& row) { return is_label_list(row.gold); });
}

TrainLabels decide_labels(const LabelRequest& q, std::span<const FileLabel> labels) {
  if (q.multi_label && labels.empty() && q.indicators == 0 && q.names.empty())
    fail_input("{}: no row has a label, expected labels in some", q.data);
  TrainLabels out = choose(q, labels);
  if (q.multi_label) return out;
  refuse_one_label(q, out.map, labels);
  return out;
}

}  // namespace costeff::tasks
