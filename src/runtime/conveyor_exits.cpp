// At an exit the conveyor computes logits for the whole group, writes answers, and marks the sequences
// that leave.

#include <costeff/policy.h>

#include <algorithm>
#include <cmath>

#include "base/fail.h"
#include "exit/kept_probs.h"
#include "runtime/conveyor.h"

namespace costeff::runtime {
namespace {

// What an exit computes for one sequence.
struct Answer {
  int64_t layer;
  std::span<const float> logits, probs;  // [C]; probs empty for regression
  exits::ExitScore score;
  int64_t label = 0;  // none where answers are sets
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
  result->label = a.label;
  result->prob = a.score.prob;
  result->entropy = a.score.entropy;
}

// Keeps the labels of a sequence that has not left in its result, and returns their number for the policy:
// that of the exit before, `state`, if they are the same.
int32_t keep_labels(const exits::Scoring& scoring, const exits::ExitState& state,
                    std::span<const float> probs, std::vector<int32_t>* chosen, Result* result) {
  exits::choose_labels(scoring, probs, chosen);
  const bool same = *chosen == result->labels;
  result->labels.swap(*chosen);
  return same ? state.label : state.label + 1;
}

// Makes the answer of the exit the mean of the exits in a row, whose sums are in `kept`; logits stay.
void take_mean(const exits::Scoring& scoring, int64_t count, std::span<float> kept, Answer* a,
               Result* result) {
  exits::average_answer(scoring, count, kept, &a->score);
  a->probs = kept;
  if (is_multi_label(scoring)) {
    exits::choose_labels(scoring, kept, &result->labels);
  } else {
    a->label = a->score.label;
  }
}

void check_logits(const model::Model& m, const model::Head& head, std::span<const float> logits) {
  for (float v : logits) {
    if (!std::isfinite(v)) {
      fail_model(
          "{}the logits of the exit at layer {} are not finite: the weights overflow float32",
          tensor_place(m.parameters.tensor(head.classifier.weight)), head.layer);
    }
  }
}

}  // namespace

void Conveyor::ask_exit(size_t h, int64_t n, Waiting* w) {
  const model::Head& head = model_.spec.arch.heads[h];
  const int64_t layer = head.layer;
  const auto labels = static_cast<size_t>(model_.spec.arch.num_labels);
  history_.clear();
  if (head.last_n_hidden > 1) {
    const int64_t states = layer + 1, available = std::min(states, history_size_);
    for (int64_t s = states - available; s < states; ++s)
      history_.push_back(w->history[static_cast<size_t>(s % history_size_)].data());
  } else {
    float* pooled = pooled_.reserve(n * hidden_);
    keep_pooled(head.pooling, *w, n, pooled);
    history_.push_back(pooled);
  }
  float* logits = logits_.reserve(n * model_.spec.arch.num_labels);
  float* uncertain = uncertain_.reserve(n);
  const model::HeadWeights& weights = model_.weights.head(static_cast<int64_t>(h));
  const auto compute = [&](const Crew& crew) {
    model::run_head(model_.kernels, head, weights, hidden_, n, history_.data(),
                    static_cast<int64_t>(history_.size()), logits, uncertain, &head_scratch_, crew);
  };
  if (team_) {
    team_->run(compute);
  } else {
    compute({});
  }

  const bool last = layer == plan_.last_layer;
  const exits::Scoring scoring{model_.spec.arch.problem, plan_.label_thresholds};
  probs_.resize(labels);
  const std::span<float> probs(probs_);
  for (int64_t b = 0; b < n; ++b) {
    const auto at = static_cast<size_t>(b);
    Answer a{layer, {logits + at * labels, labels}, {}, {}};
    check_logits(model_.spec, head, a.logits);
    a.score = exits::score_logits(scoring, a.logits, probs);
    a.label = a.score.label;
    if (head.lte) a.score.uncertainty = uncertain[b];
    if (!is_regression(scoring)) a.probs = probs;
    const Ticket& ticket = w->tickets[at];
    bool answer = ticket.result->exit_layer == 0;
    if (answer) {
      if (is_multi_label(scoring))
        a.score.label = keep_labels(scoring, w->states[at], a.probs, &labels_, ticket.result);
      if (kept_ > 0)
        exits::keep_probs(plan_.policy, scoring.problem, layer, a.probs, w->states[at],
                          w->kept_of(b), &a.score);
      answer = last || exits::leaves(plan_.policy, scoring.problem, layer, a.score, &w->states[at]);
    }
    if (plan_.all_exits) append_exit(a, ticket.result);
    if (answer && !last && averages(plan_.policy))
      take_mean(scoring, plan_.policy.patience, w->kept_of(b), &a, ticket.result);
    if (answer) set_answer(a, ticket.result);
    leaving_[at] = last || (answer && !plan_.all_exits);
    *ticket.unanswered -= leaving_[at];
  }
}

// Question answering: start and end logits of all tokens that are not padding.
void Conveyor::ask_tokens(int64_t n, Waiting* w) {
  const model::Head& head = model_.spec.arch.heads.back();
  const int64_t tokens = w->view(n).tokens();
  float* logits = logits_.reserve(tokens * 2);
  model::run_token_head(
      model_.kernels, model_.weights.head(static_cast<int64_t>(model_.spec.arch.heads.size()) - 1),
      hidden_, tokens, w->x.data(), logits, &head_scratch_);
  for (size_t b = 0; b < static_cast<size_t>(n); ++b) {
    const std::span<const float> own(logits + int64_t{w->start[b]} * 2,
                                     static_cast<size_t>(w->real[b]) * 2);
    check_logits(model_.spec, head, own);
    Result& result = *w->tickets[b].result;
    result.exit_layer = head.layer;
    result.token_logits.assign(own.begin(), own.end());
    --*w->tickets[b].unanswered;
  }
}

}  // namespace costeff::runtime
