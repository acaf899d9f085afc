// Whole loops: they learn, and they are the same bits for any threads, micro-batches and after an
// interruption.

#include "train/loop.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/threads/team.h"
#include "costeff/error.h"
#include "shared_data.h"
#include "test_random.h"
#include "training_rows.h"

namespace costeff {
namespace {

// Rows whose label says whether token 50 or token 60 is in them.
std::vector<train::Row> separable_rows(size_t count) {
  std::mt19937_64 rng{test_seed()};
  std::vector<train::Row> rows(count);
  for (size_t i = 0; i < count; ++i) {
    train::Row& row = rows[i];
    row.label = static_cast<int32_t>(i % 2);
    const size_t length = 4 + rng() % 9;
    row.ids.push_back(2);
    for (size_t t = 0; t < length; ++t) row.ids.push_back(static_cast<int32_t>(100 + rng() % 60));
    row.ids[1 + rng() % length] = row.label ? 60 : 50;
    row.ids.push_back(3);
  }
  return rows;
}

struct Trained {
  Student student;
  std::vector<train::Row> rows;
  train::LoopOptions options;
  std::unique_ptr<train::Optimiser> optimiser;
  std::unique_ptr<train::Loop> loop;

  explicit Trained(const train::LoopOptions& o,
                   const Precise& p = {kernels::find_table(""), kernels::Precision::float32},
                   double rate = 2e-3)
      : student(shared_path("golden_train/plain_ce"), p), rows(separable_rows(96)), options(o) {
    std::vector<train::Rate> rates;
    for (const model::Parameter& q : student.model.parameters.list)
      rates.push_back({rate, train::decays(q) ? 0.01 : 0});
    optimiser = std::make_unique<train::Optimiser>(student.weights.get(), optim::AdamW{}, rates);
    loop = std::make_unique<train::Loop>(student.weights.get(), student.network.get(),
                                         optimiser.get(), rows, options);
  }
  // Until `steps` are done; returns the last report.
  train::StepReport run(int64_t threads, int64_t steps = std::numeric_limits<int64_t>::max()) {
    Team team(threads);
    train::StepReport last;
    while (!loop->done() && loop->position().step < steps)
      last = loop->step(threads, [&](const auto& work) { team.run(work); });
    loop->catch_up([&](const auto& work) { team.run(work); });
    return last;
  }
  std::vector<float> values() const {
    std::vector<float> all;
    for (int64_t i = 0; i < student.weights->count(); ++i) {
      const auto& v = (*student.weights)[static_cast<model::ParameterId>(i)].value;
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }
  double accuracy() {
    grad::Batch batch;
    for (const train::Row& row : rows) batch.add(row.ids, row.types, 0);
    student.network->reserve(batch, 1);
    student.network->forward(batch, {}, {});
    int64_t right = 0;
    for (size_t b = 0; b < rows.size(); ++b) {
      const float* logits = student.network->logits(0) + b * 3;
      right += std::max_element(logits, logits + 3) - logits == rows[b].label;
    }
    return static_cast<double>(right) / static_cast<double>(rows.size());
  }
};

TEST(Loop, LearnsASeparableTask) {
  for (const auto precision : {kernels::Precision::float32, kernels::Precision::bfloat16}) {
    Trained t({.epochs = 12, .batch = 8}, {kernels::find_table(""), precision}, 4e-3);
    const train::StepReport last = t.run(1);
    EXPECT_EQ(last.step, 12 * 12 - 1);
    EXPECT_EQ(last.epoch, 11);
    EXPECT_EQ(t.accuracy(), 1.0);
  }
}

TEST(Loop, ThreadsMicroBatchesAndInterruptionsMakeNoDifference) {
  const train::LoopOptions options{.epochs = 2, .batch = 20};
  Trained whole(options);
  whole.run(1);
  train::LoopOptions small = options;
  small.micro_tokens = 40;
  Trained parts(small);
  parts.run(2);
  EXPECT_EQ(parts.values(), whole.values());

  // Words that are not read move at once, or late.
  Trained at_once(options);
  while (!at_once.loop->done()) at_once.run(2, at_once.loop->position().step + 1);
  EXPECT_EQ(at_once.values(), whole.values());

  // Another loop that goes on where a first one stopped, with its weights and moments.
  Trained first(options), second(options);
  first.run(1, 7);
  for (int64_t i = 0; i < first.student.weights->count(); ++i) {
    const auto id = static_cast<model::ParameterId>(i);
    const auto& from = (*first.student.weights)[id].value;
    std::copy(from.begin(), from.end(), (*second.student.weights)[id].value.begin());
    auto &a = first.optimiser->state(id), &b = second.optimiser->state(id);
    b.steps = a.steps;
    std::copy_n(a.first.data(), from.size(), b.first.data());
    std::copy_n(a.second.data(), from.size(), b.second.data());
  }
  second.student.weights->pack({}, true);
  second.loop->go_to(first.loop->position().step);
  second.run(1);
  EXPECT_EQ(second.values(), whole.values());
}

TEST(Loop, EveryEpochHasItsOwnOrderAndAllRows) {
  Trained t({.epochs = 2, .batch = 40, .hidden_dropout = 0, .attention_dropout = 0});
  EXPECT_EQ(t.loop->steps_total(), 6);
  std::vector<int64_t> rows;
  Team team(1);
  while (!t.loop->done())
    rows.push_back(t.loop->step(1, [&](const auto& work) { team.run(work); }).rows);
  EXPECT_EQ(rows, (std::vector<int64_t>{40, 40, 16, 40, 40, 16}));
  Trained skipping({.epochs = 2, .batch = 40, .skip_short = true});
  EXPECT_EQ(skipping.loop->steps_total(), 4);
}

TEST(Loop, ALossThatIsNotFiniteStopsItAndLeavesTheWeights) {
  Trained t({.epochs = 1, .batch = 8}, {kernels::find_table(""), kernels::Precision::float32});
  t.run(1, 2);
  auto& classifier = (*t.student.weights)[t.student.model.arch.heads[0].classifier.bias].value;
  classifier[0] = std::numeric_limits<float>::infinity();
  t.student.weights->pack({}, true);
  const auto before = t.values();
  try {
    t.run(1);
    FAIL();
  } catch (const Error& e) {
    EXPECT_TRUE(std::string(e.what()).starts_with(
        "step 3: the loss against the labels of the exit at layer"))
        << e.what();
  }
  EXPECT_EQ(t.values(), before);
  EXPECT_EQ(t.loop->position().step, 2);
}

}  // namespace
}  // namespace costeff
