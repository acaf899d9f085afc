#include "cli/infer_flags.h"

#include "cli/commands.h"
#include "cli/flag_checks.h"

namespace costeff::cli {
namespace {

constexpr const char* kInferFooter =
    "Output, a row for each row of input, in its order:\n"
    "  tsv, csv  id label prob entropy exit_layer, then label_2 prob_2 ... (--top-k)\n"
    "  jsonl     keys id label label_id prob entropy exit_layer, then top (--top-k:\n"
    "            a list of label label_id prob) and exits (--all-exits: a list of\n"
    "            layer logits probs entropy)\n"
    "  entropy is in nats, exit_layer counts from 1, floats read back as the same\n"
    "  float. A regression has value in the place of label, prob and entropy.\n"
    "  --task qa: tsv, csv  id answer start end score; jsonl the same keys, then\n"
    "            null_odds (--squad-v2) and nbest (--n-best: a list of answer start\n"
    "            end score); squad  one object of id: answer. start and end count\n"
    "            characters of the context.\n"
    "  --keep: those columns come last.\n"
    "  --stats-json gives rows tokens seconds rows_per_s tokens_per_s threads\n"
    "  mean_exit_layer layers_saved exit_histogram bad_utf8_rows truncated_rows\n"
    "  empty_rows skipped_rows layer_tokens stage_seconds.\n\n"
    "Examples:\n"
    "  costeff infer models/sst2-slender reviews.txt\n"
    "  costeff infer MODEL dev.tsv --task mrpc --threshold 0.3 -o answers.tsv\n"
    "  costeff infer MODEL dev-v2.0.json --task qa --squad-v2 --format squad\n"
    "  echo 'a charming film' | costeff infer MODEL - --format jsonl --all-exits\n\n";

void add_output_flags(CLI::App* sub, InferOptions* o) {
  const char* group = "Output";
  sub->add_option("--format", o->format,
                  "tsv, csv, jsonl or table; squad with --task qa. Without it: by the extension of "
                  "--output, else tsv; on a terminal table")
      ->type_name("NAME")
      ->group(group);
  sub->add_option(
         "--output,-o", o->output,
         "Write here instead of standard output (-). The file appears when all rows are there")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--keep", o->keep,
                  "Columns of the input that go to the output, after its own: a,b; a=c gives "
                  "column a the name c. JSON values stay as they are in JSONL")
      ->type_name("A[=NAME],...")
      ->group(group);
  sub->add_flag("--all-exits", o->all_exits,
                "Also give what every exit answers, to the last layer (JSONL)")
      ->group(group);
  sub->add_option("--top-k", o->top_k, "Also give the K likeliest labels")
      ->type_name("K")
      ->check(whole_number(1, 1000000))
      ->group(group);
  sub->add_flag("--no-output-header", o->no_output_header, "No line of column names")->group(group);
  sub->add_flag("--stats", o->stats, "At the end: speed, exits and time by stage, on stderr")
      ->group(group);
  sub->add_flag("--stats-json", o->stats_json, "The same as one line of JSON on stderr")
      ->group(group);
  sub->add_flag("--quiet,-q", o->quiet, "No progress, no warnings; errors only")->group(group);
  sub->add_flag("--verbose,-v", o->verbose,
                "Say on stderr what is loaded and which policy is in force")
      ->group(group);
}

void add_computing_flags(CLI::App* sub, InferOptions* o) {
  const char* group = "Computing";
  add_thread_flags(sub, group, &o->threads, &o->batch_tokens);
  sub->add_option("--mode", o->mode,
                  "throughput: each thread computes batches of its own (default for files); "
                  "latency: all compute one batch together (default for -)")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--max-delay", o->max_delay,
                  "A text waits in front of a layer for others to travel with at most so many "
                  "milliseconds; 0: as long as there is more input (default: 100 in latency mode, "
                  "else 0)")
      ->type_name("MS")
      ->check(number_between(0, 1e9))
      ->group(group);
  sub->add_option(
         "--pad-to", o->pad_to,
         "Averaging off-ramps also count [PAD] up to N tokens, as COST-EFF's code does (128 there)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 20))
      ->group(group);
  add_load_flags(sub, group, &o->load);
}

}  // namespace

CLI::App* add_infer_flags(CLI::App* app, InferOptions* o) {
  CLI::App* sub =
      app->add_subcommand("infer", "Classify texts: a row of output for each row of input");
  sub->footer(std::string(kInferFooter) + kExitCodes);
  sub->add_option("MODEL", o->model, "Checkpoint directory")->required();
  add_input_flags(sub, &o->input);
  add_bad_row_flags(sub, "Input", &o->bad_rows);
  add_policy_flags(sub, &o->policy);
  add_output_flags(sub, o);
  add_encode_flags(sub, &o->encode);
  add_long_run_flags(sub, &o->long_run);
  add_computing_flags(sub, o);
  add_qa_flags(sub, &o->qa);
  return sub;
}

}  // namespace costeff::cli
