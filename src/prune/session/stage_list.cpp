#include "prune/session/stage_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace costeff::prune {
namespace {

// The learning rates of stages 3 and 4, as parts of that of stages 2 and 5.
constexpr double kPruningRate = 0.5, kStatesRate = 1.5;

// CoFi's scripts: small tasks of GLUE have up to 8,551 rows, the others 67,349 and more.
constexpr int64_t kSmallTask = 20000;
constexpr double kMaskEpochs = 20, kSmallMaskEpochs = 100, kLayersEpochs = 20;
constexpr double kMaskWarmup = 2 / kMaskEpochs, kSmallMaskWarmup = 20 / kSmallMaskEpochs;

// Numbers a stage and adds it.
void add_stage(SlenderStage stage, double epochs_scale, std::vector<SlenderStage>* stages) {
  stage.directory = fmt::format("{:02}-{}", stages->size() + 1, stage.name);
  std::replace(stage.directory.begin(), stage.directory.end(), ' ', '-');
  stage.epochs *= epochs_scale;
  stages->push_back(std::move(stage));
}

}  // namespace

std::vector<SlenderStage> costeff_stages(const StageListInput& in, const SlenderTrainOptions& o) {
  const CosteffEpochs epochs = costeff_epochs(
      in.task, in.rows, static_cast<double>(in.to.heads) / static_cast<double>(in.all_heads));
  std::vector<SlenderStage> stages;
  const auto add = [&](SlenderStage stage) {
    add_stage(std::move(stage), o.epochs_scale, &stages);
  };
  if (in.assistant && !o.backbone.empty()) {
    add({.name = "backbone",
         .what = "the backbone, by the model's hidden states",
         .recipe = "states",
         .epochs = epochs.assistant_states,
         .from_backbone = true,
         .teacher_is_model = true,
         .widths = in.from});
  }
  if (in.assistant) {
    add({.name = "assistant",
         .what = "off-ramps at full width, by the model's answers and the labels",
         .recipe = "assist",
         .epochs = epochs.assistant,
         .teacher_is_model = true,
         .widths = in.from});
  }
  const int64_t prunings = prunings_between(in.from, in.to);
  for (int64_t k = 1; k <= prunings; ++k) {
    const Widths widths = widths_after(in.from, in.to, in.hidden, k, prunings);
    // One pass over the rows, whatever the period.
    const double pass =
        o.rows > 0 ? static_cast<double>(o.rows) / static_cast<double>(in.rows) / o.epochs_scale
                   : 1;
    add({.name = fmt::format("prune {}", k),
         .what = "drops what matters least to the loss",
         .kind = SlenderStage::Kind::importance,
         .epochs = pass,
         .pruning = k,
         .widths = widths});
    // The final shape is trained by the stages after it.
    if (k == prunings) break;
    add({.name = fmt::format("recover {}", k),
         .what = "by the assistant's hidden states, then also by its answers",
         .recipe = "shrink",
         .epochs = epochs.period,
         .rate = restored_rate(kPruningRate, k),
         .pruning = k,
         .hidden_share = epochs.states_share,
         .widths = widths});
  }
  add({.name = "states",
       .what = "the slender model, by the assistant's hidden states",
       .recipe = "states",
       .epochs = epochs.states,
       .rate = kStatesRate,
       .widths = in.to});
  add({.name = "answers",
       .what = "and by its answers at each exit",
       .recipe = "answers",
       .epochs = epochs.answers,
       .widths = in.to});
  return stages;
}

std::vector<SlenderStage> cofi_stages(int64_t rows, const SlenderTrainOptions& o) {
  std::vector<SlenderStage> stages;
  add_stage({.name = "masks",
             .what = "learns what stays, and by the model's layers and answers",
             .kind = SlenderStage::Kind::masks,
             .epochs = rows < kSmallTask ? kSmallMaskEpochs : kMaskEpochs,
             .from_backbone = !o.backbone.empty(),
             .teacher_is_model = true},
            o.epochs_scale, &stages);
  add_stage({.name = "layers",
             .what = "what stays, by the model's layers and answers",
             .recipe = "cofi",
             .epochs = kLayersEpochs,
             .teacher_is_model = true},
            o.epochs_scale, &stages);
  return stages;
}

double cofi_warmup(int64_t rows) { return rows < kSmallTask ? kSmallMaskWarmup : kMaskWarmup; }

}  // namespace costeff::prune
