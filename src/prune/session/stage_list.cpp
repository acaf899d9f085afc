#include "prune/session/stage_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace costeff::prune {
namespace {

// The learning rates of stages 3 and 4, as parts of that of stages 2 and 5.
constexpr double kPruningRate = 0.5, kStatesRate = 1.5;

}  // namespace

std::vector<SlenderStage> costeff_stages(const StageListInput& in, const SlenderTrainOptions& o) {
  const CosteffEpochs epochs = costeff_epochs(
      in.task, in.rows, static_cast<double>(in.to.heads) / static_cast<double>(in.all_heads));
  std::vector<SlenderStage> stages;
  const auto add = [&](SlenderStage stage) {
    stage.directory = fmt::format("{:02}-{}", stages.size() + 1, stage.name);
    std::replace(stage.directory.begin(), stage.directory.end(), ' ', '-');
    stage.epochs *= o.epochs_scale;
    stages.push_back(std::move(stage));
  };
  if (in.assistant && !o.backbone.empty()) {
    add({.name = "assistant states",
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
    add({.name = fmt::format("prune {}", k),
         .what = "drops what matters least to the loss",
         .epochs = 1,
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

}  // namespace costeff::prune
