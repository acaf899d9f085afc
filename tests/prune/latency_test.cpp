// Tables of measured times. What they say depends on the machine; their form does not.

#include "prune/session/latency.h"

#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "model/parameters.h"
#include "tiny_checkpoint.h"

namespace costeff::prune {
namespace {

TEST(Latency, TablesOfEveryKindOfModel) {
  std::vector<TinyShape> shapes = tiny_empty_shapes();
  shapes.push_back({});
  shapes.push_back({.dialect = "plain", .heads = {6}, .ffn = {96}});
  std::vector<train::Row> rows(40);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].ids.assign(1 + i % 9, static_cast<int32_t>(5 + i));
  rows[1].types.assign(rows[1].ids.size(), 1);
  for (const TinyShape& shape : shapes) {
    SCOPED_TRACE(tiny_config(shape));
    const TempDir dir;
    write_tiny_checkpoint(dir.path(), shape);
    const model::Model m = checkpoint::load_model(dir.path());
    for (const auto precision : {kernels::Precision::float32, kernels::Precision::int8}) {
      for (const int64_t threads : {1, 3}) {
        Team team(threads);
        const auto time = measure_time(
            m, rows,
            {.kernels = kernels::find_table(""), .precision = precision, .step = 16, .team = &team},
            nullptr, nullptr);
        ASSERT_TRUE(time.has_value());
        EXPECT_GT(time->rest, 0);
        ASSERT_EQ(time->table.heads.size(), m.arch.layers.size());
        const Kept all = all_kept(m.arch);
        for (size_t l = 0; l < all.heads.size(); ++l) {
          for (const auto* s : {&time->table.heads[l], &time->table.neurons[l]}) {
            EXPECT_EQ(s->counts.front(), 0);
            ASSERT_EQ(s->costs.size(), s->counts.size());
            for (size_t i = 0; i + 1 < s->costs.size(); ++i)
              EXPECT_LE(s->costs[i], s->costs[i + 1]);
          }
          EXPECT_EQ(time->table.heads[l].counts.back(), static_cast<int64_t>(all.heads[l].size()));
          EXPECT_EQ(time->table.neurons[l].counts.back(),
                    static_cast<int64_t>(all.neurons[l].size()));
        }
        EXPECT_GT(time->table.full(), 0);
        EXPECT_LE(time->table.least(), time->table.full());
      }
    }
  }
}

TEST(Latency, Stops) {
  const TempDir dir;
  write_tiny_checkpoint(dir.path(), {});
  const model::Model m = checkpoint::load_model(dir.path());
  std::vector<train::Row> rows(1);
  rows[0].ids = {2, 3};
  Team team(1);
  EXPECT_FALSE(
      measure_time(m, rows, {.kernels = kernels::find_table(""), .team = &team}, nullptr, [] {
        return true;
      }).has_value());
}

}  // namespace
}  // namespace costeff::prune
