#include "train/loop.h"

#include <algorithm>
#include <numeric>

#include "base/fail.h"
#include "base/split_mix.h"

namespace costeff::train {
namespace {

uint64_t draw_below(uint64_t n, uint64_t* state) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(split_mix(state)) * n) >> 64);
}

}  // namespace

Loop::Loop(grad::TrainedWeights* weights, grad::Network* network, Optimiser* optimiser,
           std::span<const Row> rows, const LoopOptions& options, grad::Network* teacher)
    : w_(*weights),
      network_(*network),
      optimiser_(*optimiser),
      rows_(rows),
      options_(options),
      teacher_(teacher),
      order_(rows.size()) {
  const auto count = static_cast<int64_t>(rows.size());
  steps_of_epoch_ = count / options.batch + (!options.skip_short && count % options.batch != 0);
  steps_ = steps_of_epoch_ * options.epochs;
  batch_.pad_token = options.pad_token;
  for (int64_t odd = 0; odd < 2; ++odd) {
    objectives_[odd] =
        objective_of(options.aim, network->heads(), network->layers(), w_.arch().regression, odd,
                     options.first_exit, options.temperature);
  }
  shuffle();
}

// Fisher and Yates's, of the epoch in hand.
void Loop::shuffle() {
  std::iota(order_.begin(), order_.end(), 0);
  uint64_t state =
      options_.seed ^ (static_cast<uint64_t>(position_.epoch) + 1) * 0xD1B54A32D192ED03u;
  for (size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[draw_below(i, &state)]);
}

void Loop::go_to(const LoopPosition& position) {
  position_ = position;
  shuffle();
}

double Loop::factor() const {
  const auto warmup = static_cast<int64_t>(options_.warmup_share * static_cast<double>(steps_));
  return optim::linear_schedule(position_.step, warmup, steps_);
}

void Loop::begin_step() {
  const auto count = static_cast<int64_t>(rows_.size());
  step_end_ = std::min(position_.row + options_.batch, count);
  step_rows_ = step_end_ - position_.row;
  next_row_ = position_.row;
  step_tokens_ = 0;
  loss_ = 0;
  dropout_ = {options_.hidden_dropout, options_.attention_dropout,
              grad::dropout_key(options_.seed, static_cast<uint64_t>(position_.step))};
}

bool Loop::next_micro_batch(int64_t threads) {
  if (next_row_ >= step_end_) return false;
  batch_.clear();
  labels_.clear();
  scores_.clear();
  while (next_row_ < step_end_) {
    const int32_t at = order_[static_cast<size_t>(next_row_)];
    const Row& row = rows_[static_cast<size_t>(at)];
    const auto tokens = static_cast<int64_t>(row.ids.size());
    if (batch_.rows() > 0 && batch_.tokens() + tokens > options_.micro_tokens) break;
    batch_.add(row.ids, row.types, static_cast<uint32_t>(at));
    if (w_.arch().regression) {
      scores_.push_back(row.score);
    } else {
      labels_.push_back(row.label);
    }
    step_tokens_ += tokens;
    ++next_row_;
  }
  network_.reserve(batch_, threads);
  if (teacher_) teacher_->reserve(batch_, threads);
  return true;
}

void Loop::compute(const Crew& crew) {
  if (teacher_) teacher_->forward(batch_, {}, crew);
  network_.forward(batch_, dropout_, crew);
  if (crew.leads()) {
    if (teacher_) {
      const size_t last = teacher_->heads().size() - 1;
      answer_.logits.clear();
      for (size_t e = 0; e < network_.heads().size(); ++e)
        answer_.logits.push_back(teacher_->logits(std::min(e, last)));
      answer_.hidden.clear();
      for (int64_t i = 0; objective().hidden != 0 && i <= network_.layers(); ++i)
        answer_.hidden.push_back(teacher_->hidden_state(i));
    }
    loss_ += losses_.exits(objective(), network_, {labels_, scores_}, answer_, batch_.rows(),
                           step_rows_);
    hidden_ = losses_.hidden(objective(), batch_, answer_, network_, step_rows_);
  }
  crew.meet();
  network_.backward(batch_, dropout_, crew, {losses_.gradients(), hidden_, objective().rescale});
}

void Loop::finish_micro_batch() { loss_ += losses_.hidden_loss(); }

void Loop::finish_step(double norm, StepReport* report) {
  if (!loss_is_finite() || !std::isfinite(norm)) {
    fail(ErrorKind::internal,
         "step {}: the {} is not finite; the weights are as they were before it. A lower learning "
         "rate helps",
         position_.step, loss_is_finite() ? "gradient's norm" : "loss");
  }
  *report = {position_.step, position_.epoch, loss_, norm, factor(), step_rows_, step_tokens_};
  ++position_.step;
  ++position_.in_epoch;
  position_.row = step_end_;
  if (position_.in_epoch < steps_of_epoch_) return;
  ++position_.epoch;
  position_.row = position_.in_epoch = 0;
  shuffle();
}

}  // namespace costeff::train
