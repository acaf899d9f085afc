#include "train/loop.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/fail.h"
#include "base/split_mix.h"

namespace costeff::train {
namespace {

using grad::has_classifier;

uint64_t draw_below(uint64_t n, uint64_t* state) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(split_mix(state)) * n) >> 64);
}

uint64_t epoch_seed(uint64_t seed, int64_t epoch) {
  return seed ^ (static_cast<uint64_t>(epoch) + 1) * 0xD1B54A32D192ED03u;
}

// Whether a batch has no room for a row of so many tokens.
bool is_full(int64_t rows, int64_t tokens, int64_t more, const LoopOptions& options) {
  return rows > 0 && (tokens + more > options.micro_tokens || rows == options.micro_rows);
}

}  // namespace

void append_set(std::span<const int32_t> labels, int64_t num_labels, std::vector<float>* sets) {
  const size_t begin = sets->size();
  sets->resize(begin + static_cast<size_t>(num_labels), 0.0f);
  for (const int32_t label : labels) (*sets)[begin + static_cast<size_t>(label)] = 1;
}

grad::Batch batch_of(std::span<const Row> rows, const model::Architecture& arch) {
  grad::Batch batch;
  batch.pad_token = std::max<int64_t>(0, arch.embeddings.pad_token());
  for (const Row& row : rows) batch.add(row.ids, row.types, 0);
  return batch;
}

std::span<const Row> first_rows(std::span<const Row> rows, int64_t tokens) {
  size_t end = 0;
  for (int64_t so_far = 0; end < rows.size() && (end == 0 || so_far < tokens); ++end)
    so_far += grad::Batch::places(static_cast<int64_t>(rows[end].ids.size()));
  return rows.first(end);
}

int64_t steps_of_epoch(int64_t rows, const LoopOptions& options) {
  const bool leaves_short = options.skip_short && rows >= options.batch;
  return rows / options.batch + (!leaves_short && rows % options.batch != 0);
}

int64_t steps_of_loop(int64_t rows, const LoopOptions& options) {
  return std::max<int64_t>(
      1, std::llround(options.epochs * static_cast<double>(steps_of_epoch(rows, options))));
}

void shuffle_rows(uint64_t seed, int64_t epoch, std::vector<int32_t>* order) {
  std::iota(order->begin(), order->end(), 0);
  uint64_t state = epoch_seed(seed, epoch);
  for (size_t i = order->size(); i > 1; --i)
    std::swap((*order)[i - 1], (*order)[draw_below(i, &state)]);
}

void order_rows(const LoopOptions& options, int64_t epoch, std::vector<int32_t>* order) {
  if (!options.with_replacement) {
    shuffle_rows(options.seed, epoch, order);
    return;
  }
  uint64_t state = epoch_seed(options.seed, epoch);
  for (int32_t& row : *order) row = static_cast<int32_t>(draw_below(order->size(), &state));
}

grad::BatchShape largest_batch(std::span<const Row> rows, const LoopOptions& options, bool kept) {
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t of_epoch = steps_of_epoch(count, options), all = steps_of_loop(count, options);
  grad::BatchShape largest;
  if (kept) {
    largest.rows = std::min(options.batch, count);
    if (options.micro_rows > 0) largest.rows = std::min(largest.rows, options.micro_rows);
    return largest;
  }
  std::vector<int32_t> order(rows.size());
  for (int64_t step = 0; step < all; ++step) {
    if (step % of_epoch == 0) order_rows(options, step / of_epoch, &order);
    const int64_t end = std::min((step % of_epoch + 1) * options.batch, count);
    for (int64_t at = step % of_epoch * options.batch; at < end;) {
      grad::BatchShape batch;
      for (; at < end; ++at) {
        const Row& row = rows[static_cast<size_t>(order[static_cast<size_t>(at)])];
        const auto tokens = static_cast<int64_t>(row.ids.size());
        if (is_full(batch.rows, batch.tokens, tokens, options)) break;
        batch.add_row(tokens);
      }
      largest.cover(batch);
    }
  }
  return largest;
}

Loop::Loop(grad::TrainedWeights* weights, grad::Network* network, Optimiser* optimiser,
           std::span<const Row> rows, const LoopOptions& options, grad::Network* teacher)
    : w_(*weights),
      network_(*network),
      optimiser_(optimiser),
      rows_(rows),
      options_(options),
      teacher_(teacher),
      order_(rows.size()) {
  const auto count = static_cast<int64_t>(rows.size());
  steps_of_epoch_ = train::steps_of_epoch(count, options);
  steps_ = steps_of_loop(count, options);
  batch_.pad_token = std::max<int64_t>(0, w_.arch().embeddings.pad_token());
  hidden_steps_ = static_cast<int64_t>(options.hidden_share * static_cast<double>(steps_));
  for (const int64_t step : {0, 1}) {
    const Aim aim = step == 0 && hidden_steps_ > 0 ? Aim::hidden : options.aim;
    turns_[step].objective =
        objective_of(aim, network->heads(), network->layers(), is_regression(w_.arch()), step,
                     options.first_exit, options.temperature);
    turns_[step].objective.hidden_tokens = options.hidden_tokens;
  }
  match_teacher();
  for (const int64_t step : {0, 1}) plan_turn(step);
  order_rows(options_, position_.epoch, &order_);
}

void Loop::match_teacher() {
  const auto asks = [&](auto is_asked) {
    return is_asked(turns_[0].objective) || is_asked(turns_[1].objective);
  };
  const bool hidden = asks([](const Objective& o) { return o.hidden != 0; });
  const bool soft = asks([](const Objective& o) {
    return std::any_of(o.exits.begin(), o.exits.end(),
                       [](const ExitTerms& t) { return t.asks_teacher(); });
  });
  if (!hidden && !soft) {
    teacher_ = nullptr;
    return;
  }
  if (!teacher_) throw_model("no teacher, expected one for a recipe that distils");
  const model::Architecture &ours = w_.arch(), &theirs = teacher_->weights().arch();
  if (hidden &&
      (ours.hidden_size != theirs.hidden_size || network_.layers() != teacher_->layers())) {
    fail_model(
        "the teacher has {} layers of {}, expected {} of {}: its hidden states are distilled",
        teacher_->layers(), theirs.hidden_size, network_.layers(), ours.hidden_size);
  }
  if (!soft) return;
  if (ours.problem != theirs.problem) {
    fail_model("the teacher gives {}, expected {} as the student", answer_kind(theirs.problem),
               answer_kind(ours.problem));
  }
  if (ours.num_labels != theirs.num_labels) {
    fail_model("the teacher has {} labels, expected {} as the student", theirs.num_labels,
               ours.num_labels);
  }
  const auto& exits = teacher_->heads();
  for (const model::Head& head : network_.heads()) {
    size_t e = 0;
    while (exits.size() > 1 && e < exits.size() && exits[e].layer != head.layer) ++e;
    if (e == exits.size()) {
      fail_model("the teacher has no exit at layer {}, expected one at each of the student's",
                 head.layer);
    }
    teacher_exits_.push_back(e);
  }
}

void Loop::plan_turn(int64_t step) {
  Turn& t = turns_[step];
  const auto& heads = network_.heads();
  const bool hidden = t.objective.hidden != 0 || t.objective.layers != 0;
  t.exits = std::make_unique<bool[]>(heads.size());
  bool asks_last = false;
  for (size_t e = 0; e < heads.size(); ++e) {
    const ExitTerms& terms = t.objective.exits[e];
    t.exits[e] = terms.any();
    asks_last = asks_last || terms.self != 0 || (terms.lte != 0 && !has_classifier(heads[e]));
  }
  if (asks_last) t.exits[last_answer(heads)] = true;
  t.student = {.wanted = {t.exits.get(), heads.size()}, .hidden = hidden, .keep = true};
  if (!teacher_) return;
  const size_t n = teacher_->heads().size();
  t.teacher_exits = std::make_unique<bool[]>(n);
  for (size_t e = 0; e < teacher_exits_.size(); ++e)
    if (t.objective.exits[e].asks_teacher()) t.teacher_exits[teacher_exits_[e]] = true;
  t.teacher = {.wanted = {t.teacher_exits.get(), n}, .hidden = hidden, .keep = false};
}

void Loop::make_room(int64_t threads) {
  const grad::BatchShape shape = largest_batch(rows_, options_, kept_.kept != nullptr);
  for (const Turn& t : turns_) {
    network_.make_room(shape, threads, t.student);
    if (teacher_) teacher_->make_room(shape, threads, t.teacher);
    if (t.objective.layers != 0) distillation_->reserve(shape, threads);
  }
}

LoopPosition Loop::position_at(int64_t step) const {
  const int64_t in_epoch = step % steps_of_epoch_;
  return {.step = step,
          .epoch = step / steps_of_epoch_,
          .row = in_epoch * options_.batch,
          .in_epoch = in_epoch};
}

void Loop::go_to(int64_t step) {
  position_ = position_at(step);
  order_rows(options_, position_.epoch, &order_);
}

double Loop::factor() const {
  const auto warmup = static_cast<int64_t>(options_.warmup_share * static_cast<double>(steps_));
  if (options_.constant_rate && position_.step >= warmup) return 1;
  return optim::linear_schedule(position_.step, warmup, steps_);
}

void Loop::begin_step() {
  const auto count = static_cast<int64_t>(rows_.size());
  step_end_ = std::min(position_.row + options_.batch, count);
  step_rows_ = step_end_ - position_.row;
  next_row_ = position_.row;
  step_tokens_ = 0;
  for (int64_t i = position_.row; i < step_end_; ++i) {
    const Row& row = rows_[static_cast<size_t>(order_[static_cast<size_t>(i)])];
    step_tokens_ += static_cast<int64_t>(row.ids.size());
  }
  StepSize size{step_rows_, static_cast<double>(step_rows_)};
  if (!options_.class_weights.empty()) {
    size.label_weights = 0;
    for (int64_t i = position_.row; i < step_end_; ++i) {
      const Row& row = rows_[static_cast<size_t>(order_[static_cast<size_t>(i)])];
      size.label_weights += options_.class_weights[static_cast<size_t>(row.label)];
    }
  }
  losses_.begin(turn().objective, size);
  if (const double weight = turn().objective.layers; weight != 0)
    distillation_->begin(step_tokens_, weight);
  dropout_ = {options_.hidden_dropout, options_.attention_dropout,
              grad::dropout_key(options_.seed, static_cast<uint64_t>(position_.step))};
}

bool Loop::next_micro_batch(int64_t threads) {
  if (next_row_ >= step_end_) return false;
  batch_.clear();
  labels_.clear();
  scores_.clear();
  sets_.clear();
  while (next_row_ < step_end_) {
    const int32_t at = order_[static_cast<size_t>(next_row_)];
    const Row& row = rows_[static_cast<size_t>(at)];
    const auto tokens = static_cast<int64_t>(row.ids.size());
    if (is_full(batch_.rows(), batch_.tokens(), tokens, options_)) break;
    if (kept_.kept) {
      batch_.add_row(static_cast<uint32_t>(at));
    } else {
      batch_.add(row.ids, row.types, static_cast<uint32_t>(at));
    }
    if (is_regression(w_.arch())) {
      scores_.push_back(row.score);
    } else if (is_multi_label(w_.arch())) {
      append_set(row.labels, w_.arch().num_labels, &sets_);
    } else {
      labels_.push_back(row.label);
    }
    ++next_row_;
  }
  network_.reserve(batch_, threads, turn().student);
  if (teacher_) teacher_->reserve(batch_, threads, turn().teacher);
  if (turn().objective.layers != 0) distillation_->reserve(grad::shape_of(batch_), threads);
  return true;
}

void Loop::compute(const Crew& crew) {
  if (optimiser_) optimiser_->catch_up(batch_.ids, crew);
  if (teacher_) teacher_->forward(batch_, {}, crew, turn().teacher);
  if (kept_.kept) {
    network_.forward_from_pooled(batch_, dropout_, crew, kept_.source(), turn().student);
  } else {
    network_.forward(batch_, dropout_, crew, turn().student);
  }
}

void Loop::learn(const Crew& crew) {
  if (crew.leads()) {
    answer_.logits.clear();
    for (const size_t e : teacher_exits_) answer_.logits.push_back(teacher_->logits(e));
    answer_.hidden.clear();
    for (int64_t i = 0; turn().objective.hidden != 0 && i <= network_.layers(); ++i)
      answer_.hidden.push_back(teacher_->hidden_state(i));
    losses_.exits(network_,
                  {labels_, scores_, options_.class_weights, options_.label_smoothing, sets_,
                   options_.pos_weights},
                  answer_, batch_.rows());
    hidden_ = turn().objective.layers != 0 ? distillation_->gradient(batch_, *teacher_)
                                           : losses_.hidden(batch_, answer_, network_);
  }
  crew.meet();
  network_.backward(batch_, dropout_, crew,
                    {losses_.gradients(), hidden_, turn().objective.rescale});
}

double Loop::loss() const {
  double loss = losses_.loss();
  if (const double weight = turn().objective.layers; weight != 0)
    loss += weight * distillation_->loss();
  if (guide_) loss += guide_.loss(guide_.self);
  return loss;
}

void Loop::finish_step(double norm, StepReport* report) {
  const double loss = this->loss();
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    const std::string term = losses_.bad_term(network_.heads());
    fail_input(
        "step {}: the {} is not finite; the weights are as they were before it. A lower learning "
        "rate helps",
        position_.step + 1,
        !term.empty()         ? term
        : std::isfinite(loss) ? "gradient's norm"
                              : "sum of the losses");
  }
  *report = {position_.step, position_.epoch, loss, norm, factor(), step_rows_, step_tokens_};
  const LoopPosition next = position_at(position_.step + 1);
  if (next.epoch != position_.epoch) order_rows(options_, next.epoch, &order_);
  position_ = next;
}

}  // namespace costeff::train
