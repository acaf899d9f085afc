#include "tasks/read/data_sets.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "tasks/lines/content.h"

namespace costeff::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kSetExtensions{".tsv", ".jsonl", ".csv", ".ndjson",
                                                         ".json"};

bool is_squad_name(std::string_view name) { return name == "qa" || name.starts_with("squad"); }

bool is_directory(const std::string& path) {
  std::error_code error;
  return path != "-" && fs::is_directory(path, error);
}
bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

// The names, without extension, that the files of a split may have.
std::vector<std::string> stems_of(const std::string& split) {
  std::vector<std::string> stems{split, split + "_matched", split + "_mismatched", split + "-v1.1",
                                 split + "-v2.0"};
  if (split == "dev")
    stems.insert(stems.end(), {"validation", "validation_matched", "validation_mismatched"});
  return stems;
}

// The path of the file, or of the file packed; "": neither exists.
std::string file_or_packed(const fs::path& path) {
  for (const char* packed : {"", ".gz", ".zst"}) {
    if (is_file(path.string() + packed)) return path.string() + packed;
  }
  return "";
}

std::vector<std::string> files_of_split(const fs::path& dir, const std::string& split) {
  std::vector<std::string> found;
  for (const std::string& stem : stems_of(split)) {
    for (const std::string_view extension : kSetExtensions) {
      const std::string path = file_or_packed(dir / (stem + std::string(extension)));
      if (path.empty()) continue;
      found.push_back(path);
      break;  // the same rows in another format
    }
  }
  // GLUE's diagnostic set has no splits.
  for (const char* name : {"diagnostic.tsv", "diagnostic-full.tsv", "AX.tsv"}) {
    if (found.empty() && is_file(dir / name)) found.push_back((dir / name).string());
  }
  return found;
}

// The sub-directory of a GLUE directory that has the name of the task; "": there is none.
std::string task_directory(const fs::path& dir, const Task& task) {
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    if (entry.is_directory(error) && maybe_task(entry.path().filename().string()) == &task) {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? "" : found.front();
}

std::string name_of(const DataSet& set) {
  const fs::path path(set.path);
  if (set.squad) return "squad";
  if (!set.task) return set.path == "-" ? "stdin" : path.filename().string();
  std::string name(set.task->name);
  const std::string stem =
      lower_ascii(fs::path(std::string(without_packing(set.path))).stem().string());
  const auto ends = [&](std::string_view end) { return stem.ends_with(end); };
  if (name == "mnli" && (ends("_mismatched") || ends("-mm"))) return name + "-mm";
  if (name == "mnli" && (ends("_matched") || ends("-m"))) return name + "-m";
  return name;
}

DataSet describe(const std::string& path, const std::string& task_name, const ModelInfo& model) {
  DataSet set;
  set.path = path;
  if (is_squad_name(lower_ascii(task_name)) || (task_name.empty() && model.question_answering)) {
    set.squad = true;
    set.task_from = task_name.empty() ? "the model's question answering head" : "--task";
  } else if (!task_name.empty() && task_name != "none") {
    set.task = maybe_task(task_name);
    if (!set.task) set.task = &find_task(task_name);  // throws
    set.task_from = "--task";
    set.columns = true;
  } else if (task_name.empty()) {
    const FoundTask found = guess_task(path, model);
    set.task = found.task;
    set.task_from = found.from;
    set.columns = found.columns;
  }
  set.name = name_of(set);
  return set;
}

// The files in the directory itself, or in the task's directory below it.
std::vector<std::string> files_of_directory(const std::string& dir, const std::string& split,
                                            const std::string& task_name, const ModelInfo& model) {
  std::vector<std::string> files = files_of_split(dir, split);
  const Task* task = maybe_task(task_name.empty() ? model.task : task_name);
  if (files.empty() && task) {
    if (const std::string below = task_directory(dir, *task); !below.empty()) {
      files = files_of_split(below, split);
    }
  }
  if (files.empty()) {
    const std::string nor =
        task ? fmt::format(", nor a directory of task {} that has them", task->name) : "";
    fail_input("{0}: has no {1}.tsv (or .jsonl, .csv), {1}_matched.tsv{2}", dir, split, nor);
  }
  return files;
}

}  // namespace

std::vector<DataSet> find_data_sets(const std::vector<std::string>& data, const std::string& split,
                                    const std::string& task_name, const ModelInfo& model) {
  if (split != "dev" && split != "train" && split != "test") {
    fail_usage("split \"{}\", expected dev, train or test", printable(split, 40));
  }
  if (!task_name.empty() && task_name != "none" && !is_squad_name(lower_ascii(task_name)) &&
      !maybe_task(task_name)) {
    (void)find_task(task_name);  // throws, and lists the tasks
  }
  std::vector<DataSet> sets;
  for (const std::string& path : data) {
    if (path.empty()) throw_usage("the name of a data file is empty");
    if (!is_directory(path)) {
      sets.push_back(describe(path, task_name, model));
      continue;
    }
    for (const std::string& file : files_of_directory(path, split, task_name, model)) {
      sets.push_back(describe(file, task_name, model));
    }
  }
  return sets;
}

}  // namespace costeff::tasks
