#include "train/objective.h"

#include <algorithm>

namespace costeff::train {
namespace {

using grad::has_classifier;

// The last exit that classifies: it answers for the whole depth.
size_t last_answer(const std::vector<model::Head>& heads) {
  size_t last = heads.size() - 1;
  while (!has_classifier(heads[last])) --last;
  return last;
}

}  // namespace

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

double StepLosses::exits(const Objective& objective, const grad::Network& network, const Gold& gold,
                         const TeacherAnswer& teacher, int64_t rows, int64_t rows_of_step) {
  const auto& heads = network.heads();
  const size_t n = heads.size();
  const bool regression = gold.labels.empty();
  d_logits_.resize(n);
  d_lte_.resize(n);
  gradients_.assign(n, {});
  lte_ = 0;
  const size_t last = last_answer(heads);
  const auto ltes = static_cast<double>(
      std::count_if(heads.begin(), heads.end(), [](const model::Head& h) { return !!h.lte; }));
  double loss = 0;
  for (size_t e = 0; e < n; ++e) {
    const ExitTerms& terms = objective.exits[e];
    const int64_t labels = heads[e].classifier.out;
    if (has_classifier(heads[e])) {
      const float* logits = network.logits(e);
      const bool asked = terms.hard != 0 || terms.soft != 0 || terms.self != 0;
      float* d = nullptr;
      if (asked) {
        d_logits_[e].assign(static_cast<size_t>(rows * labels), 0.0f);
        d = d_logits_[e].data();
        gradients_[e].logits = d;
      }
      if (terms.hard != 0) {
        loss += terms.hard * hard_loss(logits, gold, rows, labels, rows_of_step, terms.hard, d);
      }
      if (terms.soft != 0) {
        loss +=
            terms.soft *
            (regression ? score_loss(logits, teacher.logits[e], rows, rows_of_step, terms.soft, d)
                        : soft_loss(logits, teacher.logits[e], rows, labels, objective.temperature,
                                    false, rows_of_step, terms.soft, d));
      }
      if (terms.self != 0) {
        loss += terms.self * soft_loss(logits, network.logits(last), rows, labels, 1, true,
                                       rows_of_step, terms.self, d);
      }
    }
    if (terms.lte != 0) {
      d_lte_[e].assign(static_cast<size_t>(rows), 0.0f);
      gradients_[e].uncertain = d_lte_[e].data();
      // An lte without a classifier beside it asks whether the last exit is wrong.
      const float* answer = network.logits(has_classifier(heads[e]) ? e : last);
      const double part =
          lte_loss(network.uncertain(e), answer, gold, rows, heads[last].classifier.out,
                   ltes * static_cast<double>(rows_of_step), terms.lte, d_lte_[e].data());
      lte_ += part;
      loss += terms.lte * part;
    }
  }
  return loss;
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
    const double share =
        1 / (static_cast<double>(c.rows_of_step) * c.batch->real[at] * static_cast<double>(c.size));
    const auto slope = static_cast<float>(2 * c.weight * share);
    const int64_t begin = c.batch->start[at] * c.size, end = begin + c.batch->real[at] * c.size;
    double sum = 0;
    for (int64_t j = begin; j < end; ++j) {
      const float off = h[j] - t[j];
      sum += static_cast<double>(off) * off;
      d[j] += slope * off;
    }
    c.parts[i * rows + b] = c.weight * sum * share;
  }
}

grad::HiddenGradient StepLosses::hidden(const Objective& objective, const grad::Batch& batch,
                                        const TeacherAnswer& teacher, const grad::Network& network,
                                        int64_t rows_of_step) {
  hidden_parts_.clear();
  if (objective.hidden == 0) return {};
  hidden_parts_.assign(static_cast<size_t>(batch.rows() * (network.layers() + 1)), 0.0);
  hidden_context_ = {
      &batch,       &teacher,        hidden_parts_.data(), network.weights().arch().hidden_size,
      rows_of_step, objective.hidden};
  return {add_hidden, &hidden_context_};
}

double StepLosses::hidden_loss() const {
  double sum = 0;
  for (const double part : hidden_parts_) sum += part;
  return sum;
}

}  // namespace costeff::train
