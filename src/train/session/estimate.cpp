#include "train/session/estimate.h"

#include <algorithm>

#include "runtime/stream.h"
#include "train/session/clock.h"
#include "train/session/workshop.h"

namespace costeff::train {
namespace {

constexpr auto kFloat = static_cast<int64_t>(sizeof(float));
constexpr int64_t kProgram = int64_t{24} << 20;  // code, tokenizer, buffers
constexpr int64_t kSteps = 5;                    // that are timed, after one that is not
constexpr size_t kRows = 200;                    // of the development set
constexpr size_t kPooledRows = 400;              // of the training set

double ratio(int64_t a, int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

// Time goes by tokens; of states that are kept, by rows.
double stage_seconds(const Prepared& p, Stage* stage, Workshop* shop, bool by_rows) {
  stage->step(shop);
  const auto begin = Clock::now();
  int64_t steps = 0, done = 0;
  while (steps < kSteps && !stage->loop.done()) {
    const StepReport step = stage->step(shop);
    done += by_rows ? step.rows : step.tokens;
    ++steps;
  }
  if (done == 0) return 0;
  const TrainStage& planned = p.plan.stages[static_cast<size_t>(stage->index)];
  const double epoch = seconds_since(begin) * ratio(by_rows ? p.plan.rows : p.plan.tokens, done);
  return epoch * planned.epochs;
}

double evaluation_seconds(const Prepared& p, const model::Model& model) {
  Judging some = p.judging();
  some.gold = some.gold.first(std::min(kRows, some.gold.size()));
  some.rows = some.rows.first(some.gold.size());
  some.metric = nullptr;
  const auto begin = Clock::now();
  judge(model, some);
  return seconds_since(begin) * ratio(p.plan.dev_rows, static_cast<int64_t>(some.rows.size()));
}

// The engine's float32 weights, packed, for an evaluation, and a table of places (model/weights.h). A
// thread has up to a batch and a half waiting before each layer, in buffers that grew by half, and what
// a layer needs (runtime/conveyor.cpp).
int64_t evaluation_bytes(const model::Architecture& arch, const model::Parameters& parameters,
                         int64_t threads) {
  int64_t floats = 2 * arch.max_length * arch.hidden_size;
  int64_t widest = 0;
  for (const model::Layer& layer : arch.layers) {
    const int64_t qkv = layer.attention ? 5 * layer.attention->query.out : 0;
    widest = std::max(widest, qkv + (layer.ffn ? layer.ffn->in.out : 0));
  }
  const auto layers = static_cast<int64_t>(arch.layers.size());
  floats += threads * runtime::kBatchTokens *
            ((layers + 1) * arch.hidden_size * 9 / 4 + widest + arch.hidden_size);
  for (const model::ParameterId id : model::parameters_in_use(arch)) {
    const model::Parameter& p = parameters[id];
    if (p.role >= model::Role::embedding_map || p.role == model::Role::word_up)
      floats += p.tensor.numel();
  }
  return floats * kFloat;
}

// Output matrices times masks.
int64_t masked_bytes(const model::Model& m) {
  int64_t floats = 0;
  model::for_each_parameter(m, [&](const model::Parameter& p) {
    if (p.role == model::Role::attention_out || p.role == model::Role::ffn_out)
      floats += p.tensor.numel();
  });
  return floats * kFloat;
}

int64_t row_bytes(const Encoded& rows) {
  int64_t bytes = 0;
  for (const Row& row : rows.rows)
    bytes +=
        static_cast<int64_t>(sizeof(Row) + (row.ids.size() + row.types.size()) * sizeof(int32_t));
  return bytes;
}

}  // namespace

TrainMemory plan_memory(const Prepared& p) {
  const Workshop& shop = *p.shop;
  const Settings& s = p.opened.settings;
  const model::Architecture& arch = shop.model.arch;
  TrainMemory memory;
  memory.weights = shop.weights->bytes();
  if (shop.teacher_weights) memory.weights += shop.teacher_weights->bytes();
  memory.rows = row_bytes(p.rows) + row_bytes(p.dev_rows);
  const bool ramps_alone = s.recipe->ramps_alone();
  for (size_t i = 0; i < s.recipe->stages.size(); ++i) {
    const StageRow& row = s.recipe->stages[i];
    if (row.masks) memory.weights += masked_bytes(shop.model);
    int64_t moments = 0;
    for (int64_t id = 0; id < shop.weights->count(); ++id) {
      const auto& w = (*shop.weights)[static_cast<model::ParameterId>(id)];
      if (!w.frozen) moments += 2 * kFloat * static_cast<int64_t>(w.value.size());
    }
    memory.gradients = std::max(memory.gradients, moments);
    const LoopOptions loop = loop_options(row, static_cast<int64_t>(i), p.options, s);
    const grad::BatchShape shape = largest_batch(p.rows.rows, loop, ramps_alone);
    const bool hidden = row.aim == Aim::hidden || row.aim == Aim::layers;
    int64_t bytes = shop.network->bytes(shape, s.threads, {.wanted = {}, .hidden = hidden});
    if (row.teacher) {
      bytes +=
          shop.teacher->bytes(shape, s.threads, {.wanted = {}, .hidden = hidden, .keep = false});
    }
    memory.activations = std::max(memory.activations, bytes);
  }
  if (ramps_alone) {
    const int64_t pooled = pooled_bytes(arch.heads, static_cast<int64_t>(arch.layers.size()),
                                        arch.hidden_size, p.plan.rows);
    if (pooled <= p.options.memory_budget) memory.rows += pooled;
    const Ramps ramps(*shop.network);
    memory.activations += shop.network->bytes(largest_piece(p.rows.rows), s.threads, ramps.pass());
  }
  if (!p.dev.empty()) memory.evaluation = evaluation_bytes(arch, shop.model.parameters, s.threads);
  memory.total = memory.weights + memory.gradients + memory.activations + memory.evaluation +
                 memory.rows + kProgram;
  return memory;
}

double estimate_seconds(const Prepared& p) {
  Opened opened = p.open();
  Workshop shop(&opened, p.options);
  std::span<const Row> rows = p.rows.rows;
  double seconds = 0;
  const bool ramps_alone = opened.settings.recipe->ramps_alone();
  if (ramps_alone) {
    rows = rows.first(std::min(rows.size(), kPooledRows));
    const auto begin = Clock::now();
    shop.pooled = compute_pooled(shop.network.get(), &shop.team, rows, INT64_MAX, "", nullptr);
    int64_t tokens = 0;
    for (const Row& row : rows) tokens += static_cast<int64_t>(row.ids.size());
    seconds += seconds_since(begin) * ratio(p.plan.tokens, tokens);
  }
  const double evaluation = p.dev.empty() ? 0 : evaluation_seconds(p, shop.model);
  for (size_t i = 0; i < p.plan.stages.size(); ++i) {
    Stage stage(static_cast<int64_t>(i), p.options, opened.settings, &shop, rows);
    seconds += stage_seconds(p, &stage, &shop, ramps_alone);
    if (!stage.row.answers) continue;
    const int64_t steps = p.plan.stages[i].steps, every = p.plan.eval_every;
    seconds += evaluation * static_cast<double>((steps + every - 1) / every);
  }
  return seconds;
}

}  // namespace costeff::train
