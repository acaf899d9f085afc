// In the steady state a run allocates nothing: not for a row, not for a batch, not for a layer.

#include <costeff/engine.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "base/threads/team.h"
#include "checkpoint/checkpoint.h"
#include "tiny_checkpoint.h"
#include "train/loop.h"

namespace {
std::atomic<int64_t> allocations{0};

void* counted(size_t bytes) {
  ++allocations;
  void* p = std::malloc(bytes ? bytes : 1);
  if (!p) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(size_t bytes) { return counted(bytes); }
void* operator new[](size_t bytes) { return counted(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
// FloatBuffer gets its memory from this.
extern "C" void* aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return ::memalign(alignment, bytes);
}

namespace costeff {
namespace {

ExitPolicy entropy_policy() {
  ExitPolicy p;
  p.kind = PolicyKind::entropy;
  p.thresholds = {0.8};
  return p;
}

void check(const TinyShape& shape, const ExitPolicy& policy = entropy_policy()) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), shape);
  const Engine engine(dir.path());
  const auto texts = tiny_texts(64, 3);
  RunOptions options;
  options.threads = 1;
  options.policy = policy;
  // The same texts over and over, so that all buffers have seen the largest batch after one round.
  int64_t given = 0, at_half = 0, at_end = 0;
  const int64_t rows = 64 * 200;
  engine.run(
      [&](Example& row, bool) {
        if (given == rows / 2) at_half = allocations;
        if (given == rows) {
          at_end = allocations;
          return ReadStatus::end;
        }
        row.text_a = texts[static_cast<size_t>(given++ % 64)];
        row.text_b.reset();
        row.has_ids = false;
        return ReadStatus::row;
      },
      [](std::span<const Example>, std::span<const Result>) {}, options);
  EXPECT_GT(at_half, 0);
  EXPECT_EQ(at_end - at_half, 0);
}

TEST(SteadyState, FirstTokenExitsAllocateNothing) { check({}); }
TEST(SteadyState, AveragingExitsAllocateNothing) {
  TinyShape shape;
  shape.dialect = "costeff";
  shape.heads = {2};
  shape.ffn = {16};
  shape.rank = 4;
  shape.pooling_mode = "avg";
  shape.last_n_hidden = 3;
  check(shape);
}

TEST(SteadyState, PoliciesThatKeepProbabilitiesAllocateNothing) {
  ExitPolicy p = entropy_policy();
  p.patience = 2;
  p.kind = PolicyKind::divergence_patience;
  p.thresholds = {0.01};
  check({}, p);
  p.kind = PolicyKind::confident_patience;
  p.thresholds = {1};
  p.average = true;
  check({}, p);
}

TEST(SteadyState, SublayersWithoutUnitsAllocateNothing) {
  for (const TinyShape& shape : tiny_empty_shapes()) check(shape);
}

TEST(SteadyState, TrainingStepsAllocateNothing) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  model::Model model = checkpoint::load_model(dir.path());
  grad::TrainedWeights weights(&model, *kernels::find_table(""), kernels::Precision::bfloat16);
  grad::Network network(&weights);
  train::Optimiser optimiser(&weights, {},
                             std::vector<train::Rate>(model.parameters.list.size(), {1e-3, 0.01}));
  std::vector<train::Row> rows(12);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].ids.assign(3 + i, static_cast<int32_t>(5 + i));
    rows[i].label = static_cast<int32_t>(i % 2);
  }
  // A step is all rows: each has as many tokens as the others.
  train::Loop loop(&weights, &network, &optimiser, rows,
                   {.aim = train::Aim::joint, .epochs = 8, .batch = 12});
  Team team(2);
  const auto step = [&] { loop.step(team.size(), [&](const auto& work) { team.run(work); }); };
  for (int i = 0; i < 3; ++i) step();
  const int64_t before = allocations;
  while (!loop.done()) step();
  EXPECT_EQ(allocations - before, 0);
}

}  // namespace
}  // namespace costeff
