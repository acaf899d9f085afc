#include "cli/flags/infer_flags.h"

#include "cli/flags/flag_checks.h"
#include "cli/flags/label_flags.h"

namespace costeff::cli {
namespace {

constexpr const char* kInferFooter =
    "Output, one row for each row of input, in the same order:\n"
    "  tsv, csv  id label prob entropy exit_layer, then label_2 prob_2 ... (--top-k)\n"
    "  jsonl     keys id label label_id prob entropy exit_layer, then top (--top-k:\n"
    "            a list of label label_id prob) and exits (--all-exits: a list of\n"
    "            layer logits probs entropy)\n"
    "  entropy is in nats, exit_layer counts from 1, floats read back as the same\n"
    "  float. A regression has value instead of label, prob and entropy.\n"
    "  Multi-label models: label is joy|anger, of none empty; \\ and | in a name are\n"
    "            \\\\ and \\|. jsonl  lists labels and label_ids, and with --top-k or\n"
    "            --all-exits probs: an object of names. prob is the least max(p, 1-p)\n"
    "            over the labels, entropy the largest of a label.\n"
    "  --windows: jsonl  windows: a list of tokens, the keys of the answer and\n"
    "            exit_layer, of each window; a text that fits is one.\n"
    "  --task qa: tsv, csv  id answer start end score; jsonl  the same keys, then\n"
    "            null_odds (--squad-v2) and nbest (--n-best: a list of answer start\n"
    "            end score); squad  one object of id: answer. start and end count\n"
    "            characters of the context.\n"
    "  The columns of --keep come last.\n"
    "  --stats-json gives rows tokens seconds rows_per_s tokens_per_s threads\n"
    "  mean_exit_layer layers_saved exit_histogram bad_utf8_rows truncated_rows\n"
    "  empty_rows skipped_rows windows layer_tokens stage_seconds.\n\n"
    "Examples:\n"
    "  costeff infer models/sst2-slender reviews.txt\n"
    "  costeff infer MODEL dev.tsv --task mrpc --threshold 0.3 -o answers.tsv\n"
    "  costeff infer MODEL dev-v2.0.json --task qa --squad-v2 --format squad\n"
    "  echo 'a charming film' | costeff infer MODEL - --format jsonl --all-exits\n\n";

void add_output_flags(CLI::App* sub, InferFlags* f) {
  const char* group = "Output";
  sub->add_option("--format", f->format,
                  "tsv, csv, jsonl or table; with --task qa also squad. Default: by the extension "
                  "of --output, else tsv; on a terminal table")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--output,-o", f->output,
                  "Write here instead of standard output (-). The file appears when it is complete")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--keep", f->keep,
                  "Columns of the input to copy to the output, after its own: a,b; a=c copies "
                  "column a as c. JSON values stay as they are in JSONL")
      ->type_name("A[=NAME],...")
      ->group(group);
  sub->add_flag("--all-exits", f->all_exits,
                "Also give the answer of every exit, up to the last layer (JSONL)")
      ->group(group);
  sub->add_option("--top-k", f->top_k, "Also give the K likeliest labels")
      ->type_name("K")
      ->check(whole_number(1, 1000000))
      ->group(group);
  add_label_threshold_flag(sub, group, &f->label_threshold);
  sub->add_flag("--no-output-header", f->no_output_header, "No line of column names")->group(group);
  sub->add_flag("--stats", f->stats, "At the end: speed, exits and time by stage, on stderr")
      ->group(group);
  sub->add_flag("--stats-json", f->stats_json, "The same as one line of JSON on stderr")
      ->group(group);
  sub->add_flag("--quiet,-q", f->quiet, "No progress, no warnings; errors only")->group(group);
  sub->add_flag("--verbose,-v", f->verbose,
                "Say on stderr what is loaded and which policy is in force")
      ->group(group);
}

void add_computing_flags(CLI::App* sub, InferFlags* f) {
  const char* group = "Computing";
  add_thread_flags(sub, group, &f->threads, &f->batch_tokens);
  sub->add_option("--mode", f->mode,
                  "throughput: each thread computes its own batches (default for files); latency: "
                  "all threads compute one batch together (default for -)")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--max-delay", f->max_delay,
                  "Longest time in milliseconds that a text waits before a layer for others to be "
                  "computed with; 0: as long as there is more input (default: 100 in latency mode, "
                  "else 0)")
      ->type_name("MS")
      ->check(number_between(0, 1e9))
      ->group(group);
  sub->add_option(
         "--pad-to", f->pad_to,
         "Averaging off-ramps also count [PAD] up to N tokens, as COST-EFF's code does (128 there)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  add_load_flags(sub, group, &f->load);
}

}  // namespace

CLI::App* add_infer_flags(CLI::App* app, InferFlags* f) {
  CLI::App* sub = app->add_subcommand("infer", "Classify texts: a row of output per row of input");
  sub->footer(std::string(kInferFooter) + kExitCodes);
  sub->add_option("MODEL", f->model, "Checkpoint directory")->required();
  add_input_flags(sub, &f->input);
  add_bad_row_flags(sub, "Input", &f->bad_rows);
  add_policy_flags(sub, &f->policy);
  add_output_flags(sub, f);
  add_encode_flags(sub, &f->encode);
  add_long_run_flags(sub, &f->long_run);
  add_computing_flags(sub, f);
  add_doc_flags(sub, &f->doc, true, true);
  add_qa_flags(sub, &f->qa);
  return sub;
}

}  // namespace costeff::cli
