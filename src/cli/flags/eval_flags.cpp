#include "cli/flags/eval_flags.h"

#include <costeff/engine.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/label_flags.h"
#include "tasks/lines/line_reader.h"

namespace costeff::cli {
namespace {

constexpr const char* kEvalFooter =
    "One pass computes every exit; any number of policies is then judged from it,\n"
    "exactly as infer would answer. The intervals of accuracy (and of SQuAD's exact\n"
    "match) are exact binomial (Clopper-Pearson), all others bootstrap percentiles;\n"
    "the output says which.\n\n"
    "  tsv   a line for each policy, then for each exit (kind: policy or exit):\n"
    "        data task kind policy setting layer rows\n"
    "        accuracy accuracy_low accuracy_high, likewise f1 macro_f1 matthews\n"
    "        pearson spearman, then mean_exit_layer layers_saved speedup_layers\n"
    "        macs speedup_macs mean_entropy seconds exit_histogram, and for\n"
    "        multi-label models then subset_accuracy micro_f1 sample_f1\n"
    "        hamming_loss as accuracy; nan where there is no number\n"
    "  json  evaluations: a list of data task labels rows seconds ..., with policies\n"
    "        and exits: metrics, confusion (multi-label: by_label), the costs,\n"
    "        exit_histogram; null where there is no number\n"
    "  With N rows and L layers, layers_saved is 1 - sum(exit layer) / (N L) and\n"
    "  speedup_layers is N L / sum(exit layer). macs are multiply-accumulates per\n"
    "  row, off-ramps included; speedup_macs compares them with full depth without\n"
    "  off-ramps. seconds are given with --timed only.\n"
    "  SQuAD: tsv has a line each for all, has_answer and no_answer: data task part\n"
    "  rows exact exact_low exact_high f1 f1_low f1_high windows seconds; json has\n"
    "  the same names. All metrics are shares: 0.5, not 50.\n\n"
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
                  "A file with labels, the directory of a task (dev.tsv; MNLI: both dev files), or "
                  "a directory of such directories (the model's task is used); - is standard "
                  "input. May be given more than once")
      ->allow_extra_args(false)  // --data FILE MODEL: MODEL is the model
      ->type_name("FILE|DIR")
      ->group(group);
  add_label_threshold_flag(sub, group, &f->pass.label_threshold);
  sub->add_option("--split", f->pass.split,
                  "Files to read in a directory: dev (default), train or test (default with "
                  "--submit)")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--label-field,--label-column", f->pass.label_field,
                  "The gold label: a JSONL field, or a column by name or by number from 1. "
                  "Default: the task's, else label, gold_label, ..., whichever the file has")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--label-order", f->pass.label_order,
                  "What the model's labels 0, 1, ... mean, in the words of the file: "
                  "contradiction,entailment,neutral. Default: the model's own names, else the "
                  "usual order of the task")
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
                  "Score nothing; write the files that the GLUE site accepts (index, prediction) "
                  "into this directory, from data without labels")
      ->type_name("DIR")
      ->group(group);
  sub->add_option("--metrics", f->metrics,
                  "A list of accuracy, f1, macro_f1, matthews, pearson, spearman; multi-label: "
                  "subset_accuracy, micro_f1, macro_f1, sample_f1, hamming_loss. Default: those of "
                  "the task")
      ->type_name("LIST")
      ->group(group);
  sub->add_option("--confidence", f->confidence, "Confidence of the intervals (default: 0.95)")
      ->type_name("X")
      ->check(number_between(0.5, 0.999999))
      ->group(group);
  sub->add_option("--bootstrap", f->samples, "Samples of the bootstrap (default: 1000)")
      ->type_name("N")
      ->check(whole_number(10, 1000000))
      ->group(group);
  sub->add_option("--seed", f->seed, "Seed of the bootstrap (default: 1)")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 62))
      ->group(group);
  sub->add_flag(
         "--timed", f->timed,
         "Also run each policy for real and give its seconds (costeff sweep --timed measures "
         "more carefully)")
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

CLI::App* add_eval_flags(CLI::App* app, EvalFlags* f) {
  CLI::App* sub = app->add_subcommand(
      "eval", "Score a model on labelled data: metrics, exits and cost of any exit policy");
  sub->footer(std::string(kEvalFooter) + kExitCodes);
  sub->add_option("MODEL", f->pass.model, "Checkpoint directory")->required();
  add_data_flags(sub, f);
  add_format_flags(sub, &f->pass.input);
  add_point_flags(sub, &f->points);
  add_output_flags(sub, f);
  add_encode_flags(sub, &f->pass.encode);
  add_computing_flags(sub, f);
  add_doc_flags(sub, &f->pass.doc, true, false);
  add_qa_flags(sub, &f->qa);
  sub->remove_option(sub->get_option("--n-best"));
  sub->get_option("--task")->description(
      "The task of the data: sst-2, cola, mrpc, rte, qnli, qqp, sts-b, mnli, wnli, ax, squad, or "
      "none. Default: known by the names of the file and directory, the columns, or config.json");
  return sub;
}

void check_eval_flags(const EvalFlags& f) {
  if (f.pass.model.empty()) throw_usage("the name of the model directory is empty");
  if (f.pass.data.empty()) {
    throw_usage("no data: --data FILE or DIR, - for standard input; see costeff eval --help");
  }
  check_not_swapped(f.pass.model, f.pass.data);
  if (f.format != "text" && f.format != "json" && f.format != "tsv") {
    fail_usage("output format \"{}\", expected text, json or tsv{}", printable(f.format, 40),
               f.format == "jsonl" ? " (json is one document, not lines)" : "");
  }
  for (const std::string& path : f.pass.data) {
    std::error_code error;
    if (path != "-" && !std::filesystem::is_directory(path, error)) {
      tasks::check_input({path, std::nullopt});
    }
  }
}

void check_eval_flags(const EvalFlags& f, const std::vector<tasks::DataSet>& sets) {
  for (const tasks::DataSet& set : sets) {
    if (set.squad != sets.front().squad) {
      throw_usage("questions (SQuAD) and classification cannot be evaluated in one run");
    }
    if (f.timed && set.path == "-") {
      throw_usage("--timed reads the data again, which standard input does not allow");
    }
    refuse_to_replace(f.output, {set.path});
  }
  if (!f.submit.empty() && f.timed) throw_usage("--timed says nothing with --submit");
  if (f.pass.bad_rows.skip() && (!f.submit.empty() || sets.front().squad)) {
    fail_usage("--bad-rows skip does not go with {}, where every row must be answered",
               sets.front().squad ? "questions (SQuAD)" : "--submit");
  }
  std::vector<std::string> inputs;
  for (const tasks::DataSet& set : sets) inputs.push_back(set.path);
  check_bad_row_flags(f.pass.bad_rows, {f.output}, inputs);
}

std::vector<tasks::Metric> metrics_of(const EvalFlags& f, const tasks::DataSet& set,
                                      const ModelInfo& m) {
  if (f.metrics.empty()) return tasks::default_metrics(set.task, m);
  std::vector<tasks::Metric> metrics;
  for (const std::string_view name : split_at(f.metrics, ',')) {
    const tasks::Metric metric = tasks::metric_from_name(name);
    if (const std::string fault = tasks::metric_fault(metric, m.problem); !fault.empty())
      throw_usage(fault);
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end())
      metrics.push_back(metric);
  }
  return metrics;
}

tasks::BootstrapOptions bootstrap_options(const EvalFlags& f) {
  return {
      .replicates = f.samples, .seed = static_cast<uint64_t>(f.seed), .confidence = f.confidence};
}

}  // namespace costeff::cli
