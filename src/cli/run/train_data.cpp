#include "cli/run/train_data.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "cli/run/open.h"
#include "cli/run/print.h"
#include "tasks/judge/train_metric.h"
#include "tasks/lines/run_files.h"
#include "tasks/read/labelled_rows.h"
#include "tasks/write/json_writer.h"

namespace costeff::cli {
namespace {

constexpr double kUsualDevShare = 0.1;

std::vector<tasks::DataSet> find_sets(const TrainFlags& f, const std::vector<std::string>& data,
                                      const std::string& split, const BackboneInfo& backbone) {
  ModelInfo model;
  model.task = backbone.task;
  std::vector<tasks::DataSet> sets = tasks::find_data_sets(data, split, f.pass.input.task, model);
  if (std::any_of(sets.begin(), sets.end(), [](const tasks::DataSet& s) { return s.squad; }))
    throw_usage("questions (SQuAD) cannot be trained on, expected texts with labels");
  for (tasks::DataSet& set : sets) {
    // The backbone's own task finds the directory, but it says nothing about a file of the user's.
    if (!set.columns && set.task && set.task_from.starts_with("config.json")) set.task = nullptr;
  }
  return sets;
}

// MNLI's models are chosen by the matched rows, as in the papers.
void keep_matched(std::vector<tasks::DataSet>* sets) {
  const auto named = [](const char* name) {
    return [name](const tasks::DataSet& s) { return s.name == name; };
  };
  if (std::any_of(sets->begin(), sets->end(), named("mnli-m")))
    std::erase_if(*sets, named("mnli-mm"));
}

// The rows to judge by, if they are in files: --dev, or the dev sets of the directories that --data
// names, if there are any.
std::vector<tasks::DataSet> find_dev_sets(const TrainFlags& f, const BackboneInfo& backbone) {
  std::vector<tasks::DataSet> sets;
  if (!f.dev.empty()) {
    sets = find_sets(f, f.dev, "dev", backbone);
  } else if (!f.dev_share && std::any_of(f.pass.data.begin(), f.pass.data.end(), is_directory)) {
    std::vector<std::string> directories;
    std::copy_if(f.pass.data.begin(), f.pass.data.end(), std::back_inserter(directories),
                 is_directory);
    try {
      sets = find_sets(f, directories, "dev", backbone);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::input) throw;
      if (!f.pass.quiet) say_text(e.what());
    }
  }
  keep_matched(&sets);
  return sets;
}

std::string set_names(const std::vector<tasks::DataSet>& sets) {
  std::string names;
  for (const tasks::DataSet& set : sets)
    append_format(&names, "{}{}", names.empty() ? "" : ", ",
                  printable(tasks::input_name({set.path, std::nullopt}), 200));
  return names;
}

tasks::LabelledRows read_rows(const TrainFlags& f, const std::vector<tasks::DataSet>& sets,
                              int64_t limit, const tasks::BadRowSink& bad, bool labelled = true) {
  tasks::LabelledRows rows;
  for (const tasks::DataSet& set : sets) {
    tasks::InputOptions reading = pass_input_options(f.pass, set, labelled);
    reading.say = reading_remarks(f.pass.quiet);
    tasks::read_labelled_rows(set, reading, limit, bad, &interrupted, &rows);
  }
  return rows;
}

// The task of all sets; null: of some it is not known. Throws Error(usage) for rows of two tasks, whose
// labels would be thrown together.
const tasks::Task* common_task(const std::vector<tasks::DataSet>& sets) {
  const tasks::DataSet& first = sets.front();
  const tasks::Task* task = first.task;
  for (const tasks::DataSet& set : sets) {
    if (set.task && first.task && set.task != first.task) {
      fail_usage(
          "{} is of task {} and {} of {}, expected rows of one task; --task none reads them "
          "as they are",
          printable(first.path, 200), first.task->name, printable(set.path, 200), set.task->name);
    }
    if (!set.task) task = nullptr;
  }
  return task;
}

void check_sets(const TrainFlags& f, const tasks::LabelRequest& q) {
  if (f.regression)
    fail_usage("--regression: {} has rows with lists of labels, expected scores", q.data);
  if (q.task) {
    fail_usage(
        "task {} has {} a row, and these rows have any number of labels; --task none leaves "
        "the task out",
        q.task->name, q.task->labels.empty() ? "a score" : "one label");
  }
}

// Decides what the labels are, and says so.
void choose_labels(const TrainFlags& f, const BackboneInfo& backbone,
                   const std::vector<tasks::DataSet>& sets, const std::vector<Example>& rows,
                   TrainData* data) {
  tasks::LabelRequest request;
  request.data = set_names(sets);
  request.task = data->task;
  request.names = f.labels;
  request.regression = f.regression;
  request.multi_label =
      f.multi_label || (is_multi_label(backbone) && !f.regression) || tasks::have_label_lists(rows);
  if (is_multi_label(backbone) == request.multi_label && !is_regression(backbone))
    request.backbone = backbone.labels;
  request.roberta = backbone.roberta;
  if (request.multi_label) {
    check_sets(f, request);
    const tasks::FileLabelSets found = tasks::label_sets_in(rows);
    request.indicators = found.indicators;
    data->labels = tasks::decide_labels(request, found.labels);
  } else {
    data->labels = tasks::decide_labels(request, tasks::labels_in(rows));
  }
  if (f.pass.quiet) return;
  const std::string task =
      data->task ? fmt::format("task {} ({})", data->task->name, sets.front().task_from)
                 : "no known task";
  say("{}: {}; {}", request.data, task, data->labels.notes.front());
  for (size_t i = 1; i < data->labels.notes.size(); ++i) say_text(data->labels.notes[i]);
}

void split_dev(const TrainFlags& f, TrainData* data) {
  const double share = f.dev_share.value_or(kUsualDevShare);
  if (share == 0) return;
  data->dev_from = fmt::format("a share of {} of them", shortest(share));
  data->dev = split_off_dev(&data->train, share, static_cast<uint64_t>(f.seed));
  if (!data->dev.empty() && !data->train.empty()) return;
  // All rows are on one side. Equal texts stay together, so more of the same would not help.
  const std::vector<TrainRow>& all = data->dev.empty() ? data->train : data->dev;
  const auto rows = static_cast<int64_t>(all.size());
  const int64_t texts = tasks::count_texts(all);
  const bool equal = 2 * texts <= rows;
  fail_input(
      "{}: {}{}; a share of {} leaves none to {}, expected more {}, --dev FILE or another "
      "--dev-share",
      set_names(data->train_sets), counted(rows, "row", "rows"),
      equal ? ", but only " + counted(texts, "different text", "different texts") : "",
      shortest(share), data->dev.empty() ? "judge by" : "train on",
      equal ? "different texts" : "rows");
}

void warn_no_rows(const TrainData& data, size_t label, int64_t dev_rows) {
  const std::string some =
      dev_rows > 0 ? fmt::format(", but {} to judge by", counted(dev_rows, "row", "rows")) : "";
  say("warning: label {} has no row to train on{}", printable(data.labels.map.names[label], 40),
      some);
}

// Of multi-label rows.
void check_label_sets(const TrainFlags& f, const TrainData& data) {
  const auto differs = [&](const TrainRow& r) { return r.labels != data.train.front().labels; };
  if (std::none_of(data.train.begin(), data.train.end(), differs)) {
    fail_input("{}: the rows to train on have the same labels, expected different ones",
               set_names(data.train_sets));
  }
  if (f.pass.quiet) return;
  const auto train = tasks::rows_with_labels(data.train, data.labels.map.num_labels);
  const auto dev = tasks::rows_with_labels(data.dev, data.labels.map.num_labels);
  for (size_t i = 0; i < train.size(); ++i)
    if (train[i] == 0) warn_no_rows(data, i, dev[i]);
}

// Classes that lack rows to train on; rows that all have one answer.
void check_classes(const TrainFlags& f, const TrainData& data) {
  const tasks::LabelMap& map = data.labels.map;
  if (is_regression(map)) {
    const auto differs = [&](const TrainRow& r) { return r.score != data.train.front().score; };
    if (std::any_of(data.train.begin(), data.train.end(), differs)) return;
    fail_input("{}: the rows to train on have one score, expected at least two",
               set_names(data.train_sets));
  }
  if (is_multi_label(map)) return check_label_sets(f, data);
  const auto train = tasks::rows_of_classes(data.train, map.num_labels);
  const auto dev = tasks::rows_of_classes(data.dev, map.num_labels);
  const auto present =
      std::count_if(train.begin(), train.end(), [](int64_t rows) { return rows > 0; });
  if (present < 2) {
    fail_input("{}: the rows to train on have one label, expected at least two",
               set_names(data.train_sets));
  }
  if (f.pass.quiet) return;
  for (size_t i = 0; i < train.size(); ++i) {
    if (train[i] == 0) warn_no_rows(data, i, dev[i]);
  }
}

void say_row_remarks(const TrainFlags& f, const TrainData& data) {
  if (f.pass.quiet) return;
  RunStats odd;
  odd.empty_rows = tasks::count_without_text(data.train) + tasks::count_without_text(data.dev);
  for (const auto* rows : {&data.train, &data.dev}) {
    odd.bad_utf8_rows += std::count_if(rows->begin(), rows->end(), [](const TrainRow& r) {
      return !is_utf8(r.example.text_a) || (r.example.text_b && !is_utf8(*r.example.text_b));
    });
  }
  say_row_warnings(odd);
  if (data.dev_sets.empty()) return;
  if (const int64_t shared = tasks::count_shared(data.train, data.dev); shared > 0) {
    say("warning: {} of the {} to judge by {} also among those to train on, which flatters the "
        "evaluations",
        shared, counted(static_cast<int64_t>(data.dev.size()), "row", "rows"),
        shared == 1 ? "is" : "are");
  }
}

// The object "data" of training.json: what the run was of, by contents.
std::string record_of(const TrainData& data) {
  std::string out;
  tasks::JsonWriter json(&out);
  const auto write_files = [&](const std::vector<tasks::DataSet>& sets) {
    json.begin_array();
    for (const tasks::DataSet& set : sets) {
      json.begin_object();
      json.field("file", set.path);
      const int64_t bytes = tasks::input_bytes({set.path, std::nullopt});
      if (bytes >= 0) {
        json.field("bytes", bytes);
        json.field("hash", tasks::content_hash(set.path));
      }
      json.end_object();
    }
    json.end_array();
  };
  json.begin_object();
  json.key("train");
  write_files(data.train_sets);
  json.key("dev");
  write_files(data.dev_sets);
  json.field("rows", static_cast<int64_t>(data.train.size()));
  json.field("dev_rows", static_cast<int64_t>(data.dev.size()));
  json.field("labels", data.labels.notes.front());
  json.end_object();
  return out;
}

void check_metric(tasks::Metric metric, const tasks::LabelMap& map) {
  if (const std::string fault = tasks::metric_fault(metric, map.problem); !fault.empty())
    throw_usage(fault);
  if (metric == tasks::Metric::hamming_loss)
    throw_usage(
        "--metric hamming_loss is better where it is lower, expected subset_accuracy, "
        "micro_f1, macro_f1 or sample_f1");
  // F1 is of one class against the other, and of more classes none is the positive one.
  if (metric == tasks::Metric::f1 && map.num_labels > 2)
    fail_usage(
        "--metric f1 is of two classes, and there are {}; expected macro_f1, accuracy or "
        "matthews",
        map.num_labels);
}

tasks::BadRowSink sink_of(const TrainFlags& f, tasks::BadRows* bad) {
  if (!f.pass.bad_rows.skip()) return {};
  return [bad](const Example& row, const std::string& error) { (void)bad->add(row, error); };
}

void take_dev(tasks::LabelledRows dev, const tasks::BadRowSink& sink, TrainData* data) {
  data->dev = tasks::to_train_rows(data->labels.map, std::move(dev.rows), sink);
  if (data->dev.empty())
    fail_input("{}: has no rows, expected labelled ones", set_names(data->dev_sets));
  data->dev_sources = std::move(dev.sources);
}

}  // namespace

TrainData read_train_data(const TrainFlags& f, const BackboneInfo& backbone, tasks::BadRows* bad) {
  TrainData data;
  data.train_sets = find_sets(f, f.pass.data, "train", backbone);
  data.task = common_task(data.train_sets);
  data.dev_sets = find_dev_sets(f, backbone);
  const tasks::BadRowSink sink = sink_of(f, bad);
  tasks::LabelledRows train = read_rows(f, data.train_sets, f.pass.limit, sink);
  if (interrupted) return data;
  if (train.rows.empty())
    fail_input("{}: has no rows, expected labelled ones", set_names(data.train_sets));
  choose_labels(f, backbone, data.train_sets, train.rows, &data);
  data.sources = std::move(train.sources);
  data.train = tasks::to_train_rows(data.labels.map, std::move(train.rows), sink);
  if (data.train.empty()) fail_input("{}: has no row that can be used", set_names(data.train_sets));

  if (data.dev_sets.empty()) {
    split_dev(f, &data);
  } else {
    tasks::LabelledRows dev = read_rows(f, data.dev_sets, 0, sink);
    if (interrupted) return data;
    take_dev(std::move(dev), sink, &data);
  }
  check_classes(f, data);
  say_row_remarks(f, data);
  return data;
}

TrainData read_unlabelled_data(const TrainFlags& f, const BackboneInfo& backbone,
                               tasks::BadRows* bad) {
  if (f.dev_share) throw_usage("--dev-share: rows without labels are not to judge by, --dev's are");
  TrainData data;
  data.train_sets = find_sets(f, f.pass.data, "train", backbone);
  if (!f.dev.empty()) data.dev_sets = find_dev_sets(f, backbone);
  const tasks::BadRowSink sink = sink_of(f, bad);
  tasks::LabelledRows rows = read_rows(f, data.train_sets, f.pass.limit, sink, false);
  if (interrupted) return data;
  if (rows.rows.empty()) fail_input("{}: has no rows", set_names(data.train_sets));
  data.sources = std::move(rows.sources);
  data.train.resize(rows.rows.size());
  for (size_t i = 0; i < rows.rows.size(); ++i) data.train[i].example = std::move(rows.rows[i]);
  data.labels.map.problem = backbone.problem;
  data.labels.map.num_labels = backbone.num_labels;
  data.labels.map.names = backbone.labels;
  data.labels.notes = {"none"};
  if (!data.dev_sets.empty()) {
    data.task = common_task(data.dev_sets);
    tasks::LabelledRows dev = read_rows(f, data.dev_sets, 0, sink);
    if (interrupted) return data;
    choose_labels(f, backbone, data.dev_sets, dev.rows, &data);
    take_dev(std::move(dev), sink, &data);
  }
  say_row_remarks(f, data);
  return data;
}

tasks::Metric train_metric(const TrainFlags& f, const TrainData& data) {
  const tasks::LabelMap& map = data.labels.map;
  if (!f.metric.empty()) {
    const tasks::Metric metric = tasks::metric_from_name(f.metric);
    check_metric(metric, map);
    return metric;
  }
  if (data.labels.task) return data.labels.task->metrics.front();
  return is_regression(map)    ? tasks::Metric::pearson
         : is_multi_label(map) ? tasks::Metric::micro_f1
                               : tasks::Metric::accuracy;
}

void add_pos_weights(const TrainFlags& f, const TrainData& data, TrainOptions* o) {
  const tasks::LabelMap& map = data.labels.map;
  if (!is_multi_label(map))
    fail_usage("--pos-weight: the rows have {}, expected any number of labels (--multi-label)",
               answer_kind(map.problem));
  o->pos_weights = f.pos_weight == "balanced"
                       ? tasks::balanced_pos_weights(data.train, map.num_labels)
                       : given_pos_weights(f);
  if (o->pos_weights.size() == 1)
    o->pos_weights.assign(static_cast<size_t>(map.num_labels), o->pos_weights[0]);
  if (static_cast<int64_t>(o->pos_weights.size()) != map.num_labels) {
    fail_usage("--pos-weight has {}, expected one, or {}, one for each label",
               counted(static_cast<int64_t>(o->pos_weights.size()), "number", "numbers"),
               map.num_labels);
  }
}

void add_data_options(const TrainFlags& f, const TrainData& data, TrainOptions* o) {
  const tasks::LabelMap& map = data.labels.map;
  o->problem = map.problem;
  o->labels = map.names;
  if (data.labels.task) o->task = data.labels.task->name;
  const tasks::Metric metric = train_metric(f, data);
  o->metric_name = tasks::metric_name(metric);
  o->metric = [metric, positive = map.positive](std::span<const TrainRow> rows,
                                                const ExitTable& table) {
    return tasks::exit_metric(metric, positive, rows, table);
  };
  if (!f.class_weights.empty()) {
    if (is_regression(map)) throw_usage("--class-weights: the rows have scores (regression)");
    if (is_multi_label(map))
      throw_usage("--class-weights: the rows have any number of labels, expected --pos-weight");
    o->class_weights = f.class_weights == "balanced"
                           ? tasks::balanced_weights(data.train, map.num_labels)
                           : given_class_weights(f);
    if (static_cast<int64_t>(o->class_weights.size()) != map.num_labels) {
      fail_usage("--class-weights has {}, expected {}, one for each class",
                 counted(static_cast<int64_t>(o->class_weights.size()), "number", "numbers"),
                 map.num_labels);
    }
  }
  if (!f.pos_weight.empty()) add_pos_weights(f, data, o);
  if (map.problem != ProblemType::single_label && o->label_smoothing > 0)
    fail_usage("--label-smoothing: the rows have {}", answer_kind(map.problem));
  o->record = record_of(data);
}

}  // namespace costeff::cli
