#include "cli/flags/train_flags.h"

#include <costeff/engine.h>

#include "base/format.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/help_text.h"
#include "tasks/judge/metrics.h"

namespace costeff::cli {
namespace {

constexpr const char* kTrainFooter =
    "BACKBONE is a pretrained BERT, RoBERTa, DistilBERT, ELECTRA, ALBERT, ERNIE or\n"
    "ElasticBERT, with or without a classifier, or any model that costeff opens. OUT\n"
    "is a model directory that appears when training is complete. Until then\n"
    "OUT.training has what --resume needs; after Ctrl-C or a crash, the same command\n"
    "with --resume goes on and ends with the same bits.\n\n"
    "The table on standard output has a line for each evaluation: stage, step of the\n"
    "stage, epoch, mean loss since the last evaluation, the metric at the first,\n"
    "middle and last exit, the score that --best-by compares, and * for the best\n"
    "model so far, which is the one that is written.\n\n"
    "--log: one JSON object a line, with the key event: plan, step (stage step steps\n"
    "  epoch loss norm learning_rate rows tokens seconds seconds_left), evaluation\n"
    "  (stage step epoch train_loss metric score best seconds) and end. With\n"
    "  --resume it is appended to, and steps after the last saved one come again.\n"
    "--json: backbone out recipe data dev task labels metric ... stages memory, then\n"
    "  evaluations and result (end best dialect files seconds).\n\n"
    "Examples:\n"
    "  costeff train bert-base-uncased --data glue/SST-2 -o sst2\n"
    "  costeff train sst2 --recipe ramps --data glue/SST-2 -o sst2-early\n"
    "  costeff train BERT --data mine.csv --text-field text --label-field stars -o m\n"
    "  costeff train BERT --recipe joint --exits 3,6,9 --data a.jsonl -o m --dry-run\n"
    "  costeff train BERT --recipe assistant --teacher sst2 --data glue/SST-2 -o ta\n\n";

// The recipes as the help lists them.
std::string recipes_text() {
  std::string out = "Recipes (--recipe):\n";
  for (const Recipe& r : recipes()) {
    std::string text(r.use);
    if (!r.paper.empty()) append_format(&text, " ({})", r.paper);
    if (r.needs_teacher) text += "; needs --teacher";
    out += help_entry(std::string(r.name), text);
  }
  return out + "\n";
}

}  // namespace

void add_labelled_data_flags(CLI::App* sub, const char* rows, TrainFlags* f) {
  const char* group = "Data";
  sub->add_option(
         "--data", f->pass.data,
         fmt::format("{}: a file with labels, or the directory of a task (its train set); - "
                     "is standard input. May be given more than once",
                     rows))
      ->allow_extra_args(false)
      ->type_name("FILE|DIR")
      ->group(group);
  CLI::Option* dev =
      sub->add_option("--dev", f->dev,
                      "Rows that evaluations judge by. Default: the dev set of the directory that "
                      "--data names, else --dev-share 0.1")
          ->allow_extra_args(false)
          ->type_name("FILE|DIR")
          ->group(group);
  sub->add_option(
         "--dev-share", f->dev_share,
         "Judge by this share of the rows of --data, which are not trained on. Equal texts "
         "stay together. 0: no evaluation, the last model is kept")
      ->type_name("X")
      ->check(number_between(0, 0.9))
      ->excludes(dev)
      ->group(group);
  sub->add_option("--label-field,--label-column", f->pass.label_field,
                  "The label: a JSONL field, or a TSV or CSV column by name or by number from 1. "
                  "Default: the task's, else label or another usual name")
      ->type_name("NAME")
      ->group(group);
  CLI::Option* labels =
      sub->add_option("--labels", f->labels,
                      "Names of the classes 0, 1, ...; rows have these names or numbers. A name "
                      "cannot hold a comma. Default: the backbone's or the task's names if the "
                      "rows have them, else the labels of the rows, numbers in numeric order, "
                      "names sorted. Rows with bare numbers 0, 1, ... take the backbone's names "
                      "if it has any")
          ->type_name("A,B,...")
          ->group(group);
  CLI::Option* regression =
      sub->add_flag("--regression", f->regression,
                    "Labels are scores. Default: if the task's are, or some have a fraction")
          ->excludes(labels)
          ->group(group);
  sub->add_flag(
         "--multi-label", f->multi_label,
         "Rows have any number of labels: joy|anger in a table, a list in JSONL. Default: if "
         "some row has a list, or the backbone is such a model")
      ->excludes(regression)
      ->group(group);
  sub->add_option("--metric", f->metric,
                  "What evaluations compare: accuracy, f1, macro_f1, matthews, pearson or "
                  "spearman; multi-label: micro_f1, macro_f1, sample_f1 or subset_accuracy. "
                  "Default: the first of the task; multi-label: micro_f1")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--limit", f->pass.limit, "Only the first N rows of each file of --data")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 40))
      ->group(group);
  add_bad_row_flags(sub, group, &f->pass.bad_rows);
}

namespace {

void add_recipe_flags(CLI::App* sub, TrainFlags* f) {
  const char* group = "What is trained";
  sub->add_option("--recipe", f->recipe, "How (default: plain); the list is below")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--teacher", f->teacher, "The model that a recipe which distils learns from")
      ->type_name("DIR")
      ->group(group);
  sub->add_option("--exits", f->exits,
                  "Layers with an off-ramp: all (default), or 3,6,9. The last layer always answers "
                  "and need not be named")
      ->type_name("LAYERS")
      ->group(group);
  sub->add_option("--pooling", f->pooling,
                  "What off-ramps read: first (the first token), mean (the mean over the tokens), "
                  "or auto (default): first, with --recipe ramps mean")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--dialect", f->dialect,
                  "How to write the model: costeff, plain, deebert, berxit, pabee, cost-eff or "
                  "elasticbert. Default: that of the recipe's paper if it can, else costeff")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--freeze", f->freeze,
                  "Parts that are not trained: embeddings, and layers by number, such as "
                  "embeddings,1-3,6")
      ->type_name("LIST")
      ->group(group);
}

void add_setting_flags(CLI::App* sub, TrainFlags* f) {
  const char* group = "Settings (default: those of the recipe)";
  const auto add = [&](const char* name, auto* to, const char* text, const char* type,
                       CLI::Validator check) {
    sub->add_option(name, *to, text)->type_name(type)->check(std::move(check))->group(group);
  };
  add("--lr", &f->learning_rate, "Learning rate", "X", number_between(1e-12, 10));
  add("--head-lr", &f->head_learning_rate, "Learning rate of classifiers and poolers", "X",
      number_between(1e-12, 10));
  add("--epochs", &f->epochs, "Epochs of each stage; may have a fraction", "X",
      number_between(1e-6, 100000));
  add("--batch", &f->batch, "Rows of a step", "N", whole_number(1, 65536));
  add("--micro-batch", &f->micro_batch,
      "Rows that are computed at once; less memory, the same result", "N", whole_number(1, 65536));
  add("--warmup", &f->warmup, "Share of the steps in which the learning rate rises", "X",
      number_between(0, 1));
  add("--decay", &f->decay, "Weight decay", "X", number_between(0, 10));
  add("--clip", &f->clip, "Largest norm of a step's gradient (default: 1); 0: any", "X",
      number_between(0, 1e30));
  add("--dropout", &f->dropout, "Dropout (default: 0.1)", "X", number_between(0, 0.99));
  add("--attention-dropout", &f->attention_dropout,
      "Dropout of attention's probabilities (default: 0.1)", "X", number_between(0, 0.99));
  sub->add_option("--class-weights", f->class_weights,
                  "Weight of each class in the loss: 1,2.5, or balanced: all classes together "
                  "count the same")
      ->type_name("LIST")
      ->group(group);
  sub->add_option("--pos-weight", f->pos_weight,
                  "Multi-label: weight in the loss of a label that a row has, against one that it "
                  "has not: one number, one a label, or balanced: both count the same")
      ->type_name("LIST")
      ->group(group);
  add("--label-smoothing", &f->label_smoothing,
      "Share of a label that is spread over all classes (default: 0)", "X",
      number_between(0, 0.99));
  add("--temperature", &f->temperature, "Of answers that are distilled (default: 1)", "X",
      number_between(0.01, 1000));
  add("--first-exit", &f->first_exit, "COST-EFF: off-ramps before this layer are not trained",
      "LAYER", whole_number(1, kMaxLayers));
  sub->add_option(
         "--doc-stride", f->pass.doc.stride,
         "Read texts longer than --max-length in windows that share N tokens, each of which "
         "has the label of its text, in place of cutting them")
      ->type_name("N")
      ->check(whole_number(0, int64_t{1} << 20))
      ->group(group);
  add("--max-length", &f->max_length, "Cut longer texts to N tokens (default: 128)", "N",
      whole_number(3, int64_t{1} << 20));
  add("--seed", &f->seed, "Of the order of rows, dropout and new weights (default: 42)", "N",
      whole_number(0, int64_t{1} << 62));
}

void add_run_flags(CLI::App* sub, TrainFlags* f) {
  const char* group = "Run";
  sub->add_option("--eval-every", f->eval_every,
                  "Steps between evaluations (default: four an epoch, and at its end)")
      ->type_name("N")
      ->check(whole_number(1, int64_t{1} << 40))
      ->group(group);
  sub->add_option(
         "--best-by", f->best_by,
         "Keep the model with the best metric at the last exit (last), or with the best "
         "mean over the exits (mean). Default: mean if the recipe has off-ramps. A stage that "
         "trains the last exit alone is judged by that")
      ->type_name("NAME")
      ->group(group);
  sub->add_option("--early-stop", f->early_stop, "End after N evaluations without a better one")
      ->type_name("N")
      ->check(whole_number(1, 1000000))
      ->group(group);
  sub->add_option("--time-limit", f->time_limit,
                  "End after this time, with the best model so far: 90s, 30m, 2h")
      ->type_name("TIME")
      ->group(group);
  sub->add_flag("--resume", f->resume, "Go on with the run that OUT.training is of")->group(group);
  sub->add_flag("--dry-run", f->dry_run,
                "Say what would be done, the memory and the time that it takes; write nothing")
      ->group(group);
}

void add_train_output_flags(CLI::App* sub, TrainFlags* f) {
  const char* group = "Output";
  sub->add_option("--output,-o", f->output, "Directory to write: a new name, or an empty directory")
      ->type_name("OUT")
      ->group(group);
  sub->add_option("--log", f->log, "Write every step and evaluation here as it comes, as JSONL")
      ->type_name("FILE")
      ->group(group);
  sub->add_option("--report", f->report,
                  "An HTML page with the curves of the run and of the result; it needs no network")
      ->type_name("FILE")
      ->group(group);
  sub->add_flag("--json", f->json, "Print one JSON object at the end instead of the table")
      ->group(group);
  sub->add_flag("--quiet,-q", f->pass.quiet,
                "Nothing on stderr but warnings about the model and errors")
      ->group(group);
}

void add_computing_flags(CLI::App* sub, TrainFlags* f) {
  const char* group = "Computing";
  add_thread_flags(sub, group, &f->pass.threads, nullptr);
  sub->add_option("--dtype", f->dtype,
                  "Compute products in float32 (default) or bfloat16 (bf16); weights stay float32")
      ->type_name("NAME")
      ->group(group);
  add_isa_flag(sub, group, &f->isa);
  sub->add_option(
         "--memory-budget", f->memory_budget,
         "Memory for states that --recipe ramps computes once (default: 1G); more are in a "
         "file in OUT.training")
      ->type_name("SIZE")
      ->group(group);
}

}  // namespace

CLI::App* add_train_flags(CLI::App* app, TrainFlags* f) {
  CLI::App* sub = app->add_subcommand(
      "train", "Fine-tune a BERT on labelled texts, and teach it to exit early");
  sub->footer(recipes_text() + kTrainFooter + kExitCodes);
  sub->add_option("BACKBONE", f->pass.model, "Directory of the model to start from")->required();
  add_labelled_data_flags(sub, "Rows to train on", f);
  add_format_flags(sub, &f->pass.input);
  add_recipe_flags(sub, f);
  add_setting_flags(sub, f);
  add_run_flags(sub, f);
  add_train_output_flags(sub, f);
  add_computing_flags(sub, f);
  sub->get_option("--task")->description(
      "The task of the data: sst-2, cola, mrpc, rte, qnli, qqp, sts-b, mnli, wnli, ax, or none. "
      "Default: known by the names of the file and directory, the columns, or config.json");
  return sub;
}

}  // namespace costeff::cli
