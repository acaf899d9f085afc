#include "cli/flags/qa_flags.h"

#include <algorithm>

#include "base/fail.h"
#include "cli/flags/flag_checks.h"

namespace costeff::cli {
namespace {

constexpr const char* kQaOnly[] = {"--max-answer-length", "--n-best", "--squad-v2",
                                   "--null-threshold"};
constexpr const char* kNotQa[] = {"--all-exits",      "--top-k",    "--pad-to",     "--policy",
                                  "--threshold",      "--patience", "--exit-layer", "--exit-start",
                                  "--truncation",     "--pair-cut", "--join",       "--windows",
                                  "--label-threshold"};

}  // namespace

void add_qa_flags(CLI::App* verb, QaFlags* f) {
  CLI::Option* task = verb->get_option("--task");
  task->description(task->get_description() +
                    "; or qa: questions and contexts (SQuAD's .json, or two columns)");
  const char* group = "Question answering (--task qa)";
  verb->add_option("--max-answer-length", f->max_answer_length,
                   "Longest answer, in tokens (default: 30)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  verb->add_option("--n-best", f->n_best, "Also give the K likeliest answers (JSONL key nbest)")
      ->type_name("K")
      ->check(whole_number(1, 1000))
      ->group(group);
  verb->add_flag("--squad-v2", f->version_2,
                 "A question may have no answer: the answer in its row is then empty")
      ->group(group);
  verb->add_option("--null-threshold", f->null_threshold,
                   "With --squad-v2: give no answer if the logits of \"no answer\" exceed those of "
                   "the best answer by more than X (default: 0)")
      ->type_name("X")
      ->group(group);
}

bool is_qa_task(const std::string& task) { return task == "qa" || task == "squad"; }

void check_qa_flags(const CLI::App& infer, const std::string& task) {
  const bool qa = is_qa_task(task);
  const auto refuse = [&](const char* flag) {
    if (infer.count(flag) == 0) return;
    fail_usage("{}{}", flag, qa ? " says nothing with --task qa" : " needs --task qa");
  };
  if (qa) {
    for (const char* flag : kNotQa) refuse(flag);
  } else {
    for (const char* flag : kQaOnly) refuse(flag);
  }
  if (infer.count("--null-threshold") > 0 && infer.count("--squad-v2") == 0) {
    throw_usage("--null-threshold needs --squad-v2");
  }
}

QaOptions qa_options(const QaFlags& f, int64_t doc_stride) {
  QaOptions q;
  q.doc_stride = doc_stride;
  q.max_answer_length = f.max_answer_length;
  q.n_best = std::max(q.n_best, f.n_best);
  q.version_2 = f.version_2;
  q.null_threshold = f.null_threshold;
  return q;
}

}  // namespace costeff::cli
