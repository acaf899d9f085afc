// In the steady state a run allocates nothing: not for a row, not for a batch, not for a layer.

#include <costeff/engine.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tiny_checkpoint.h"

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

void check(const TinyShape& shape) {
  TempDir dir;
  write_tiny_checkpoint(dir.path(), shape);
  const Engine engine(dir.path());
  const auto texts = tiny_texts(64, 3);
  RunOptions options;
  options.threads = 1;
  options.policy.emplace();
  options.policy->kind = PolicyKind::entropy;
  options.policy->thresholds = {0.8};
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

}  // namespace
}  // namespace costeff
