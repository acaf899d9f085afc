#include <deque>
#include <mutex>
#include <optional>

#include "base/fail.h"
#include "base/parse.h"
#include "cli/run/eval_parts.h"
#include "cli/run/labelled_pass.h"
#include "cli/run/print.h"
#include "tasks/read/qa_reader.h"
#include "tasks/report/eval_qa_writer.h"
#include "tasks/write/progress.h"

namespace costeff::cli {
namespace {

// Does the file have a question without an answer, and is thus version 2? Reads up to the first one.
bool has_impossible(const tasks::DataSet& set) {
  tasks::SquadReader reader({{set.path, std::nullopt}}, &interrupted);
  QaExample row;
  tasks::QaGold gold;
  while (reader.next(row, true, &gold) == ReadStatus::row) {
    if (gold.impossible) return true;
  }
  return false;
}

QaOptions qa_options(const EvalFlags& f, bool version_2) {
  QaOptions q = qa_options(f.qa, f.pass.doc.stride);
  q.max_length = f.pass.encode.max_length;
  q.version_2 = version_2;
  q.threads = f.pass.threads;
  q.batch_tokens = f.pass.batch_tokens;
  return q;
}

// Scores the answers to one file. nullopt: a signal came.
std::optional<tasks::QaReport> evaluate_questions(const EvalFlags& f, const Engine& engine,
                                                  const tasks::DataSet& set, int64_t* rows) {
  tasks::QaReport r;
  r.data = set;
  r.model = f.pass.model;
  r.version_2 = f.qa.version_2 || (set.path != "-" && has_impossible(set));
  r.bootstrap = bootstrap_options(f);
  if (!f.pass.quiet) {
    const char* version = r.version_2 ? "v2.0" : "v1.1";
    say("{}: SQuAD {}, scored as evaluate-{}.py does", set.path, version, version);
  }
  tasks::SquadReader reader({{set.path, std::nullopt}}, &interrupted);
  tasks::Progress progress(tasks::want_progress(f.pass.quiet, -1));
  progress.begin({.rows_limit = f.pass.limit, .one = "question", .many = "questions"});
  // Gold answers that wait for the model's; both come in the same order.
  std::deque<tasks::QaGold> golds;
  std::mutex mutex;
  const QaStats stats = engine.answer(
      [&](QaExample& row, bool may_block) {
        if (f.pass.limit > 0 && reader.rows() >= f.pass.limit) {
          reader.check_unchanged();
          return ReadStatus::end;
        }
        tasks::QaGold gold;
        const ReadStatus status = reader.next(row, may_block, &gold);
        if (status != ReadStatus::row) return status;
        if (!r.version_2 && gold.answers.empty()) {
          fail_input("{}: has no answers, expected labelled questions", row.place);
        }
        const std::lock_guard lock(mutex);
        golds.push_back(std::move(gold));
        return status;
      },
      [&](auto rows_in, auto results) {
        for (size_t i = 0; i < rows_in.size(); ++i) {
          tasks::QaGold gold;
          {
            const std::lock_guard lock(mutex);
            gold = std::move(golds.front());
            golds.pop_front();
          }
          r.scores.push_back(
              tasks::score_answer(results[i].answer.text, gold.answers, r.version_2));
          r.answerable.push_back(!gold.answers.empty());
        }
        progress.update(static_cast<int64_t>(r.scores.size()), reader.rows(), reader.bytes_done(),
                        reader.bytes_total());
      },
      qa_options(f, r.version_2), &interrupted);
  progress.erase();
  *rows = static_cast<int64_t>(r.scores.size());
  if (interrupted) return std::nullopt;
  if (r.scores.empty()) fail_input("{}: has no questions", set.path);
  r.windows = stats.windows;
  r.seconds = stats.run.wall_s;
  return r;
}

}  // namespace

int eval_qa(const EvalFlags& f, const Engine& engine, const std::vector<tasks::DataSet>& sets,
            tasks::OutputFile* output) {
  if (!engine.info().question_answering) {
    fail_usage("{}: {} has no question answering head (qa_outputs), which SQuAD needs",
               f.pass.model, engine.info().dialect);
  }
  if (!f.submit.empty()) {
    throw_usage("--submit is GLUE's; SQuAD's predictions come from infer --task qa --format squad");
  }
  for (const tasks::DataSet& set : sets) {
    const bool json = has_extension(set.path, ".json");
    if (set.path != "-" && !json && set.task_from != "--task") {
      fail_input("{}: the model answers questions, which are scored on SQuAD's .json", set.path);
    }
  }
  std::string text;
  std::vector<tasks::QaReport> reports;
  for (const tasks::DataSet& set : sets) {
    int64_t rows = 0;
    auto report = evaluate_questions(f, engine, set, &rows);
    if (!report) return say_pass_interrupted(f.pass, {rows});
    reports.push_back(std::move(*report));
  }
  if (f.format == "json") return write_output(output, tasks::qa_eval_json(reports));
  if (f.format == "tsv" && !f.no_output_header) text = tasks::qa_eval_tsv_header();
  for (const tasks::QaReport& r : reports) {
    f.format == "tsv" ? tasks::append_qa_eval_tsv(r, &text) : tasks::append_qa_eval_text(r, &text);
  }
  return write_output(output, text);
}

}  // namespace costeff::cli
