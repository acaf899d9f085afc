#include "cli/flags/train_flags.h"

#include <costeff/engine.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/fail.h"
#include "base/format.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/help_text.h"
#include "tasks/judge/metrics.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<ExitPooling>, 3> kPoolings{
    {{"auto", ExitPooling::automatic}, {"first", ExitPooling::first}, {"mean", ExitPooling::mean}}};
constexpr std::array<Name<BestBy>, 2> kBestBy{{{"last", BestBy::last}, {"mean", BestBy::mean}}};

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

// "3,6,9" in ascending order, each once; empty for "all".
std::vector<int64_t> parse_exits(const std::string& text) {
  if (text == "all") return {};
  const auto layers = parse_int_list(text, 1, kMaxLayers);
  if (!layers || !std::is_sorted(layers->begin(), layers->end(), std::less_equal<>())) {
    fail_usage("--exits \"{}\", expected all, or layers in ascending order such as 3,6,9",
               printable(text, 60));
  }
  return *layers;
}

double parse_time_limit(const std::string& text) {
  if (text.empty()) return 0;
  if (const auto seconds = parse_seconds(text); seconds && *seconds > 0) return *seconds;
  fail_usage("--time-limit \"{}\", expected a time such as 90s, 30m or 2h", printable(text, 40));
}

int64_t parse_memory_budget(const std::string& text) {
  if (const auto bytes = parse_bytes(text)) return *bytes;
  fail_usage("--memory-budget \"{}\", expected a size such as 512M or 2G", printable(text, 40));
}

ComputeType parse_train_type(const std::string& name) {
  const ComputeType type = parse_compute_type(name);
  if (type == ComputeType::int8) throw_usage("--dtype int8, expected float32 or bfloat16");
  return type;
}

void check_layers(const char* flag, const std::vector<int64_t>& layers, const BackboneInfo& b) {
  for (const int64_t layer : layers) {
    if (layer > b.layers) fail_usage("{} {}, expected layers from 1 to {}", flag, layer, b.layers);
  }
}

void check_data_path(const std::string& path) {
  std::error_code error;
  if (path.empty()) throw_usage("the name of a data file is empty");
  if (path != "-" && !std::filesystem::is_directory(path, error))
    tasks::check_input({path, std::nullopt});
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

void check_labelled_data(const TrainFlags& f, const char* verb) {
  if (f.pass.model.empty()) throw_usage("the name of the model's directory is empty");
  if (f.pass.data.empty())
    fail_usage("no data: --data FILE or DIR, - for standard input; see costeff {} --help", verb);
  if (f.output.empty() && !f.dry_run)
    fail_usage("no output: -o OUT, the directory to write; see costeff {} --help", verb);
  check_not_swapped(f.pass.model, f.pass.data);
  for (const std::string& path : f.pass.data) check_data_path(path);
  for (const std::string& path : f.dev) check_data_path(path);
  const auto is_stdin = [](const std::string& path) { return path == "-"; };
  if (std::count_if(f.pass.data.begin(), f.pass.data.end(), is_stdin) +
          std::count_if(f.dev.begin(), f.dev.end(), is_stdin) >
      1) {
    throw_usage("standard input is named twice");
  }
  for (const std::string& output : {f.log, f.report, f.pass.bad_rows.file})
    refuse_inside(output, {f.pass.model, f.teacher});
  check_bad_row_flags(f.pass.bad_rows, {f.output, f.log, f.report}, f.pass.data);
  if (!f.metric.empty()) (void)tasks::metric_from_name(f.metric);
}

void check_train_flags(const TrainFlags& f, const char* verb) {
  check_labelled_data(f, verb);
  for (const auto& [flag, path] : {std::pair{"--log", f.log}, {"--report", f.report}}) {
    if (path == "-")
      fail_usage("{} -: standard output has the table of evaluations, expected a file", flag);
    refuse_to_replace(path, f.pass.data);
    refuse_to_replace(path, f.dev);
  }
  if (!f.log.empty() && same_place(f.log, f.report))
    fail_usage("{}: two outputs, expected a file for each", printable(f.log, 200));
  if (f.dry_run && f.resume) throw_usage("--resume says nothing with --dry-run");
  const Recipe& recipe = find_recipe(f.recipe);
  if (recipe.needs_teacher && f.teacher.empty())
    fail_usage("--recipe {} needs --teacher DIR, the model to learn from", recipe.name);
  if (!recipe.needs_teacher && !f.teacher.empty())
    fail_usage("--teacher: recipe {} learns from no other model", recipe.name);
  if (!recipe.early_exits && (f.exits != "all" || f.pooling != "auto"))
    fail_usage("{}: recipe {} makes no off-ramps", f.exits != "all" ? "--exits" : "--pooling",
               recipe.name);
  if (!recipe.early_exits && f.first_exit != 1)
    fail_usage("--first-exit: recipe {} makes no off-ramps", recipe.name);
  if (!recipe.needs_teacher && f.temperature != 1)
    fail_usage("--temperature: recipe {} learns from no other model", recipe.name);
  // Each throws for a wrong value.
  (void)given_class_weights(f);
  (void)given_pos_weights(f);
  BackboneInfo any;
  any.layers = kMaxLayers;
  (void)train_options(f, any);
}

FrozenParts parse_frozen(const std::string& text) {
  FrozenParts parts;
  if (text.empty()) return parts;
  std::set<int64_t> layers;
  for (const std::string_view part : split_at(text, ',')) {
    if (part == "embeddings") {
      parts.embeddings = true;
      continue;
    }
    const auto ends = split_at(part, '-');
    const auto first = parse_int(ends.front(), 1, kMaxLayers);
    const auto last = first ? parse_int(ends.back(), *first, kMaxLayers) : std::nullopt;
    if (!last || ends.size() > 2) {
      fail_usage("--freeze \"{}\", expected embeddings and layers such as embeddings,1-3,6",
                 printable(text, 60));
    }
    for (int64_t layer = *first; layer <= *last; ++layer) layers.insert(layer);
  }
  parts.layers.assign(layers.begin(), layers.end());
  return parts;
}

std::vector<double> given_class_weights(const TrainFlags& f) {
  if (f.class_weights.empty() || f.class_weights == "balanced") return {};
  const auto weights = parse_number_list(f.class_weights);
  if (weights && std::all_of(weights->begin(), weights->end(), [](double w) { return w >= 0; }) &&
      std::any_of(weights->begin(), weights->end(), [](double w) { return w > 0; })) {
    return *weights;
  }
  fail_usage("--class-weights \"{}\", expected balanced, or a number for each class such as 1,2.5",
             printable(f.class_weights, 60));
}

std::vector<double> given_pos_weights(const TrainFlags& f) {
  if (f.pos_weight.empty() || f.pos_weight == "balanced") return {};
  const auto weights = parse_number_list(f.pos_weight);
  if (weights && std::all_of(weights->begin(), weights->end(), [](double w) { return w > 0; }))
    return *weights;
  fail_usage("--pos-weight \"{}\", expected balanced, a number above 0, or one for each label",
             printable(f.pos_weight, 60));
}

TrainOptions train_options(const TrainFlags& f, const BackboneInfo& backbone) {
  TrainOptions o;
  o.recipe = f.recipe;
  o.teacher = f.teacher;
  o.exits = parse_exits(f.exits);
  check_layers("--exits", o.exits, backbone);
  o.pooling = value_of_name(kPoolings, f.pooling, "--pooling");
  o.dialect = f.dialect;
  o.learning_rate = f.learning_rate;
  o.head_learning_rate = f.head_learning_rate;
  o.epochs = f.epochs;
  o.batch = f.batch;
  o.warmup = f.warmup;
  o.decay = f.decay;
  o.clip = f.clip;
  o.dropout = f.dropout;
  o.attention_dropout = f.attention_dropout;
  o.micro_batch = f.micro_batch;
  FrozenParts frozen = parse_frozen(f.freeze);
  check_layers("--freeze", frozen.layers, backbone);
  o.freeze_embeddings = frozen.embeddings;
  o.freeze_layers = std::move(frozen.layers);
  o.label_smoothing = f.label_smoothing;
  o.temperature = f.temperature;
  check_layers("--first-exit", {f.first_exit}, backbone);
  o.first_exit = f.first_exit;
  o.seed = static_cast<uint64_t>(f.seed);
  o.max_length = f.max_length;
  o.doc_stride = f.pass.doc.stride;
  o.eval_every = f.eval_every;
  if (!f.best_by.empty()) o.best_by = value_of_name(kBestBy, f.best_by, "--best-by");
  o.early_stop = f.early_stop;
  o.time_limit_s = parse_time_limit(f.time_limit);
  o.compute = parse_train_type(f.dtype);
  o.isa = f.isa;
  o.threads = f.pass.threads;
  o.memory_budget = parse_memory_budget(f.memory_budget);
  o.resume = f.resume;
  return o;
}

}  // namespace costeff::cli
