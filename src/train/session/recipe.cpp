#include "train/session/recipe.h"

#include <array>
#include <vector>

#include "base/fail.h"

namespace costeff::train {
namespace {

constexpr std::array kPlain{StageRow{"fine-tune", "everything, by the last exit", Aim::last}};
constexpr std::array kRamps{
    StageRow{"off-ramps", "off-ramps alone, on states computed once", Aim::ramps, Trains::ramps}};
constexpr std::array kDeebert{
    StageRow{"fine-tune", "everything but off-ramps, by the last exit", Aim::last},
    StageRow{"off-ramps", "off-ramps alone", Aim::ramps, Trains::ramps_unfrozen}};
constexpr std::array kJoint{StageRow{"joint", "everything, by all exits", Aim::joint}};
constexpr std::array kWeighted{
    StageRow{"weighted", "everything, by all exits, exit i by i", Aim::weighted}};
constexpr std::array kAlternate{
    StageRow{"alternate", "everything, by the last exit and by all in turns", Aim::alternate}};
constexpr std::array kBerxit{StageRow{
    "alternate", "everything, by the last exit and by the others in turns, learning to exit",
    Aim::alternate_lte}};
constexpr std::array kSelfDistil{
    StageRow{"self-distil", "everything, by all exits, off-ramps also by the last exit's answers",
             Aim::self_distil}};
constexpr std::array kAssistant{
    StageRow{.name = "representations",
             .what = "everything but exits, by the teacher's hidden states",
             .aim = Aim::hidden,
             .teacher = true,
             .third = true,
             .answers = false},
    StageRow{.name = "predictions",
             .what = "everything, by the teacher's answers and the labels",
             .aim = Aim::assistant,
             .teacher = true}};

// The stages of COST-EFF, one a recipe.
constexpr std::array kStates{
    StageRow{.name = "states",
             .what = "everything but exits, by the teacher's hidden states",
             .aim = Aim::hidden,
             .teacher = true,
             .answers = false}};
constexpr std::array kAssist{kAssistant[1]};
constexpr std::array kShrink{
    StageRow{.name = "recover",
             .what = "everything, by the assistant's hidden states, then also by its answers",
             .aim = Aim::exits_hidden,
             .teacher = true,
             .answers = false}};
constexpr std::array kAnswers{
    StageRow{.name = "answers",
             .what = "everything, by the assistant's hidden states and answers",
             .aim = Aim::exits_hidden,
             .teacher = true}};
constexpr std::array kLayers{StageRow{.name = "layers",
                                      .what = "everything but embeddings, by the teacher's layers "
                                              "and answers",
                                      .aim = Aim::layers,
                                      .teacher = true}};
constexpr std::array kMasks{StageRow{.name = "prune",
                                     .what = "masks of heads, neurons, sublayers and hidden units, "
                                             "and what is left",
                                     .aim = Aim::layers,
                                     .teacher = true,
                                     .masks = true}};

// COST-EFF's schedule.
constexpr double kWarmup = 0.1, kDecay = 0.01;

// Recipes with the settings of DeeBERT's scripts, which BERxiT's are made of.
constexpr Recipe after_deebert(std::string_view name, std::string_view paper, std::string_view use,
                               std::string_view dialect) {
  return {.name = name,
          .paper = paper,
          .use = use,
          .dialect = dialect,
          .learning_rate = 2e-5,
          .epochs = 3,
          .roberta_epochs = 10,
          .batch = 8};
}

constexpr Recipe of_cofi(std::string_view name, std::string_view paper, std::string_view use,
                         int64_t batch) {
  return {.name = name,
          .paper = paper,
          .use = use,
          .early_exits = false,
          .needs_teacher = true,
          .dialect = "plain",
          .learning_rate = 2e-5,
          .epochs = 20,
          .batch = batch};
}

constexpr RecipeRow part_of_costeff(std::string_view name, std::span<const StageRow> stages) {
  return {{.name = name,
           .paper = "Shen et al. 2022, COST-EFF",
           .use = "a stage of costeff slenderize",
           .needs_teacher = true,
           .dialect = "cost-eff",
           .learning_rate = 2e-5,
           .epochs = 3,
           .batch = 32,
           .warmup = kWarmup,
           .decay = kDecay},
          stages,
          true,
          true};
}

constexpr std::array<RecipeRow, 15> kRecipes{{
    {{.name = "plain",
      .paper = "Devlin et al. 2019",
      .use = "a classifier without off-ramps, from a pretrained encoder",
      .early_exits = false,
      .dialect = "plain",
      .learning_rate = 2e-5,
      .epochs = 3,
      .batch = 32,
      .warmup = kWarmup,
      .decay = kDecay},
     kPlain},
    {{.name = "ramps",
      .paper = "",
      .use = "off-ramps for a classifier that is fine-tuned already; its own answers stay",
      .dialect = "costeff",
      .learning_rate = 1e-3,
      .epochs = 3,
      .batch = 32,
      .warmup = kWarmup,
      .decay = kDecay},
     kRamps},
    {after_deebert("deebert", "Xin et al. 2020, DeeBERT",
                   "fine-tuning, then off-ramps on it: the last layer is as good as a plain one's",
                   "deebert"),
     kDeebert},
    {after_deebert("joint", "Xin et al. 2021, BERxiT (all)",
                   "all exits together: better early layers, a slightly worse last one", "deebert"),
     kJoint},
    {{.name = "weighted",
      .paper = "Zhou et al. 2020, PABEE",
      .use = "all exits, later ones count more; for exits by patience",
      .dialect = "pabee",
      .learning_rate = 2e-5,
      .epochs = 5,
      .batch = 32},
     kWeighted},
    {after_deebert("alternate", "Xin et al. 2021, BERxiT",
                   "the last exit and all exits in turns: both good", "deebert"),
     kAlternate},
    {after_deebert("berxit", "Xin et al. 2021, BERxiT (alternate-lte)",
                   "the same in the code's form, with learned exits, which regressions need",
                   "berxit"),
     kBerxit},
    {after_deebert("self-distil", "Xin et al. 2021, BERxiT (self_distil)",
                   "all exits, which also learn from the last one's answers", "deebert"),
     kSelfDistil},
    {{.name = "assistant",
      .paper = "Shen et al. 2022, COST-EFF (stages 2a, 2b)",
      .use = "all exits, distilled from a fine-tuned model of the same shape",
      .needs_teacher = true,
      .dialect = "cost-eff",
      .learning_rate = 2e-5,
      .epochs = 3,
      .batch = 32,
      .warmup = kWarmup,
      .decay = kDecay},
     kAssistant,
     true},
    part_of_costeff("states", kStates),
    part_of_costeff("assist", kAssist),
    part_of_costeff("shrink", kShrink),
    part_of_costeff("answers", kAnswers),
    {.recipe = of_cofi("cofi", "Xia et al. 2022, CoFi (the last stage)",
                       "a slender model's exits and layers, distilled from the whole one", 64),
     .stages = kLayers,
     .torch_adam = true,
     .embeddings_stay = true,
     .constant_rate = true},
    {.recipe =
         of_cofi("cofi-prune", "Xia et al. 2022, CoFi", "the stage that prunes (prune/cofi)", 32),
     .stages = kMasks,
     .part = true,
     .torch_adam = true,
     .embeddings_stay = true},
}};

[[noreturn]] void throw_unknown_recipe(std::string_view name) {
  std::string known;
  for (const RecipeRow& row : kRecipes)
    if (!row.part) known += (known.empty() ? "" : ", ") + std::string(row.recipe.name);
  fail_usage("recipe \"{}\", expected one of {}", name, known);
}

}  // namespace

const RecipeRow& recipe_row(std::string_view name) {
  for (const RecipeRow& row : kRecipes)
    if (row.recipe.name == name) return row;
  throw_unknown_recipe(name);
}

}  // namespace costeff::train

namespace costeff {

std::span<const Recipe> recipes() {
  static const std::vector<Recipe> all = [] {
    std::vector<Recipe> list;
    for (const train::RecipeRow& row : train::kRecipes)
      if (!row.part) list.push_back(row.recipe);
    return list;
  }();
  return all;
}

const char* best_by_name(BestBy best_by) {
  switch (best_by) {
    case BestBy::automatic:
      return "auto";
    case BestBy::last:
      return "last";
    case BestBy::mean:
      return "mean";
  }
  return "";
}

const char* train_end_name(TrainEnd end) {
  switch (end) {
    case TrainEnd::finished:
      return "finished";
    case TrainEnd::early_stop:
      return "early_stop";
    case TrainEnd::time_limit:
      return "time_limit";
  }
  return "";
}

const Recipe& find_recipe(std::string_view name) {
  const train::RecipeRow& row = train::recipe_row(name);
  if (row.part) train::throw_unknown_recipe(name);
  return row.recipe;
}

}  // namespace costeff
