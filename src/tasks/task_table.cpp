#include "tasks/task_table.h"

#include <costeff/error.h>

#include <array>

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

// CoLA's train and dev have no header: source, label, original mark, sentence. Its test.tsv has
// one.
constexpr std::array<Task, 10> kTasks{{
    {.name = "sst-2", .names = kSentence, .label = "label"},
    {.name = "cola",
     .names = kSentence,
     .label = "label",
     .bare_columns = 4,
     .bare_text = 4,
     .bare_label = 2},
    {.name = "mrpc", .names = kMrpc, .label = "Quality"},
    {.name = "rte", .names = kSentences, .label = "label"},
    {.name = "qnli", .names = kQnli, .label = "label"},
    {.name = "qqp", .names = kQqp, .label = "is_duplicate"},
    {.name = "sts-b", .names = kSentences, .label = "score"},
    {.name = "mnli", .names = kNli, .label = "gold_label"},
    {.name = "wnli", .names = kSentences, .label = "label"},
    {.name = "ax", .names = kNli, .label = "label"},
}};

std::string normal_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '-' || c == '_') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace

std::span<const Task> task_table() { return kTasks; }

const Task& find_task(std::string_view name) {
  std::string known;
  for (const Task& task : kTasks) {
    if (normal_name(task.name) == normal_name(name)) return task;
    known += (known.empty() ? "" : ", ") + std::string(task.name);
  }
  throw_usage("task \"" + printable(name, 40) + "\" is not known, expected one of " + known);
}

}  // namespace costeff::tasks
