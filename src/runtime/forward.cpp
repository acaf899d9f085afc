#include "runtime/forward.h"

#include <costeff/error.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace costeff::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point* t) {
  const auto now = Clock::now();
  const double s = std::chrono::duration<double>(now - *t).count();
  *t = now;
  return s;
}

// One run of one batch: the state between layers.
struct Pass {
  const LoadedModel& model;
  const ForwardPlan& plan;
  Batch& batch;
  std::span<Result> results;
  ForwardScratch& scratch;
  int64_t hidden;
  int64_t history_size;     // hidden states kept, pooled
  int64_t states = 0;       // hidden states pooled so far
  float* x = nullptr;       // [T, H]; after a trimmed last layer [B, H]
  bool first_only = false;  // x holds first tokens alone

  model::PackedView view() const {
    return {batch.sequences(), batch.start.data(), batch.real.data()};
  }
  FloatBuffer& slot(int64_t state) {
    return scratch.pooled[static_cast<size_t>(state % history_size)];
  }
};

model::Pooling pooling_of(const LoadedModel& m) { return m.spec.heads.back().pooling; }

// Pools the present hidden states into the ring.
void keep_pooled(Pass* p) {
  const int64_t sequences = p->batch.sequences();
  float* to = p->slot(p->states++).reserve(sequences * p->hidden);
  if (p->first_only) {
    std::memcpy(to, p->x, sizeof(float) * static_cast<size_t>(sequences * p->hidden));
  } else {
    model::pool(pooling_of(p->model), p->view(), p->hidden, p->x, to);
  }
}

// What an exit says of one sequence.
struct Answer {
  int64_t layer;
  std::span<const float> logits, probs;  // [C]; probs empty for regression
  exits::ExitScore score;
};

void append_exit(const Answer& a, Result* result) {
  ExitOutput& e = result->exits.emplace_back();
  e.layer = a.layer;
  e.logits.assign(a.logits.begin(), a.logits.end());
  e.probs.assign(a.probs.begin(), a.probs.end());
  e.entropy = a.score.entropy;
  e.uncertainty = a.score.uncertainty;
}

void set_answer(const Answer& a, Result* result) {
  result->exit_layer = a.layer;
  result->logits.assign(a.logits.begin(), a.logits.end());
  result->probs.assign(a.probs.begin(), a.probs.end());
  result->label = a.score.label;
  result->prob = a.score.prob;
  result->entropy = a.score.entropy;
}

void check_logits(const model::Head& head, std::span<const float> logits) {
  for (float v : logits) {
    if (!std::isfinite(v)) {
      throw_model(tensor_place(head.classifier.weight) + "the logits of the exit at layer " +
                  std::to_string(head.layer) + " are not finite: the weights overflow float32");
    }
  }
}

// Computes the exit `h` at `layer`, stores answers, marks who leaves. Returns how many do.
int64_t ask_exit(Pass* p, int64_t h, int64_t layer) {
  const model::Head& head = p->model.spec.heads[static_cast<size_t>(h)];
  const int64_t sequences = p->batch.sequences();
  const auto labels = static_cast<size_t>(p->model.spec.num_labels);
  const int64_t available = std::min(p->states, p->history_size);
  p->scratch.history.clear();
  for (int64_t s = p->states - available; s < p->states; ++s)
    p->scratch.history.push_back(p->slot(s).data());
  float* logits = p->scratch.logits.reserve(sequences * static_cast<int64_t>(labels));
  float* uncertain = p->scratch.uncertain.reserve(sequences);
  model::run_head(p->model.kernels, head, p->model.weights.head(h), p->hidden, sequences,
                  p->scratch.history.data(), available, logits, uncertain, &p->scratch.head);

  int64_t leaving = 0;
  const bool last = layer == p->plan.last_layer;
  p->scratch.probs.resize(labels);
  const std::span<float> probs(p->scratch.probs);
  for (int64_t b = 0; b < sequences; ++b) {
    Answer a{layer, {logits + static_cast<size_t>(b) * labels, labels}, {}, {}};
    check_logits(head, a.logits);
    a.score = exits::score_logits(a.logits, probs);
    if (head.lte) a.score.uncertainty = uncertain[b];
    const bool regression = p->model.spec.regression;
    if (!regression) a.probs = probs;
    Result& result = p->results[static_cast<size_t>(p->batch.row[static_cast<size_t>(b)])];
    const bool answer = result.exit_layer == 0 &&
                        (last || exits::leaves(p->plan.policy, regression, layer, a.score,
                                               &p->scratch.states[static_cast<size_t>(b)]));
    if (answer) set_answer(a, &result);
    if (p->plan.all_exits) append_exit(a, &result);
    const bool leave = last || (answer && !p->plan.all_exits);
    p->scratch.leaving[static_cast<size_t>(b)] = leave;
    leaving += leave;
  }
  return leaving;
}

// Question answering: start and end logits of every token that is not padding.
void ask_tokens(Pass* p, int64_t layer) {
  const model::Head& head = p->model.spec.heads.back();
  const Batch& batch = p->batch;
  float* logits = p->scratch.logits.reserve(batch.tokens() * 2);
  model::run_token_head(p->model.kernels,
                        p->model.weights.head(static_cast<int64_t>(p->model.spec.heads.size()) - 1),
                        p->hidden, batch.tokens(), p->x, logits);
  for (size_t b = 0; b < batch.row.size(); ++b) {
    const std::span<const float> own(logits + int64_t{batch.start[b]} * 2,
                                     static_cast<size_t>(batch.real[b]) * 2);
    check_logits(head, own);
    Result& result = p->results[static_cast<size_t>(batch.row[b])];
    result.exit_layer = layer;
    result.token_logits.assign(own.begin(), own.end());
  }
}

// Takes the leavers out of the batch, x and the pooled history; the others keep their order.
void close_ranks(Pass* p) {
  Batch& batch = p->batch;
  const int64_t sequences = batch.sequences(), hidden = p->hidden;
  const auto row_bytes = sizeof(float) * static_cast<size_t>(hidden);
  const int64_t available = std::min(p->states, p->history_size);
  int64_t to = 0, token = 0;
  for (int64_t b = 0; b < sequences; ++b) {
    const auto from = static_cast<size_t>(b), at = static_cast<size_t>(to);
    if (p->scratch.leaving[from]) continue;
    const int64_t begin = batch.start[from], count = batch.start[from + 1] - begin;
    if (to != b) {
      std::memmove(p->x + token * hidden, p->x + begin * hidden,
                   row_bytes * static_cast<size_t>(count));
      for (int64_t s = p->states - available; s < p->states; ++s) {
        float* pooled = p->slot(s).data();
        std::memcpy(pooled + to * hidden, pooled + b * hidden, row_bytes);
      }
      batch.row[at] = batch.row[from];
      batch.real[at] = batch.real[from];
      p->scratch.states[at] = p->scratch.states[from];
    }
    // start[to] may be overwritten before it is read as start[from + 1] only if to > from: never.
    batch.start[at] = static_cast<int32_t>(token);
    token += count;
    ++to;
  }
  batch.row.resize(static_cast<size_t>(to));
  batch.real.resize(static_cast<size_t>(to));
  batch.start.resize(static_cast<size_t>(to) + 1);
  batch.start.back() = static_cast<int32_t>(token);
}

int64_t longest_history(const model::Model& m) {
  int64_t n = 1;
  for (const model::Head& h : m.heads) n = std::max(n, h.last_n_hidden);
  return n;
}

}  // namespace

void Batch::clear() {
  ids.clear();
  types.clear();
  start.assign(1, 0);
  real.clear();
  row.clear();
}

ForwardPlan make_plan(const model::Model& m, const ExitPolicy& policy, bool all_exits) {
  const auto layers = static_cast<int64_t>(m.layers.size());
  ForwardPlan plan{policy, all_exits, layers};
  const std::string name = std::string("policy ") + exits::policy_name(policy.kind);
  if (m.regression && (policy.kind == PolicyKind::entropy || policy.kind == PolicyKind::max_prob ||
                       policy.kind == PolicyKind::margin)) {
    throw_usage(name + " needs probabilities, and this model gives a score (regression)");
  }
  const bool has_lte =
      std::any_of(m.heads.begin(), m.heads.end(), [](const auto& h) { return h.lte.has_value(); });
  if (policy.kind == PolicyKind::learned && !has_lte) {
    throw_usage(name + " needs a model with a learned exit (BERxiT), and this one is " + m.dialect);
  }
  if (policy.kind != PolicyKind::fixed) return plan;
  std::string at;
  for (const model::Head& h : m.heads) {
    if (h.layer == policy.layer) {
      if (!all_exits) plan.last_layer = policy.layer;
      return plan;
    }
    at += (at.empty() ? "" : ", ") + std::to_string(h.layer);
  }
  throw_usage("no exit at layer " + std::to_string(policy.layer) +
              "; this model has exits at layer " + at);
}

void forward(const LoadedModel& model, const ForwardPlan& plan, Batch* batch,
             std::span<Result> results, ForwardScratch* scratch, StageTimes* times) {
  const model::Model& spec = model.spec;
  if (batch->sequences() == 0) return;
  auto clock = Clock::now();
  const model::LayerShape shape = model::layer_shape(spec);
  Pass p{.model = model,
         .plan = plan,
         .batch = *batch,
         .results = results,
         .scratch = *scratch,
         .hidden = spec.hidden_size,
         .history_size = longest_history(spec)};
  scratch->pooled.resize(static_cast<size_t>(p.history_size));
  scratch->leaving.assign(static_cast<size_t>(batch->sequences()), 0);
  scratch->states.assign(static_cast<size_t>(batch->sequences()), {});
  p.x = scratch->x.reserve(batch->tokens() * p.hidden);
  model::embed(model.kernels, spec, model.weights.embeddings(), p.view(), batch->ids.data(),
               batch->types.data(), p.x, &scratch->layer);
  if (p.history_size > 1) keep_pooled(&p);
  times->embed_s += seconds_since(&clock);

  size_t h = 0;
  for (int64_t layer = 1; layer <= plan.last_layer && batch->sequences() > 0; ++layer) {
    const model::LayerWeights& weights = model.weights.layer(layer - 1);
    times->layer_tokens += batch->tokens();
    if (layer == plan.last_layer && pooling_of(model) == model::Pooling::first) {
      float* first = scratch->first.reserve(batch->sequences() * p.hidden);
      model::run_layer_first(model.kernels, shape, weights, p.view(), p.x, first, &scratch->layer);
      p.x = first;
      p.first_only = true;
    } else {
      model::run_layer(model.kernels, shape, weights, p.view(), p.x, &scratch->layer);
    }
    times->encoder_s += seconds_since(&clock);

    if (spec.question_answering) {
      if (layer == plan.last_layer) {
        ask_tokens(&p, layer);
        batch->clear();
        times->exits_s += seconds_since(&clock);
      }
      continue;
    }
    while (h < spec.heads.size() && spec.heads[h].layer < layer) ++h;
    const bool exit_here = h < spec.heads.size() && spec.heads[h].layer == layer;
    const bool asked =
        exit_here && (plan.all_exits || layer == plan.last_layer ||
                      (exits::is_adaptive(plan.policy) && layer >= plan.policy.exit_start));
    if (asked || p.history_size > 1) keep_pooled(&p);
    if (asked && ask_exit(&p, static_cast<int64_t>(h), layer) > 0) {
      if (layer == plan.last_layer) {
        batch->clear();
      } else {
        close_ranks(&p);
      }
    }
    times->exits_s += seconds_since(&clock);
  }
}

}  // namespace costeff::runtime
