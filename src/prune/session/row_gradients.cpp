#include "prune/session/row_gradients.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/fail.h"
#include "prune/drawn_answers.h"
#include "train/objective.h"

namespace costeff::prune {
namespace {

constexpr int64_t kGradientRows = 32;  // of a batch whose gradient is squared

// What the rows of a batch should have been answered, by the kind of problem.
struct Answers {
  ProblemType problem = ProblemType::single_label;
  int64_t num_labels = 0;
  std::vector<int32_t> labels;
  std::vector<float> scores, sets;

  void clear() {
    labels.clear();
    scores.clear();
    sets.clear();
  }
  void take(std::span<const train::Row> rows) {
    clear();
    for (const train::Row& row : rows) {
      switch (problem) {
        case ProblemType::regression:
          scores.push_back(row.score);
          break;
        case ProblemType::multi_label:
          train::append_set(row.labels, num_labels, &sets);
          break;
        case ProblemType::single_label:
          labels.push_back(row.label);
      }
    }
  }
  void draw(const grad::Network& network, int64_t rows, DrawnAnswers* from) {
    const size_t last = train::last_answer(network.heads());
    const auto classes = static_cast<size_t>(network.heads()[last].classifier.out);
    const std::span<const float> logits(network.logits(last), static_cast<size_t>(rows) * classes);
    clear();
    for (size_t b = 0; b < static_cast<size_t>(rows); ++b) {
      const std::span<const float> of_row = logits.subspan(b * classes, classes);
      switch (problem) {
        case ProblemType::regression:
          scores.push_back(from->score(of_row[0]));
          break;
        case ProblemType::multi_label:
          for (const float logit : of_row) sets.push_back(from->has_label(logit) ? 1.0f : 0.0f);
          break;
        case ProblemType::single_label:
          labels.push_back(from->label(of_row));
      }
    }
  }
};

}  // namespace

std::optional<RowGradients> gradients_of_rows(grad::TrainedWeights* weights,
                                              std::span<const train::Row> rows,
                                              std::optional<uint64_t> drawn_seed, Team* team,
                                              const std::function<void(int64_t, int64_t)>& progress,
                                              const std::function<bool()>& stop) {
  const auto begin = std::chrono::steady_clock::now();
  const model::Architecture& arch = weights->arch();
  const auto all = (static_cast<int64_t>(rows.size()) + kGradientRows - 1) / kGradientRows;
  RowGradients out{empty_gradients(arch, all), 0};
  grad::Network network(weights);
  const train::Objective objective =
      objective_of(train::Aim::joint, network.heads(), network.layers(), is_regression(arch), 0);
  train::StepLosses losses;
  DrawnAnswers draws(drawn_seed.value_or(0));
  Answers answers;
  answers.problem = arch.problem;
  answers.num_labels = arch.num_labels;
  for (int64_t b = 0; b < all; ++b) {
    if (stop && stop()) return std::nullopt;
    const auto from = static_cast<size_t>(b * kGradientRows);
    const auto some = rows.subspan(from, std::min<size_t>(kGradientRows, rows.size() - from));
    const grad::Batch batch = train::batch_of(some, arch);
    answers.take(some);
    network.reserve(batch, team->size());
    losses.begin(objective, {batch.rows(), static_cast<double>(batch.rows())});
    team->run([&](const Crew& crew) {
      weights->clear_gradients(crew);
      network.forward(batch, {}, crew);
      if (crew.leads()) {
        if (drawn_seed) answers.draw(network, batch.rows(), &draws);
        losses.exits(network, {answers.labels, answers.scores, {}, 0, answers.sets, {}}, {},
                     batch.rows());
      }
      crew.meet();
      network.backward(batch, {}, crew, {losses.gradients(), {}, false});
      read_gradients(*weights, b, crew, &out.layers);
    });
    losses.end_batch();
    if (!std::isfinite(losses.loss()))
      fail_input("the loss of rows {} to {} is not finite", from + 1, from + some.size());
    if (progress) progress(b + 1, all);
  }
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

}  // namespace costeff::prune
