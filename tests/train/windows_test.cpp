// Texts that are longer than max_length, trained on in windows.

#include "toy.h"

namespace costeff {
namespace {

constexpr int64_t kMaxLength = 8, kStride = 2;

Job long_job(const std::string& backbone, const std::string& recipe = "joint") {
  Job job = toy_job(backbone, recipe);
  for (auto* rows : {&job.train, &job.dev}) {
    for (size_t i = 0; i < rows->size(); ++i) {
      // 1 to 3 windows of 6 tokens of text, which share 2.
      for (size_t w = 0; w < 3 * (i % 4); ++w)
        (*rows)[i].example.text_a += " w" + std::to_string(40 + w);
    }
  }
  job.options.max_length = kMaxLength;
  job.options.doc_stride = kStride;
  return job;
}

std::vector<Result> answers_in_windows(const std::string& model,
                                       const std::vector<TrainRow>& rows) {
  std::vector<Example> examples;
  for (const TrainRow& row : rows) examples.push_back(row.example);
  RunOptions options;
  options.all_exits = options.windows = true;
  options.threads = 1;
  options.encode.max_length = kMaxLength;
  options.doc_stride = kStride;
  return Engine(model).score(examples, options);
}

TEST(TrainWindows, EachIsARowAndEvaluationsJoinThem) {
  const TempDir dir, tiny;
  write_tiny_checkpoint(tiny.path(), toy_shape());
  for (const char* recipe : {"joint", "ramps"}) {
    SCOPED_TRACE(recipe);
    Job job = long_job(tiny.path(), recipe);
    ExitTable judged;
    job.options.metric = [&](std::span<const TrainRow> rows, const ExitTable& table) {
      EXPECT_EQ(table.rows(), static_cast<int64_t>(rows.size()));
      judged = table;
      return std::vector<double>(static_cast<size_t>(table.exits()), 1.0);
    };
    job.options.epochs = 0.5;
    job.options.eval_every = 1000;
    Trainer trainer(job.backbone, job.train, job.dev, job.options);
    const std::string out = dir.file(recipe);
    ASSERT_TRUE(trainer.run(out).has_value());
    const std::vector<Result> results = answers_in_windows(out, job.dev);
    int64_t windows = 0, many = 0;
    for (const Result& r : answers_in_windows(out, job.train)) windows += r.window_count;
    EXPECT_EQ(trainer.plan().rows, windows);
    EXPECT_GT(windows, static_cast<int64_t>(job.train.size()));
    for (size_t i = 0; i < results.size(); ++i) {
      many += results[i].window_count > 1;
      for (int64_t e = 0; e < judged.exits(); ++e) {
        const ExitOutput& exit = results[i].exits[static_cast<size_t>(e)];
        EXPECT_NEAR(judged.prob[judged.at(static_cast<int64_t>(i), e)],
                    *std::max_element(exit.probs.begin(), exit.probs.end()), 1e-5);
      }
    }
    EXPECT_GT(many, 2);
  }
}

TEST(TrainWindows, AStrideThatLeavesNoRoomIsRefused) {
  const TempDir dir, tiny;
  write_tiny_checkpoint(tiny.path(), toy_shape());
  Job job = long_job(tiny.path());
  job.options.doc_stride = 6;
  EXPECT_TRUE(contains(error_message(ErrorKind::usage, [&] { run(job, dir.file("out")); }),
                       "document stride 6, expected fewer than the 6 tokens"));
  job.options.doc_stride = -2;
  EXPECT_TRUE(contains(error_message(ErrorKind::usage, [&] { run(job, dir.file("out")); }),
                       "document stride -2"));
}

}  // namespace
}  // namespace costeff
