// A run is the same bits for any threads, any micro-batch, and wherever pooled states are kept.

#include <gtest/gtest.h>

#include "toy.h"

namespace costeff {
namespace {

struct Way {
  int64_t threads, micro_batch, memory_budget;
};

TEST(TrainBits, ThreadsMicroBatchesAndMemory) {
  constexpr int64_t kEnough = int64_t{1} << 30;
  const Way ways[] = {{1, 0, kEnough}, {1, 1, 0}, {2, 5, 4096}, {3, 0, kEnough}};
  const TempDir dir, backbone;
  write_tiny_checkpoint(backbone.path(), toy_shape());
  for (const char* recipe : {"plain", "ramps", "deebert", "berxit", "assistant"}) {
    for (const auto compute : {ComputeType::float32, ComputeType::bfloat16}) {
      std::map<std::string, std::string> wanted;
      for (const Way& way : ways) {
        SCOPED_TRACE(std::string(recipe) + ", " + compute_type_name(compute) + ", " +
                     std::to_string(way.threads) + " threads, micro-batch " +
                     std::to_string(way.micro_batch));
        Job job = toy_job(backbone.path(), recipe);
        // Lengths of all kinds, and one row of special tokens alone.
        job.train[3].example.text_a = "";
        job.train[4].example.text_b = "w3";
        job.options.compute = compute;
        job.options.threads = way.threads;
        job.options.micro_batch = way.micro_batch;
        job.options.memory_budget = way.memory_budget;
        job.options.batch = 13;
        job.options.epochs = 1;
        job.options.eval_every = 2;
        if (find_recipe(recipe).needs_teacher) job.options.teacher = backbone.path();
        const std::string out = dir.file("out");
        ASSERT_TRUE(run(job, out).has_value());
        const auto files = model_files(out);
        if (wanted.empty()) wanted = files;
        EXPECT_EQ(files, wanted);
        std::filesystem::remove_all(out);
      }
    }
  }
}

}  // namespace
}  // namespace costeff
