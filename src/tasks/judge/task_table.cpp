#include "tasks/judge/task_table.h"

#include <costeff/error.h>

#include <array>

#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::tasks {
namespace {

// Source: the files of gluebenchmark.com; second names: the Hugging Face copies of them.
constexpr FieldNames kSentence[] = {{"sentence", ""}};
constexpr FieldNames kSentences[] = {{"sentence1", "sentence2"}};
constexpr FieldNames kMrpc[] = {{"#1 String", "#2 String"}, {"sentence1", "sentence2"}};
constexpr FieldNames kQnli[] = {{"question", "sentence"}};
constexpr FieldNames kQqp[] = {{"question1", "question2"}};
constexpr FieldNames kNli[] = {
    {"sentence1", "sentence2"}, {"premise", "hypothesis"}, {"Premise", "Hypothesis"}};

// The orders of the Hugging Face `glue` copies; where the official files have numbers, they agree.
// A model may count otherwise: gold.h.
constexpr std::string_view kSentiment[] = {"negative", "positive"};
constexpr std::string_view kAcceptable[] = {"unacceptable", "acceptable"};
constexpr std::string_view kEquivalent[] = {"not_equivalent", "equivalent"};
constexpr std::string_view kDuplicate[] = {"not_duplicate", "duplicate"};
constexpr std::string_view kEntailment[] = {"entailment", "not_entailment"};
constexpr std::string_view kWinograd[] = {"not_entailment", "entailment"};
constexpr std::string_view kInference[] = {"entailment", "neutral", "contradiction"};

// Source: gluebenchmark.com/tasks.
constexpr Metric kAccuracy[] = {Metric::accuracy};
constexpr Metric kAccuracyF1[] = {Metric::accuracy, Metric::f1};
constexpr Metric kMatthews[] = {Metric::matthews, Metric::accuracy};
constexpr Metric kCorrelation[] = {Metric::pearson, Metric::spearman};

// CoLA's train and dev files have no header: source, label, original mark, sentence. Its test.tsv
// has one.
constexpr std::array<Task, 10> kTasks{{
    {.name = "sst-2",
     .names = kSentence,
     .label = "label",
     .labels = kSentiment,
     .metrics = kAccuracy,
     .submission = "SST-2"},
    {.name = "cola",
     .names = kSentence,
     .label = "label",
     .bare_columns = 4,
     .bare_text = 4,
     .bare_label = 2,
     .labels = kAcceptable,
     .metrics = kMatthews,
     .submission = "CoLA"},
    {.name = "mrpc",
     .names = kMrpc,
     .label = "Quality",
     .labels = kEquivalent,
     .metrics = kAccuracyF1,
     .submission = "MRPC"},
    {.name = "rte",
     .names = kSentences,
     .label = "label",
     .labels = kEntailment,
     .metrics = kAccuracy,
     .submission = "RTE",
     .submit_names = true},
    {.name = "qnli",
     .names = kQnli,
     .label = "label",
     .labels = kEntailment,
     .metrics = kAccuracy,
     .submission = "QNLI",
     .submit_names = true},
    {.name = "qqp",
     .names = kQqp,
     .label = "is_duplicate",
     .labels = kDuplicate,
     .metrics = kAccuracyF1,
     .submission = "QQP"},
    {.name = "sts-b",
     .names = kSentences,
     .label = "score",
     .metrics = kCorrelation,
     .submission = "STS-B"},
    {.name = "mnli",
     .names = kNli,
     .label = "gold_label",
     .labels = kInference,
     .metrics = kAccuracy,
     .submission = "MNLI-m",
     .submit_names = true},
    {.name = "wnli",
     .names = kSentences,
     .label = "label",
     .labels = kWinograd,
     .metrics = kAccuracy,
     .submission = "WNLI"},
    {.name = "ax",
     .names = kNli,
     .label = "label",
     .labels = kInference,
     .metrics = kMatthews,
     .submission = "AX",
     .submit_names = true},
}};

std::string plain_task_name(std::string_view name) {
  std::string out = lower_ascii(name);
  std::erase_if(out, [](char c) { return c == '-' || c == '_'; });
  return out;
}

}  // namespace

std::span<const Task> task_table() { return kTasks; }

bool is_same_task_name(std::string_view a, std::string_view b) {
  return plain_task_name(a) == plain_task_name(b);
}

const Task& find_task(std::string_view name) {
  for (const Task& task : kTasks) {
    if (is_same_task_name(task.name, name)) return task;
  }
  throw_unknown_name("task", name, listed_names(kTasks));
}

}  // namespace costeff::tasks
