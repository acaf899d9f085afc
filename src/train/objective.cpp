#include "train/objective.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace costeff::train {
using grad::has_classifier;

size_t last_answer(const std::vector<model::Head>& heads) {
  size_t last = heads.size() - 1;
  while (!has_classifier(heads[last])) --last;
  return last;
}

Objective objective_of(Aim aim, const std::vector<model::Head>& heads, int64_t layers,
                       bool regression, int64_t step, int64_t first_exit, double temperature) {
  Objective o;
  o.exits.resize(heads.size());
  o.temperature = temperature;
  const size_t last = last_answer(heads);
  const auto each = [&](double ExitTerms::*term, double weight, bool ramps, bool with_last) {
    for (size_t e = 0; e <= last; ++e) {
      if (e == last ? with_last : ramps && heads[e].layer >= first_exit) o.exits[e].*term += weight;
    }
  };
  const auto soft = [&](double weight) { each(&ExitTerms::soft, weight, !regression, true); };
  const bool odd = step % 2 != 0;
  switch (aim) {
    case Aim::last:
      each(&ExitTerms::hard, 1, false, true);
      break;
    case Aim::ramps:
      each(&ExitTerms::hard, 1, true, false);
      break;
    case Aim::joint_rescaled:
      o.rescale = true;
      [[fallthrough]];
    case Aim::joint:
      each(&ExitTerms::hard, 1, true, true);
      break;
    case Aim::weighted: {
      const auto all = static_cast<double>(layers * (layers + 1)) / 2;
      for (size_t e = 0; e <= last; ++e)
        o.exits[e].hard = static_cast<double>(heads[e].layer) / all;
      break;
    }
    case Aim::alternate:
      each(&ExitTerms::hard, 1, odd, true);
      break;
    case Aim::alternate_lte:
      each(&ExitTerms::hard, 1, odd, !odd);
      for (size_t e = 0; e < heads.size(); ++e) o.exits[e].lte = heads[e].lte ? 1 : 0;
      break;
    case Aim::self_distil:
      each(&ExitTerms::hard, 1, true, true);
      each(&ExitTerms::self, 1, true, false);
      break;
    case Aim::exits_hidden:
      soft(1);
      [[fallthrough]];
    case Aim::hidden:
      o.hidden = 1;
      o.rescale = true;
      break;
    case Aim::exits:
      soft(1);
      o.rescale = true;
      break;
    case Aim::importance:
      soft(0.9);
      each(&ExitTerms::hard, 0.1, true, true);
      o.hidden = 1;
      o.rescale = true;
      break;
    case Aim::layers: {
      constexpr double kLayers = 0.9, kTemperature = 2;  // the reference's
      o.layers = kLayers;
      if (temperature == 1) o.temperature = kTemperature;
      each(regression ? &ExitTerms::soft : &ExitTerms::divergence, 1 - kLayers, !regression, true);
      break;
    }
    case Aim::assistant:
      o.rescale = true;
      if (regression) {
        soft(1);
        break;
      }
      soft(0.5);
      each(&ExitTerms::hard, 0.5, true, true);
      break;
  }
  return o;
}

void StepLosses::begin(const Objective& objective, const StepSize& size) {
  objective_ = &objective;
  size_ = size;
  sums_.assign(objective.exits.size(), {});
  std::fill(hidden_sums_.begin(), hidden_sums_.end(), 0.0);
}

double StepLosses::divergence_weight(const ExitTerms& terms) const {
  return terms.divergence * objective_->temperature * objective_->temperature;
}

double StepLosses::lte_divisor() const {
  return static_cast<double>(ltes_) * static_cast<double>(size_.rows);
}

void StepLosses::exits(const grad::Network& network, const Gold& gold, const TeacherAnswer& teacher,
                       int64_t rows) {
  const auto& heads = network.heads();
  const size_t n = heads.size();
  const bool regression = gold.problem() == ProblemType::regression;
  const bool sets = gold.problem() == ProblemType::multi_label;
  d_logits_.resize(n);
  d_lte_.resize(n);
  gradients_.assign(n, {});
  const size_t last = last_answer(heads);
  ltes_ = std::count_if(heads.begin(), heads.end(), [](const model::Head& h) { return !!h.lte; });
  const auto rows_of_step = static_cast<double>(size_.rows);
  for (size_t e = 0; e < n; ++e) {
    const ExitTerms& terms = objective_->exits[e];
    Sums& sums = sums_[e];
    const int64_t labels = heads[e].classifier.out;
    if (has_classifier(heads[e]) && (terms.hard != 0 || terms.asks_teacher() || terms.self != 0)) {
      const float* logits = network.logits(e);
      d_logits_[e].assign(static_cast<size_t>(rows * labels), 0.0f);
      float* d = d_logits_[e].data();
      gradients_[e].logits = d;
      if (terms.hard != 0) {
        hard_loss(logits, gold, rows, labels, {terms.hard, size_.label_weights}, d, &sums.hard);
      }
      if (terms.soft != 0 && regression) {
        score_loss(logits, teacher.logits[e], rows, {terms.soft, rows_of_step}, d, &sums.soft);
      } else if (terms.soft != 0) {
        soft_loss(logits, teacher.logits[e], rows, labels, objective_->temperature,
                  {terms.soft, rows_of_step}, d, &sums.soft, sets);
      }
      if (terms.divergence != 0) {
        divergence_loss(logits, teacher.logits[e], rows, labels, objective_->temperature,
                        {divergence_weight(terms), rows_of_step}, d, &sums.divergence, sets);
      }
      if (terms.self != 0) {
        soft_loss(logits, network.logits(last), rows, labels, 1, {terms.self, 1}, d, &sums.self,
                  sets);
      }
    }
    if (terms.lte != 0) {
      d_lte_[e].assign(static_cast<size_t>(rows), 0.0f);
      gradients_[e].uncertain = d_lte_[e].data();
      // An lte without a classifier beside it asks whether the last exit is wrong.
      const float* answer = network.logits(has_classifier(heads[e]) ? e : last);
      lte_loss(network.uncertain(e), answer, gold, rows, heads[last].classifier.out,
               {terms.lte, lte_divisor()}, d_lte_[e].data(), &sums.lte);
    }
  }
}

// R = sum over states i of (1 / B) sum_b (1 / n_b) sum_t (1 / H) |h_i - teacher's h_i|^2
void StepLosses::add_hidden(const void* context, int64_t i, const float* h, float* d,
                            const Crew& crew) {
  const auto& c = *static_cast<const HiddenContext*>(context);
  const int64_t rows = c.batch->rows();
  const float* t = c.teacher->hidden[static_cast<size_t>(i)];
  const Range mine = crew.part(rows);
  for (int64_t b = mine.begin; b < mine.end; ++b) {
    const auto at = static_cast<size_t>(b);
    const auto tokens = static_cast<double>(
        c.objective->hidden_tokens > 0 ? c.objective->hidden_tokens : c.batch->real[at]);
    const double share =
        1 / (static_cast<double>(c.rows_of_step) * tokens * static_cast<double>(c.size));
    const auto slope = static_cast<float>(2 * c.objective->hidden * share);
    const int64_t begin = c.batch->start[at] * c.size, end = begin + c.batch->real[at] * c.size;
    double sum = 0;
    for (int64_t j = begin; j < end; ++j) {
      const float off = h[j] - t[j];
      sum += static_cast<double>(off) * off;
      d[j] += slope * off;
    }
    c.parts[i * rows + b] = sum * share;
  }
}

grad::HiddenGradient StepLosses::hidden(const grad::Batch& batch, const TeacherAnswer& teacher,
                                        const grad::Network& network) {
  hidden_parts_.clear();
  if (objective_->hidden == 0) return {};
  const auto states = static_cast<size_t>(network.layers() + 1);
  hidden_sums_.resize(states);
  hidden_parts_.assign(static_cast<size_t>(batch.rows()) * states, 0.0);
  hidden_context_ = {
      &batch,     &teacher,  hidden_parts_.data(), network.weights().arch().hidden_size,
      size_.rows, objective_};
  return {add_hidden, &hidden_context_};
}

void StepLosses::end_batch() {
  if (hidden_parts_.empty()) return;
  const size_t rows = hidden_parts_.size() / hidden_sums_.size();
  for (size_t i = 0; i < hidden_parts_.size(); ++i) hidden_sums_[i / rows] += hidden_parts_[i];
}

double StepLosses::lte() const {
  double sum = 0;
  for (size_t e = 0; e < sums_.size(); ++e)
    if (objective_->exits[e].lte != 0) sum += sums_[e].lte / lte_divisor();
  return sum;
}

double StepLosses::loss() const {
  const auto rows = static_cast<double>(size_.rows);
  double loss = 0;
  for (size_t e = 0; e < sums_.size(); ++e) {
    const ExitTerms& terms = objective_->exits[e];
    const Sums& sums = sums_[e];
    if (terms.hard != 0) loss += terms.hard * sums.hard / size_.label_weights;
    if (terms.soft != 0) loss += terms.soft * sums.soft / rows;
    if (terms.divergence != 0) loss += divergence_weight(terms) * sums.divergence / rows;
    if (terms.self != 0) loss += terms.self * sums.self;
    if (terms.lte != 0) loss += terms.lte * sums.lte / lte_divisor();
  }
  for (const double sum : hidden_sums_) loss += objective_->hidden * sum;
  return loss;
}

std::string StepLosses::bad_term(const std::vector<model::Head>& heads) const {
  for (size_t e = 0; e < sums_.size(); ++e) {
    const auto name = [&](const char* term) {
      return fmt::format("{} of the exit at layer {}", term, heads[e].layer);
    };
    const Sums& sums = sums_[e];
    if (!std::isfinite(sums.hard)) return name("loss against the labels");
    if (!std::isfinite(sums.soft + sums.divergence)) return name("loss against the teacher");
    if (!std::isfinite(sums.self)) return name("loss against the last exit");
    if (!std::isfinite(sums.lte)) return name("loss of learning to exit");
  }
  for (size_t i = 0; i < hidden_sums_.size(); ++i) {
    if (!std::isfinite(hidden_sums_[i]))
      return fmt::format("distance of hidden state {} from the teacher's", i);
  }
  return {};
}

}  // namespace costeff::train
