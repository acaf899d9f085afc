#include "train/session/settings.h"

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "base/split_mix.h"
#include "base/threads/cpu_count.h"
#include "checkpoint/dialects/dialect_choice.h"
#include "checkpoint/dialects/save_model.h"
#include "runtime/loaded_model.h"
#include "train/session/new_exits.h"

namespace costeff::train {
namespace {

constexpr int64_t kPaperLength = 128;  // tokens; all references cut texts to this
constexpr int64_t kShortest = 3;       // a token between [CLS] and [SEP]
constexpr double kDropout = 0.1;

void check_range(const char* name, double v, double low, double high, const char* expected) {
  if (std::isfinite(v) && v >= low && v <= high) return;
  fail_usage("{} {}, expected {}", name, v, expected);
}

void check_positive(const char* name, double v) {
  if (!std::isfinite(v) || v <= 0) fail_usage("{} {}, expected more than 0", name, v);
}

void check_at_least(const char* name, int64_t v, int64_t low) {
  if (v < low) fail_usage("{} {}, expected at least {}", name, v, low);
}

void check_layers(const char* name, std::span<const int64_t> list, int64_t layers) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] < 1 || list[i] > layers)
      fail_usage("{} {}, expected 1 to {}, the layers of the backbone", name, list[i], layers);
    if (i > 0 && list[i] <= list[i - 1])
      fail_usage("{} {} after {}, expected ascending layers", name, list[i], list[i - 1]);
  }
}

void check_answers(const TrainOptions& o) {
  if (!is_multi_label(o) && !o.pos_weights.empty())
    fail_usage("weights of present labels, and a row has {}, expected multi-label rows",
               answer_kind(o.problem));
  if (is_regression(o)) {
    if (!o.labels.empty())
      fail_usage("a regression has no labels, and {} are given", o.labels.size());
    if (!o.class_weights.empty()) throw_usage("class weights, and a regression has no classes");
    if (o.label_smoothing != 0) throw_usage("label smoothing, and a regression has no labels");
    return;
  }
  const size_t least = is_multi_label(o) ? 1 : 2;
  if (o.labels.size() < least)
    fail_usage("{} labels, expected at least {} to tell apart", o.labels.size(), least);
  for (size_t i = 0; i < o.labels.size(); ++i) {
    if (std::count(o.labels.begin(), o.labels.end(), o.labels[i]) > 1)
      fail_usage("label \"{}\" is given twice", o.labels[i]);
  }
  if (!o.class_weights.empty() && o.class_weights.size() != o.labels.size())
    fail_usage("{} class weights, expected {}, one a label", o.class_weights.size(),
               o.labels.size());
  for (const double w : o.class_weights) check_positive("class weight", w);
  if (!is_multi_label(o)) return;
  if (!o.class_weights.empty())
    throw_usage(
        "class weights, and multi-label rows have any number of labels, expected weights of "
        "present labels");
  if (o.label_smoothing != 0)
    throw_usage("label smoothing, and multi-label rows have any number of labels, expected 0");
  if (!o.pos_weights.empty() && o.pos_weights.size() != o.labels.size())
    fail_usage("{} weights of present labels, expected {}, one a label", o.pos_weights.size(),
               o.labels.size());
  for (const double w : o.pos_weights) check_positive("weight of a present label", w);
}

void check_recipe(const TrainOptions& o, const Recipe& recipe, int64_t layers) {
  if (recipe.needs_teacher && o.teacher.empty())
    fail_usage("recipe {} learns from a teacher, expected a fine-tuned model (--teacher DIR)",
               recipe.name);
  if (!recipe.needs_teacher && !o.teacher.empty())
    fail_usage("recipe {} has no teacher, and {} is given", recipe.name, o.teacher);
  check_layers("exit at layer", o.exits, layers);
  if (!recipe.early_exits && !o.exits.empty())
    fail_usage("recipe {} makes no off-ramps, and exits are given", recipe.name);
  if (!recipe.early_exits && o.first_exit != 1)
    fail_usage("recipe {} makes no off-ramps, and a first exit is given", recipe.name);
  if (!recipe.needs_teacher && o.hidden_share != 0)
    fail_usage("recipe {} learns no hidden states, and a share for them is given", recipe.name);
  if (!recipe.needs_teacher && o.temperature != 1)
    fail_usage("recipe {} distils no teacher's answers, and a temperature is given", recipe.name);
  if (recipe.early_exits && layers < 2)
    throw_usage("the backbone has one layer, expected two or more for off-ramps");
  if (recipe.early_exits && !o.exits.empty() && o.exits.front() == layers)
    fail_usage("exits: only layer {}, expected one before the last layer", layers);
}

std::vector<int64_t> ramp_layers(const TrainOptions& o, const Recipe& recipe, int64_t layers) {
  std::vector<int64_t> out;
  if (!recipe.early_exits) return out;
  for (int64_t i = 1; i < layers; ++i) {
    if (o.exits.empty() || std::binary_search(o.exits.begin(), o.exits.end(), i)) out.push_back(i);
  }
  return out;
}

// Throws Error(usage) for a dialect that was asked for and has learned exits that the recipe does not
// train, or has none for those that it trains.
void check_learned_exits(const TrainOptions& o, const RecipeRow& recipe) {
  const std::string_view name = recipe.recipe.name;
  if (o.dialect == "berxit" && recipe.recipe.early_exits && !recipe.learns_to_exit())
    fail_usage(
        "recipe {} trains no learned exit, and berxit's off-ramps share one; expected --recipe "
        "berxit, or another dialect",
        name);
  if (o.dialect != "berxit" && !o.dialect.empty() && recipe.learns_to_exit())
    fail_usage(
        "recipe {} trains a learned exit, and {}'s exits are not learned; expected --dialect "
        "berxit, or another recipe",
        name, o.dialect);
}

// What is tried in turn if the user asks for none.
std::vector<std::string> dialect_candidates(const TrainOptions& o, const Recipe& recipe,
                                            const std::string& own) {
  if (!o.dialect.empty()) return {o.dialect};
  std::vector<std::string> list{std::string(recipe.dialect)};
  // A model that is slender by COST-EFF stays one.
  if (own.starts_with("cost-eff")) list.insert(list.begin(), "cost-eff");
  list.emplace_back("costeff");
  return list;
}

}  // namespace

Settings settle(const TrainOptions& o, const model::Architecture& arch, int64_t longest) {
  Settings s;
  s.recipe = &recipe_row(o.recipe);
  const Recipe& recipe = s.recipe->recipe;
  const auto layers = static_cast<int64_t>(arch.layers.size());
  check_recipe(o, recipe, layers);
  check_answers(o);
  check_layers("frozen layer", o.freeze_layers, layers);
  s.learning_rate = o.learning_rate.value_or(recipe.learning_rate);
  check_positive("learning rate", s.learning_rate);
  s.head_learning_rate = o.head_learning_rate.value_or(
      recipe.head_learning_rate > 0 ? recipe.head_learning_rate : s.learning_rate);
  check_positive("learning rate of the exits", s.head_learning_rate);
  const bool roberta = arch.family == model::Family::roberta && recipe.roberta_epochs > 0;
  s.epochs = o.epochs.value_or(roberta ? recipe.roberta_epochs : recipe.epochs);
  check_range("epochs", s.epochs, 1e-9, 1e6, "more than 0, at most a million");
  s.batch = o.batch.value_or(recipe.batch);
  check_at_least("batch", s.batch, 1);
  s.warmup = o.warmup.value_or(recipe.warmup);
  check_range("warm-up", s.warmup, 0, 1, "a share of the steps, 0 to 1");
  s.decay = o.decay.value_or(recipe.decay);
  check_range("weight decay", s.decay, 0, 1e3, "0 or more");
  const double dropout = o.dropout.value_or(kDropout);
  const double attention = o.attention_dropout.value_or(kDropout);
  check_range("dropout", dropout, 0, 0.99, "0 to 0.99");
  check_range("attention dropout", attention, 0, 0.99, "0 to 0.99");
  s.dropout = static_cast<float>(dropout);
  s.attention_dropout = static_cast<float>(attention);
  check_range("clipping norm", o.clip, 0, 1e30, "0 or more");
  if (o.doc_stride < -1) fail_usage("document stride {}, expected 0 or more", o.doc_stride);
  check_range("label smoothing", o.label_smoothing, 0, 0.99, "0 to 0.99");
  check_positive("temperature", o.temperature);
  check_range("share of steps for hidden states", o.hidden_share, 0, 1, "0 to 1");
  check_range("time limit", o.time_limit_s, 0, 1e12, "0 or more seconds");
  check_at_least("micro-batch", o.micro_batch, 0);
  check_at_least("steps between evaluations", o.eval_every, 0);
  check_at_least("evaluations before an early stop", o.early_stop, 0);
  check_at_least("memory budget", o.memory_budget, 0);
  if (o.first_exit < 1 || o.first_exit > layers)
    fail_usage("first exit {}, expected 1 to {}, the layers of the backbone", o.first_exit, layers);
  s.max_length = o.max_length > 0 ? o.max_length : std::min(kPaperLength, longest);
  if (o.max_length != 0 && (o.max_length < kShortest || o.max_length > arch.max_length))
    fail_usage("--max-length {}, expected {} to {}, the positions of this model", o.max_length,
               kShortest, arch.max_length);
  if (o.compute == ComputeType::int8)
    throw_usage("int8, expected float32 or bfloat16: training needs finer steps");
  s.precision = runtime::precision_of(o.compute);
  s.kernels = &runtime::choose_table(o.isa);
  s.threads = o.threads > 0 ? o.threads : usable_cpus();
  s.best_by = o.best_by != BestBy::automatic ? o.best_by
              : recipe.early_exits           ? BestBy::mean
                                             : BestBy::last;
  return s;
}

LoopOptions loop_options(const StageRow& row, int64_t index, const TrainOptions& o,
                         const Settings& s) {
  LoopOptions l;
  l.aim = row.aim;
  l.epochs = row.third ? std::max(1.0, std::floor(s.epochs / 3)) : s.epochs;
  if (row.third && s.epochs < 1) l.epochs = s.epochs / 3;
  l.batch = s.batch;
  l.skip_short = s.recipe->skip_short;
  l.micro_rows = o.micro_batch;
  l.warmup_share = s.warmup;
  l.constant_rate = s.recipe->constant_rate;
  l.clip = o.clip;
  l.hidden_dropout = s.dropout;
  l.attention_dropout = s.attention_dropout;
  l.seed = index == 0 ? o.seed : mix_bits(o.seed + static_cast<uint64_t>(index));
  l.first_exit = o.first_exit;
  l.temperature = o.temperature;
  l.hidden_share = o.hidden_share;
  l.class_weights = o.class_weights;
  l.pos_weights = o.pos_weights;
  l.label_smoothing = o.label_smoothing;
  return l;
}

std::vector<std::string> choose_exits(const TrainOptions& o, checkpoint::Backbone* backbone) {
  const RecipeRow& recipe = recipe_row(o.recipe);
  const model::Architecture& arch = backbone->model.arch;
  const auto layers = static_cast<int64_t>(arch.layers.size());
  const bool ramps_alone = recipe.ramps_alone();
  ExitWishes wishes;
  wishes.layers = ramp_layers(o, recipe.recipe, layers);
  wishes.must_keep = ramps_alone;
  wishes.problem = o.problem;
  wishes.labels = o.labels;
  wishes.seed = o.seed;
  std::string why, tried;
  for (const std::string& dialect :
       dialect_candidates(o, recipe.recipe, backbone->model.provenance.dialect)) {
    wishes.dialect = dialect;
    const bool chooses = dialect == "costeff" || dialect == "cost-eff";
    const bool mean = o.pooling == ExitPooling::mean ||
                      (o.pooling == ExitPooling::automatic && ramps_alone && chooses);
    wishes.pooling = mean ? model::Pooling::mean : model::Pooling::first;
    // CoFi's slender models have a pooler that gives more than it reads.
    wishes.any_last = ramps_alone || recipe.matches_layers() ||
                      (dialect == "costeff" && o.pooling == ExitPooling::automatic);
    checkpoint::Backbone with_exits = *backbone;
    std::vector<std::string> notes = give_exits(&with_exits, wishes);
    std::string fault = checkpoint::why_not(dialect, with_exits.model, &with_exits.config);
    if (fault.empty() && ramps_alone && dialect == "pabee")
      fault = "trains off-ramps alone, and pabee's exits share a pooler with the last one";
    if (fault.empty()) {
      check_learned_exits(o, recipe);
      if (!why.empty()) notes.push_back(fmt::format("written as {}: the model {}", dialect, why));
      if (dialect != "berxit" && recipe.learns_to_exit())
        notes.push_back(fmt::format("{}'s exits are not learned: that part is left out", dialect));
      if (is_regression(o) && recipe.stages.front().aim == Aim::self_distil)
        notes.emplace_back(
            "self-distil on a regression is the same as joint: a score has no probabilities to "
            "learn from");
      checkpoint::set_dialect(&with_exits.model, dialect);
      // Without off-ramps some dialects are plain ones.
      model::Model named = with_exits.model;
      with_exits.model.provenance.dialect =
          checkpoint::name_model(&named, with_exits.config).dialect;
      *backbone = std::move(with_exits);
      return notes;
    }
    if (why.empty()) why = std::move(fault);
  }
  fail_usage(
      "the model {}; expected another dialect or other exits (--dialect costeff says any form)",
      why);
}

}  // namespace costeff::train
