// Checkpoints with tensors that the engine does not know: refused by every verb, or read with a
// warning in every run.

#include <gtest/gtest.h>

#include "cli/expected_rows.h"

namespace costeff::cli {
namespace {

const std::string kTensor = "bert.encoder.layer.0.attention.self.query.lora_A";

TEST(IgnoreUnused, EveryVerbRefusesOrWarns) {
  const TinyShape shape{.labels = 2};
  const TinyModel model(shape), plain(shape);
  TinyTensors tensors = tiny_tensors(shape);
  tensors[kTensor] = {{2, 3}, std::vector<float>(6, 0.5f)};
  write_safetensors(model.dir.file("model.safetensors"), tensors);
  TempDir dir;
  const std::string data = dir.file("dev.tsv"), m = model.path();
  write_file(data, "sentence\tlabel\nw1 w2\t0\nw3\t1\nw4 w5 w6\t1\n");
  const std::vector<std::vector<std::string>> rows = {
      {"infer", m, data, "--task", "sst-2", "-q"},
      {"eval", m, "--data", data, "--task", "sst-2"},
      {"sweep", m, "--data", data, "--task", "sst-2", "--thresholds", "0.1"},
      {"tune", m, "--data", data, "--task", "sst-2", "-o", dir.file("policy.json"), "--else-never",
       "--max-drop", "0.5"},
      {"bench", m, "--lengths", "8", "--seconds", "0.01"},
      {"inspect", m},
      {"convert", m, dir.file("new"), "-q"},
      {"quantize", m, dir.file("small"), "--dtype", "int8", "-q"},
  };
  const std::string file = model.dir.file("model.safetensors");
  for (std::vector<std::string> args : rows) {
    const Finished refused = run(args);
    EXPECT_EQ(refused.exit_code, 4) << args[0] << refused.err;
    EXPECT_EQ(refused.out, "") << args[0];
    EXPECT_EQ(refused.err.find("costeff: " + file + ": tensor " + kTensor + ": is part of a LoRA"),
              0u)
        << args[0] << refused.err;
    args.push_back("--ignore-unused");
    const Finished read = run(args);
    EXPECT_EQ(read.exit_code, 0) << args[0] << read.err;
    EXPECT_NE(read.err.find("costeff: warning: " + file +
                            ": 1 tensor of the model that the engine does not know is ignored "
                            "(--ignore-unused), the first: " +
                            kTensor + "\n"),
              std::string::npos)
        << args[0] << read.err;
  }
  // The answers are those without the tensor, and the written model is clean.
  EXPECT_EQ(run({"infer", m, data, "--task", "sst-2", "-q", "--ignore-unused"}).out,
            run({"infer", plain.path(), data, "--task", "sst-2", "-q"}).out);
  const Finished same = run({"diff", m, dir.file("new"), "--ignore-unused"});
  EXPECT_EQ(same.exit_code, 0) << same.out;
  EXPECT_NE(same.err.find("costeff: warning: "), std::string::npos);
  const Finished clean = run({"infer", dir.file("new"), data, "--task", "sst-2"});
  EXPECT_EQ(clean.exit_code, 0);
  EXPECT_EQ(clean.err.find("warning"), std::string::npos) << clean.err;
}

}  // namespace
}  // namespace costeff::cli
