// costeff train: full disks, models that cannot be trained, data that is too small.

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/resource_limit.h"
#include "cli/eval_data.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;

struct TrainHostileCli : EvalCli {
  std::string out = dir.file("out");

  Command command(const Strings& more) const {
    Strings args{"train",    model.path(), "--data",  data, "-o",           out,
                 "--epochs", "1",          "--batch", "16", "--eval-every", "2"};
    args.insert(args.end(), more.begin(), more.end());
    return {.args = args};
  }
};

TEST_F(TrainHostileCli, FullDisk) {
  const auto model_bytes = fs::file_size(model.path() + "/model.safetensors");
  // The model does not fit; its state, with moments, does not; the log does not.
  for (const rlim_t bytes : {rlim_t{1000}, rlim_t{model_bytes + 4096}}) {
    Finished f;
    {
      const ResourceLimit limit(RLIMIT_FSIZE, bytes);
      f = run(command({}));
    }
    EXPECT_EQ(f.exit_code, 5) << f.err;
    EXPECT_NE(lines_of(f.err).back().find("File too large"), std::string::npos) << f.err;
    EXPECT_FALSE(fs::exists(out));
    const bool to_resume = fs::exists(out + ".training");
    f = run(command(to_resume ? Strings{"--resume"} : Strings{}));
    EXPECT_EQ(f.exit_code, 0) << f.err;
    EXPECT_EQ(run({"infer", out, "-", "-q"}, "w1 w2\n").exit_code, 0);
    fs::remove_all(out);
  }
  const Finished log = run(command({"--log", "/dev/full"}));
  EXPECT_EQ(log.exit_code, 5) << log.err;
  EXPECT_NE(lines_of(log.err).back().find("/dev/full: No space left"), std::string::npos)
      << log.err;
  fs::remove_all(out + ".training");
  Command table = command({});
  table.stdout_path = "/dev/full";
  const Finished full = run(table);
  EXPECT_EQ(full.exit_code, 5) << full.err;
  EXPECT_NE(full.err.find("No space left"), std::string::npos) << full.err;
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(TrainHostileCli, ModelsAndData) {
  TinyShape shape;
  TinyTensors tensors = tiny_tensors(shape);
  tensors["bert.encoder.layer.2.attention.self.value.bias"].values[1] =
      std::numeric_limits<float>::quiet_NaN();
  const TempDir nan;
  write_tiny_checkpoint(nan.path(), shape);
  write_safetensors(nan.path() + "/model.safetensors", tensors);
  write_file(dir.file("two.tsv"), "text\tlabel\nw1\tx\nw2\ty\n");
  const std::string two = dir.file("two.tsv"), equal = dir.file("equal.tsv");
  std::string rows = "text\tlabel\n";
  for (int i = 0; i < 100; ++i) rows += "w1\tx\nw2\ty\n";
  write_file(equal, rows);
  const struct {
    Strings args;
    int code;
    const char* says;
  } cases[] = {
      {{"train", nan.path(), "--data", data}, 4, "layer.2.attention.self.value.bias: element [1]"},
      {{"train", model.path(), "--data", two},
       3,
       "two.tsv: 2 rows; a share of 0.1 leaves none to judge by, expected more rows, --dev"},
      {{"train", model.path(), "--data", equal},
       3,
       "equal.tsv: 200 rows, but only 2 different texts; a share of 0.1 leaves none to judge by, "
       "expected more different texts, --dev FILE"},
      {{"train", model.path(), "--data", data, "--dev-share", "0.001"},
       3,
       "a share of 0.001 leaves none to judge by"},
      {{"train", model.path(), "--data", two, "--dev-share", "0", "--recipe", "ramps"},
       2,
       "classifier does not have these labels"},
      {{"train", model.path(), "--data", data, "--recipe", "assistant", "--teacher", nan.path()},
       4,
       "layer.2.attention.self.value.bias"},
      {{"train", model.path(), "--data", data, "--recipe", "assistant", "--teacher", two},
       4,
       "two"},
      {{"train", model.path(), "--data", data, "--first-exit", "2"},
       2,
       "--first-exit: recipe plain makes no off-ramps"},
      {{"train", model.path(), "--data", data, "--recipe", "joint", "--temperature", "2"},
       2,
       "--temperature: recipe joint learns from no other model"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(joined(c.args));
    Strings args = c.args;
    args.insert(args.end(), {"-o", out});
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, c.code) << f.err;
    EXPECT_NE(lines_of(f.err).back().find(c.says), std::string::npos) << f.err;
    EXPECT_FALSE(fs::exists(out));
    EXPECT_FALSE(fs::exists(out + ".training"));
  }
  // New exits for labels that the backbone's do not have.
  const Finished f =
      run({"train", model.path(), "--data", two, "--dev-share", "0", "--epochs", "1", "-o", out});
  EXPECT_EQ(f.exit_code, 0) << f.err;
  EXPECT_NE(f.err.find("the backbone's exits answer other labels: all 1 are new"),
            std::string::npos)
      << f.err;
}

}  // namespace
}  // namespace costeff::cli
