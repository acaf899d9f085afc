#include <costeff/engine.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/fail.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "cli/flags/flag_checks.h"
#include "cli/flags/train_flags.h"
#include "tasks/judge/metrics.h"

namespace costeff::cli {
namespace {

constexpr std::array<Name<ExitPooling>, 3> kPoolings{
    {{"auto", ExitPooling::automatic}, {"first", ExitPooling::first}, {"mean", ExitPooling::mean}}};
constexpr std::array<Name<BestBy>, 2> kBestBy{{{"last", BestBy::last}, {"mean", BestBy::mean}}};

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
