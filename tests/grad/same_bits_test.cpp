// A step's gradients are the same bits for any number of threads and any division into
// micro-batches, with dropout too.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/threads/team.h"
#include "shared_data.h"
#include "train/objective.h"
#include "training_rows.h"

namespace costeff {
namespace {

// All gradients after the rows of a directory in micro-batches of `rows` rows.
std::vector<float> gradients(const std::string& dir, const Precise& p, int64_t threads,
                             size_t rows) {
  Student s(dir, p);
  const size_t all = read_json_file(dir + "/batch.json").at("rows").size();
  const grad::Dropout dropout{0.1f, 0.1f, grad::dropout_key(7, 3)};
  const train::Objective objective =
      objective_of(train::Aim::joint, s.network->heads(), s.network->layers(), false, 0);
  Team team(threads);
  team.run([&](const Crew& crew) { s.weights->clear_gradients(crew); });
  train::StepLosses losses;
  losses.begin(objective, step_size(static_cast<int64_t>(all)));
  for (size_t first = 0; first < all; first += rows) {
    Rows part = read_rows(dir, is_regression(s.model.arch), first, rows);
    s.network->reserve(part.batch, threads);
    team.run([&](const Crew& crew) {
      s.network->forward(part.batch, dropout, crew);
      if (crew.leads()) losses.exits(*s.network, part.gold(), {}, part.batch.rows());
      crew.meet();
      s.network->backward(part.batch, dropout, crew, {losses.gradients(), {}, false});
    });
  }
  std::vector<float> g;
  for (int64_t i = 0; i < s.weights->count(); ++i) {
    const auto& one = (*s.weights)[static_cast<model::ParameterId>(i)];
    if (one.reached) g.insert(g.end(), one.gradient.data(), one.gradient.data() + one.value.size());
  }
  g.push_back(static_cast<float>(losses.loss()));
  return g;
}

TEST(SameBits, ThreadsAndMicroBatches) {
  for (const char* name : {"deebert", "costeff_student", "pabee_regression"}) {
    const std::string dir = shared_path(std::string("golden_train/") + name);
    for (const auto* const* t = kernels::all_tables(); *t; ++t) {
      // Kernels differ between tables, what a model has of them does not.
      if (t != kernels::all_tables() && std::string(name) != "deebert") continue;
      // The reference table's sums are double within a call and rounded between calls.
      const bool reference = std::string((*t)->name) == "reference";
      for (const auto precision : {kernels::Precision::float32, kernels::Precision::bfloat16}) {
        SCOPED_TRACE(std::string(name) + " " + (*t)->name +
                     (precision == kernels::Precision::float32 ? " float32" : " bfloat16"));
        const Precise p{*t, precision};
        const std::vector<float> wanted = gradients(dir, p, 1, 1000);
        ASSERT_FALSE(wanted.empty());
        for (const int64_t threads : {1, 3}) {
          for (const size_t rows : {size_t{1000}, size_t{2}}) {
            if (reference && rows < 1000) continue;
            const std::vector<float> got = gradients(dir, p, threads, rows);
            ASSERT_EQ(got.size(), wanted.size());
            EXPECT_EQ(std::memcmp(got.data(), wanted.data(), got.size() * sizeof(float)), 0)
                << threads << " threads, " << rows << " rows";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace costeff
