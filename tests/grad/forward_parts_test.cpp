// What is left out of a forward pass does not change a bit of the rest; gradients are slopes with
// dropout, too.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "shared_data.h"
#include "test_random.h"
#include "train/objective.h"
#include "training_rows.h"

namespace costeff {
namespace {

// First tokens, means, histories of states side by side, a shared pooler, learned exits.
const char* const kModels[] = {"golden_train/deebert",    "golden_train/costeff_student_concat",
                               "golden_train/costeff_ta", "golden_train/pabee",
                               "golden_train/berxit",     "golden_train/plain_roberta"};

constexpr grad::Dropout kDropped{0.1f, 0.1f, 12345};

Precise best(kernels::Precision precision) { return {kernels::find_table(""), precision}; }

// Of the exits that are wanted, one after another.
std::vector<float> logits_of(const grad::Network& network, const std::vector<bool>& wanted,
                             int64_t rows) {
  std::vector<float> all;
  for (size_t e = 0; e < network.heads().size(); ++e) {
    if (!wanted[e]) continue;
    const model::Head& head = network.heads()[e];
    if (const int64_t labels = head.classifier.out; labels > 0)
      all.insert(all.end(), network.logits(e), network.logits(e) + rows * labels);
    if (head.lte) all.insert(all.end(), network.uncertain(e), network.uncertain(e) + rows);
  }
  return all;
}

std::vector<float> gradients_of(const grad::TrainedWeights& weights) {
  std::vector<float> all;
  for (int64_t i = 0; i < weights.count(); ++i) {
    const auto& p = weights[static_cast<model::ParameterId>(i)];
    if (p.reached) all.insert(all.end(), p.gradient.data(), p.gradient.data() + p.value.size());
  }
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return !a.empty() && a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// A backward pass from one exit's labels after a forward pass with these options.
std::vector<float> gradients_from(Student* s, const Rows& rows, size_t exit,
                                  const grad::ForwardOptions& options) {
  train::Objective objective;
  objective.exits.resize(s->network->heads().size());
  objective.exits[exit].hard = 1;
  s->network->reserve(rows.batch, 1, options);
  s->network->forward(rows.batch, kDropped, {}, options);
  train::StepLosses losses;
  losses.begin(objective, step_size(rows.batch.rows()));
  losses.exits(*s->network, rows.gold(), {}, rows.batch.rows());
  s->weights->clear_gradients({});
  s->network->backward(rows.batch, kDropped, {}, {losses.gradients(), {}, false});
  return gradients_of(*s->weights);
}

TEST(ForwardParts, ExitsThatAreNotWantedChangeNothing) {
  for (const char* name : kModels) {
    for (const auto precision : {kernels::Precision::float32, kernels::Precision::bfloat16}) {
      Student s(shared_path(name), best(precision));
      const Rows rows = read_rows(shared_path(name), is_regression(s.model.arch));
      const size_t exits = s.network->heads().size();
      for (size_t only = 0; only < exits; ++only) {
        SCOPED_TRACE(std::string(name) + ", exit " + std::to_string(only));
        std::vector<bool> wanted(exits);
        wanted[only] = true;
        s.network->reserve(rows.batch, 1);
        s.network->forward(rows.batch, kDropped, {});
        const std::vector<float> full = logits_of(*s.network, wanted, rows.batch.rows());
        const auto flags = std::make_unique<bool[]>(exits);
        flags[only] = true;
        for (const bool hidden : {true, false}) {
          for (const bool keep : {true, false}) {
            const grad::ForwardOptions options{{flags.get(), exits}, hidden, keep};
            s.network->reserve(rows.batch, 1, options);
            s.network->forward(rows.batch, kDropped, {}, options);
            EXPECT_TRUE(same_bits(logits_of(*s.network, wanted, rows.batch.rows()), full))
                << hidden << keep;
          }
        }
        if (!grad::has_classifier(s.network->heads()[only])) continue;
        const std::vector<float> all = gradients_from(&s, rows, only, {});
        const grad::ForwardOptions part{{flags.get(), exits}, false, true};
        EXPECT_TRUE(same_bits(gradients_from(&s, rows, only, part), all));
      }
    }
  }
}

// The pooled states of a whole batch, to be given to rows without tokens.
struct Kept {
  std::vector<float> states[2];  // [L + 1, B, H] for each pooling
  int64_t rows = 0, hidden = 0;

  static void fill(const void* context, model::Pooling pooling, int64_t layer, Range part,
                   float* to) {
    const auto& k = *static_cast<const Kept*>(context);
    const std::vector<float>& from = k.states[pooling == model::Pooling::mean ? 1 : 0];
    std::copy_n(from.data() + (layer * k.rows + part.begin) * k.hidden, part.count() * k.hidden,
                to);
  }
};

TEST(ForwardParts, ExitsOnStatesThatAreGiven) {
  for (const char* name : kModels) {
    SCOPED_TRACE(name);
    Student s(shared_path(name), best(kernels::Precision::float32));
    const Rows rows = read_rows(shared_path(name), is_regression(s.model.arch));
    const int64_t count = rows.batch.rows(), layers = s.network->layers();
    const train::Objective objective =
        objective_of(train::Aim::joint, s.network->heads(), layers, is_regression(s.model.arch), 0);
    // Of the exits' own parameters: the backbone gets no gradient from given states.
    const auto exits_gradients = [&](const grad::Batch& batch) {
      train::StepLosses losses;
      losses.begin(objective, step_size(count));
      losses.exits(*s.network, rows.gold(), {}, count);
      s.weights->clear_gradients({});
      s.network->backward(batch, {}, {}, {losses.gradients(), {}, false});
      std::vector<float> all;
      for (int64_t i = 0; i < s.weights->count(); ++i) {
        const auto id = static_cast<model::ParameterId>(i);
        const auto& p = (*s.weights)[id];
        if (p.reached && !model::is_backbone(s.model.parameters[id]))
          all.insert(all.end(), p.gradient.data(), p.gradient.data() + p.value.size());
      }
      return all;
    };
    s.network->reserve(rows.batch, 1);
    s.network->forward(rows.batch, {}, {});
    const std::vector<bool> every(s.network->heads().size(), true);
    const std::vector<float> full = logits_of(*s.network, every, count);
    Kept kept{{}, count, s.model.arch.hidden_size};
    for (const auto pooling : {model::Pooling::first, model::Pooling::mean}) {
      std::vector<float>& to = kept.states[pooling == model::Pooling::mean ? 1 : 0];
      to.resize(static_cast<size_t>((layers + 1) * count * kept.hidden));
      for (int64_t i = 0; i <= layers; ++i) {
        if (!s.network->reads(pooling, i)) continue;
        std::copy_n(s.network->pooled(pooling, i), count * kept.hidden,
                    to.data() + i * count * kept.hidden);
      }
    }
    const std::vector<float> wanted = exits_gradients(rows.batch);
    grad::Batch without_tokens;
    for (const uint32_t id : rows.batch.row_ids) without_tokens.add_row(id);
    s.network->reserve(without_tokens, 1);
    s.network->forward_from_pooled(without_tokens, {}, {}, {Kept::fill, &kept});
    EXPECT_TRUE(same_bits(logits_of(*s.network, every, count), full));
    EXPECT_TRUE(same_bits(exits_gradients(without_tokens), wanted));
  }
}

// Along a random half of the gradient, the slope is the square of that half's norm.
TEST(ForwardParts, GradientsAreSlopesWithDropout) {
  std::mt19937_64 rng{test_seed()};
  for (const char* name : {"golden/plain_bert", "golden/plain_roberta", "golden/distilbert",
                           "golden/elasticbert", "golden/costeff_emb_nodense"}) {
    SCOPED_TRACE(name);
    Student s(shared_path(name), best(kernels::Precision::float32));
    Rows rows;
    rows.batch.pad_token = std::max<int64_t>(0, s.model.arch.embeddings.pad_token());
    for (uint32_t b = 0; b < 4; ++b) {
      std::vector<int32_t> ids(3 + rng() % 8);
      for (int32_t& id : ids) id = static_cast<int32_t>(5 + rng() % 500);
      rows.batch.add(ids, {}, b);
      rows.labels.push_back(static_cast<int32_t>(b) %
                            static_cast<int32_t>(s.model.arch.num_labels));
    }
    const train::Objective objective =
        objective_of(train::Aim::joint, s.network->heads(), s.network->layers(), false, 0);
    s.network->reserve(rows.batch, 1);
    train::StepLosses losses;
    const auto loss = [&](const grad::Dropout& dropout) {
      s.network->forward(rows.batch, dropout, {});
      losses.begin(objective, step_size(rows.batch.rows()));
      losses.exits(*s.network, rows.gold(), {}, rows.batch.rows());
      return losses.loss();
    };
    EXPECT_GT(std::fabs(loss({}) - loss(kDropped)), 1e-4);
    loss(kDropped);
    s.weights->clear_gradients({});
    s.network->backward(rows.batch, kDropped, {}, {losses.gradients(), {}, false});

    std::vector<std::vector<float>> before, direction;
    double squares = 0;
    for (int64_t i = 0; i < s.weights->count(); ++i) {
      const auto& p = (*s.weights)[static_cast<model::ParameterId>(i)];
      before.emplace_back(p.value.begin(), p.value.end());
      auto& d = direction.emplace_back(p.value.size());
      for (size_t j = 0; p.reached && j < d.size(); ++j) {
        d[j] = rng() % 2 == 0 ? p.gradient.data()[j] : 0;
        squares += static_cast<double>(d[j]) * d[j];
      }
    }
    const auto loss_at = [&](double by) {
      for (int64_t i = 0; i < s.weights->count(); ++i) {
        const auto value = (*s.weights)[static_cast<model::ParameterId>(i)].value;
        const auto& from = before[static_cast<size_t>(i)];
        const auto& d = direction[static_cast<size_t>(i)];
        for (size_t j = 0; j < value.size(); ++j)
          value[j] = static_cast<float>(from[j] + by * d[j]);
      }
      s.weights->pack({}, true);
      return loss(kDropped);
    };
    const double step = 1e-2 / squares;  // of the loss, to both sides
    EXPECT_NEAR((loss_at(step) - loss_at(-step)) / (2 * step), squares, 0.02 * squares);
  }
}

}  // namespace
}  // namespace costeff
