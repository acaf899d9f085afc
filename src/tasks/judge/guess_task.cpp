#include <algorithm>
#include <array>
#include <filesystem>

#include "base/parse.h"
#include "tasks/judge/gold.h"
#include "tasks/lines/delimited.h"
#include "tasks/lines/line_reader.h"

namespace costeff::tasks {
namespace {

// Names of parts and copies that are not in the task table.
struct Alias {
  std::string_view name, task;
};
constexpr std::array<Alias, 7> kAliases{{{"mnli-m", "mnli"},
                                         {"mnli-mm", "mnli"},
                                         {"mnli-matched", "mnli"},
                                         {"mnli-mismatched", "mnli"},
                                         {"diagnostic", "ax"},
                                         {"diagnostics", "ax"},
                                         {"sst", "sst-2"}}};

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// A task's name among the words of "MNLI_dev.tsv": one word, or two next to each other ("sst-2").
const Task* task_in_words(const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : lower_ascii(name)) {
    if (is_letter_or_digit(c)) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  for (size_t i = 0; i < words.size(); ++i) {
    if (i + 1 < words.size()) {
      if (const Task* task = maybe_task(words[i] + words[i + 1])) return task;
    }
    // "sst" alone may be SST-1 as well; shorter words occur in any name.
    if (words[i].size() < 3 || words[i] == "sst") continue;
    if (const Task* task = maybe_task(words[i])) return task;
  }
  return nullptr;
}

// The task whose columns no other task has; null: there is none.
const Task* task_of_header(const std::string& line) {
  std::vector<std::string_view> fields;
  split_tsv(line, &fields);
  const auto has = [&](std::string_view name) {
    return std::find(fields.begin(), fields.end(), name) != fields.end();
  };
  if (has("#1 String") && has("#2 String")) return maybe_task("mrpc");
  if (has("question1") && has("question2")) return maybe_task("qqp");
  if (has("question") && has("sentence")) return maybe_task("qnli");
  if (has("sentence1") && has("sentence2") && has("score")) return maybe_task("sts-b");
  if (has("sentence1") && has("sentence2") && has("gold_label")) return maybe_task("mnli");
  return nullptr;
}

// Whether a file has the task's columns. One with the task's name may be a user's own, with others.
// line: its first line.
bool has_columns(const Task& task, const std::string& line) {
  if (line.empty() || line.starts_with('{') || line.starts_with('[') || task.bare_columns > 0) {
    return true;
  }
  std::string tabs = line;
  if (tabs.find('\t') == std::string::npos) {
    for (char& c : tabs) c = c == ',' || c == ';' || c == '|' ? '\t' : c;
    std::erase(tabs, '"');
  }
  std::vector<std::string_view> fields;
  split_tsv(tabs, &fields);
  const auto has = [&](std::string_view name) {
    return name.empty() || std::find(fields.begin(), fields.end(), name) != fields.end();
  };
  return std::any_of(task.names.begin(), task.names.end(),
                     [&](const FieldNames& n) { return has(n.text) && has(n.pair); });
}

std::string first_line(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  constexpr size_t kHeadBytes = 4096;
  LineReader reader({path, std::nullopt}, nullptr, kHeadBytes);
  std::string_view head;
  (void)reader.peek(&head, kHeadBytes, true);
  std::string line(head.substr(0, kHeadBytes));
  line.resize(std::min(line.find_first_of("\r\n"), line.size()));
  if (line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  return line;
}

}  // namespace

const Task* maybe_task(std::string_view name) {
  for (const Alias& alias : kAliases) {
    if (is_same_task_name(alias.name, name)) return maybe_task(alias.task);
  }
  for (const Task& task : task_table()) {
    if (is_same_task_name(task.name, name)) return &task;
  }
  return nullptr;
}

FoundTask guess_task(const std::string& path, const ModelInfo& model) {
  const std::filesystem::path file(path);
  if (path != "-") {
    const std::string line = first_line(path);
    if (const Task* task = task_in_words(file.stem().string())) {
      return {task, "the file's name", has_columns(*task, line)};
    }
    // Only the whole name of the directory counts: "my-rte-notes" is not RTE.
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(file, error);
    if (const Task* task = maybe_task(absolute.parent_path().filename().string())) {
      return {task, "the directory's name", has_columns(*task, line)};
    }
    if (const Task* task = task_of_header(line)) return {task, "the columns", true};
  }
  if (const Task* task = maybe_task(model.task)) {
    return {task, "config.json's finetuning_task", false};
  }
  return {};
}

}  // namespace costeff::tasks
