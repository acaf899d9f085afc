#include "cli/flags/pass_flags.h"

#include "cli/flags/flag_checks.h"
#include "cli/flags/label_flags.h"

namespace costeff::cli {

void add_pass_flags(CLI::App* app, PassFlags* f, bool batch, std::vector<std::string>* models) {
  if (models) {
    app->add_option("MODEL", *models, "Checkpoint directory; several are compared")->required();
  } else {
    app->add_option("MODEL", f->model, "Checkpoint directory")->required();
  }
  const char* group = "Data";
  app->add_option("--data", f->data,
                  "Rows to judge by: a file, or the directory of a task (its dev set); - is "
                  "standard input")
      ->type_name("FILE|DIR")
      ->expected(1)
      ->required()
      ->group(group);
  app->add_option("--split", f->split, "Part of a directory: dev (default), train or test")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--label-field,--label-column", f->label_field,
                  "The label: a JSONL field, or a TSV or CSV column by name or by number from 1. "
                  "Default: the task's, else label or another usual name")
      ->type_name("NAME")
      ->group(group);
  app->add_option("--label-order", f->label_order,
                  "Names of the model's classes 0, 1, ..., if config.json does not give them")
      ->type_name("A,B,...")
      ->group(group);
  add_label_threshold_flag(app, group, &f->label_threshold);
  app->add_option("--limit", f->limit, "Only the first N rows")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 40))
      ->group(group);
  add_bad_row_flags(app, group, &f->bad_rows);
  add_format_flags(app, &f->input);
  add_encode_flags(app, &f->encode);
  const char* computing = "Computing";
  add_thread_flags(app, computing, &f->threads, batch ? &f->batch_tokens : nullptr);
  app->add_option("--pad-to", f->pad_to,
                  "Averaging off-ramps also count [PAD] up to N tokens, as COST-EFF's code does "
                  "(128 there)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(computing);
  add_load_flags(app, computing, &f->load);
  app->add_flag("--quiet,-q", f->quiet, "No progress, no remarks; errors only");
}

tasks::InputOptions pass_input_options(const PassFlags& f, const tasks::DataSet& set,
                                       bool labelled) {
  InputFlags input = f.input;
  input.task.clear();
  tasks::InputOptions o = input_options(input);
  if (set.columns) o.task = set.task;
  o.want_gold = labelled;
  o.label_field = f.label_field;
  o.skip_bad_rows = f.bad_rows.skip();
  o.keep_raw = !f.bad_rows.file.empty();
  // Labels are in tables: a file whose extension says nothing else is one.
  o.is_table = labelled;
  return o;
}

RunOptions pass_run_options(const PassFlags& f) {
  RunOptions run;
  run.encode = encode_options(f.encode);
  run.threads = f.threads;
  run.batch_tokens = f.batch_tokens;
  run.pad_to = f.pad_to;
  run.label_thresholds = label_thresholds_from(f.label_threshold);
  check_doc_flags(f.doc, f.encode);
  add_doc_options(f.doc, &run);
  run.skip_bad_rows = f.bad_rows.skip();
  return run;
}

}  // namespace costeff::cli
