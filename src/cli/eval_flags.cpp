#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/eval.h"
#include "cli/flag_checks.h"

namespace costeff::cli {
namespace {

constexpr const char* kEvalFooter =
    "Every exit is computed in one pass; any number of policies is judged from it\n"
    "exactly as infer would answer. Intervals of accuracy (and exact) are exact\n"
    "binomial (Clopper-Pearson), all others bootstrap percentiles; the output says\n"
    "which.\n\n"
    "  tsv   a line for each policy, then for each exit (kind policy or exit):\n"
    "        data task kind policy setting layer rows\n"
    "        accuracy accuracy_low accuracy_high, and so f1 macro_f1 matthews\n"
    "        pearson spearman, then mean_exit_layer layers_saved speedup_layers\n"
    "        macs speedup_macs mean_entropy seconds exit_histogram; nan where there\n"
    "        is no number\n"
    "  json  evaluations: a list of data task labels rows seconds ..., with policies\n"
    "        and exits: metrics, confusion, the costs, exit_histogram; null where\n"
    "        there is no number\n"
    "  layers_saved is 1 - sum(exit layer) / (rows layers), speedup_layers its\n"
    "  inverse N L / sum(exit layer); macs are multiply-accumulates a row, off-ramps\n"
    "  included, speedup_macs against full depth without off-ramps; seconds only\n"
    "  with --timed.\n"
    "  SQuAD: tsv has a line for all, has_answer, no_answer: data task part rows\n"
    "  exact exact_low exact_high f1 f1_low f1_high windows seconds; json the same\n"
    "  names. All metrics are shares, 0.5 and not 50.\n\n"
    "Examples:\n"
    "  costeff eval models/sst2-slender --data glue/SST-2 --thresholds 0:0.7:0.1\n"
    "  costeff eval MODEL --data glue/MNLI            # matched and mismatched\n"
    "  costeff eval MODEL --data mine.csv --text-field text --label-field stars\n"
    "  costeff eval MODEL --data glue/QQP -S 0.1 --point patience:3 --format json\n"
    "  costeff eval MODEL --data glue/RTE --submit out # out/RTE.tsv, of test.tsv\n"
    "  costeff eval QA-MODEL --data dev-v2.0.json\n\n";

void add_data_flags(CLI::App* sub, EvalFlags* f) {
  const char* group = "Data";
  sub->add_option("DATA", f->more_data, "As --data");
  sub->add_option("--data", f->pass.data,
                  "A file with labels, or a directory: of a task (dev.tsv; MNLI: both dev files), "
                  "or of tasks by their names (the model's is taken); - is standard input. May be "
                  "given more than once")
      ->allow_extra_args(false)  // --data FILE MODEL: MODEL is the model
      ->type_name("FILE|DIR")
      ->group(group);
  sub->add_option("--split", f->pass.split,
                  "Files that a directory is asked for: dev (default), train or test (default "
                  "with --submit)")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--label-field,--label-column", f->pass.label_field,
                  "The gold label: a JSONL field, or a column by name or by number from 1. "
                  "Without it: the task's, else label, gold_label, ... as the file has them")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--label-order", f->pass.label_order,
                  "What the model's labels 0, 1, ... mean, as the file calls them: "
                  "contradiction,entailment,neutral. Without it: the model's own names, else the "
                  "order usual for the task")
      ->type_name("A,B,...")
      ->group(group);
  add_bad_row_flags(sub, group, &f->pass.bad_rows);
  sub->add_option("--limit", f->pass.limit, "Only the first N rows of each file")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 40))
      ->group(group);
}

void add_output_flags(CLI::App* sub, EvalFlags* f) {
  const char* group = "Output";
  sub->add_option("--format", f->format, "text (default), tsv or json")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--output,-o", f->output, "Write here instead of standard output (-)")
      ->type_name("FILE")
      ->group(group);
  sub->add_flag("--no-output-header", f->no_output_header, "No line of column names")->group(group);
  sub->add_option("--submit", f->submit,
                  "Score nothing, but write the files that the GLUE site takes into this "
                  "directory (index, prediction), from data without labels")
      ->type_name("DIR")
      ->group(group);
  sub->add_option("--metrics", f->metrics,
                  "accuracy, f1, macro_f1, matthews, pearson, spearman: a list. Without it: those "
                  "of the task")
      ->type_name("LIST")
      ->group(group);
  sub->add_option("--confidence", f->confidence, "Of the intervals (default: 0.95)")
      ->type_name("X")
      ->check(number_between(0.5, 0.999999))
      ->group(group);
  sub->add_option("--bootstrap", f->samples, "Samples of the bootstrap (default: 1000)")
      ->type_name("N")
      ->check(whole_number(10, 1000000))
      ->group(group);
  sub->add_option("--seed", f->seed, "Of the bootstrap (default: 1)")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 62))
      ->group(group);
  sub->add_flag("--timed", f->timed,
                "Also run each policy in earnest and give its seconds (costeff sweep --timed "
                "measures with more care)")
      ->group(group);
  sub->add_flag("--quiet,-q", f->pass.quiet, "Nothing on stderr but errors")->group(group);
}

void add_computing_flags(CLI::App* sub, EvalFlags* f) {
  const char* group = "Computing";
  add_thread_flags(sub, group, &f->pass.threads, &f->pass.batch_tokens);
  sub->add_option("--pad-to", f->pass.pad_to,
                  "Averaging off-ramps also count [PAD] up to N tokens, as COST-EFF's code does")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  add_load_flags(sub, group, &f->pass.load);
}

}  // namespace

void add_eval(CLI::App* app, std::function<int()>* run) {
  auto f = std::make_shared<EvalFlags>();
  CLI::App* sub = app->add_subcommand(
      "eval", "Score a model on labelled data: metrics, exits and cost of any exit policy");
  sub->footer(std::string(kEvalFooter) + kExitCodes);
  sub->add_option("MODEL", f->pass.model, "Checkpoint directory")->required();
  add_data_flags(sub, f.get());
  add_format_flags(sub, &f->pass.input);
  add_point_flags(sub, &f->points);
  add_output_flags(sub, f.get());
  add_encode_flags(sub, &f->pass.encode);
  add_computing_flags(sub, f.get());
  add_qa_flags(sub, &f->qa);
  sub->remove_option(sub->get_option("--n-best"));
  sub->get_option("--task")->description(
      "What the data is of: sst-2, cola, mrpc, rte, qnli, qqp, sts-b, mnli, wnli, ax, squad, or "
      "none. Without it: found by the names of file and directory, the columns, or config.json");
  sub->callback([=] {
    f->pass.data.insert(f->pass.data.end(), f->more_data.begin(), f->more_data.end());
    *run = [=] { return eval(*f); };
  });
}

}  // namespace costeff::cli
