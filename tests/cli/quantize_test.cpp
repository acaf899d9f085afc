// costeff quantize and --dtype as a user meets them.

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/expected_rows.h"
#include "shared_data.h"

namespace costeff::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kBundled = COSTEFF_SOURCE_DIR "/models/sst2-slender";
constexpr const char* kSample = COSTEFF_SOURCE_DIR "/models/sample.txt";

std::string answers(const std::string& model, const std::vector<std::string>& flags) {
  std::vector<std::string> args = {"infer", model, kSample, "--format", "jsonl", "--all-exits"};
  args.insert(args.end(), flags.begin(), flags.end());
  const Finished f = run(args);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  return f.out;
}

// A factorised word embedding is rounded by bfloat16's products anyway: the same bits.
TEST(Quantize, Bfloat16AnswersAsOnTheFly) {
  TempDir dir;
  const Finished f = run({"quantize", kBundled, dir.file("q"), "--dtype", "bf16"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  EXPECT_EQ(f.out.find(dir.file("q") + ": cost-eff in bfloat16, "), 0u) << f.out;
  const std::string stored = answers(dir.file("q"), {});
  EXPECT_EQ(stored, answers(kBundled, {"--dtype", "bfloat16"}));
  EXPECT_NE(stored, answers(kBundled, {}));
}

TEST(Quantize, Int8IsAQuarterAndComputesInInt8) {
  TempDir dir;
  ASSERT_EQ(run({"quantize", kBundled, dir.file("q"), "--dtype", "int8", "-q"}).exit_code, 0);
  ASSERT_EQ(run({"convert", kBundled, dir.file("f"), "--dtype", "float32", "-q"}).exit_code, 0);
  const auto size = [&](const char* name) {
    return static_cast<double>(fs::file_size(dir.file(name) + "/model.safetensors"));
  };
  EXPECT_LT(size("q") / size("f"), 0.27);
  EXPECT_EQ(answers(dir.file("q"), {}), answers(dir.file("q"), {"--dtype", "int8"}));
  // Read back as float32 it is the same model, dequantised: close, but not the same bits.
  EXPECT_NE(answers(dir.file("q"), {}), answers(dir.file("q"), {"--dtype", "float32"}));
  const auto info = json::parse(run({"inspect", dir.file("q"), "--json"}).out);
  EXPECT_EQ(info["dtype"], "I8, F16");
  EXPECT_EQ(info["unused"].size(), 0u);
}

// Poolers are bfloat16 in both, classifiers stay.
TEST(Quantize, PoolersAreBfloat16) {
  COSTEFF_NEED_SHARED("golden/deebert_bert");
  TempDir dir;
  for (const auto& [dtype, stored] :
       {std::pair{"int8", "I8, BF16, F32"}, std::pair{"bf16", "BF16, F32"}}) {
    const std::string to = dir.file(dtype);
    const Finished f =
        run({"quantize", shared_path("golden/deebert_bert"), to, "--dtype", dtype, "-q"});
    ASSERT_EQ(f.exit_code, 0) << f.err;
    EXPECT_EQ(json::parse(run({"inspect", to, "--json"}).out)["dtype"], stored);
  }
}

// A quantised model stays the same when it is written again.
TEST(Quantize, StaysTheSameWhenConverted) {
  TempDir dir;
  ASSERT_EQ(run({"quantize", kBundled, dir.file("q"), "--dtype", "int8", "-q"}).exit_code, 0);
  ASSERT_EQ(run({"convert", dir.file("q"), dir.file("again"), "-q"}).exit_code, 0);
  ASSERT_EQ(run({"quantize", dir.file("q"), dir.file("twice"), "--dtype", "int8", "-q"}).exit_code,
            0);
  const std::string bytes = read_whole_file(dir.file("q") + "/model.safetensors");
  EXPECT_EQ(read_whole_file(dir.file("again") + "/model.safetensors"), bytes);
  EXPECT_EQ(read_whole_file(dir.file("twice") + "/model.safetensors"), bytes);
  EXPECT_EQ(answers(dir.file("again"), {}), answers(dir.file("q"), {}));
}

TEST(Quantize, Errors) {
  const TinyModel model;
  TempDir dir;
  const auto expect = [&](const std::vector<std::string>& args, int code, const std::string& text) {
    const Finished f = run(args);
    EXPECT_EQ(f.exit_code, code);
    EXPECT_EQ(f.err, "costeff: " + text + "\n");
    EXPECT_TRUE(fs::is_empty(dir.path()));
  };
  expect({"quantize", model.path(), dir.file("q"), "--dtype", "float32"}, 2,
         "--dtype float32 quantises nothing, expected bfloat16 (bf16) or int8");
  expect({"quantize", model.path(), dir.file("q"), "--dtype", "int4"}, 2,
         "dtype \"int4\" is not known, expected one of float32, bfloat16, int8");
  expect({"infer", model.path(), kSample, "--dtype", "fp8"}, 2,
         "dtype \"fp8\" is not known, expected one of float32, bfloat16, int8");
}

// Errors name a scale that does not fit its weight or is no number.
TEST(Quantize, WrongScalesAreErrors) {
  TempDir dir;
  ASSERT_EQ(run({"quantize", kBundled, dir.file("q"), "--dtype", "int8", "-q"}).exit_code, 0);
  const std::string path = dir.file("q") + "/model.safetensors";
  const std::string good = read_whole_file(path);
  const size_t at = good.find("\"bert.encoder.layer.0.intermediate.dense.weight_scale\"");
  ASSERT_NE(at, std::string::npos);
  std::string bad = good;
  const size_t shape = good.find("[512]", at);
  ASSERT_NE(shape, std::string::npos);
  // The file begins with the length of the header; offsets count from its end.
  const auto header = static_cast<size_t>(static_cast<unsigned char>(good[0])) +
                      (static_cast<size_t>(static_cast<unsigned char>(good[1])) << 8);
  const size_t begin = std::stoul(good.substr(good.find("\"data_offsets\":[", at) + 16));
  const std::string nan("\0\0\xc0\x7f", 4);
  bad.replace(8 + header + begin, 4, nan);
  write_file(path, bad);
  const Finished f = run({"infer", dir.file("q"), kSample});
  EXPECT_EQ(f.exit_code, 4);
  EXPECT_NE(f.err.find("intermediate.dense.weight: the scale of row 0 is not finite"),
            std::string::npos)
      << f.err;
}

TEST(Bench, SaysWhatItMeasured) {
  const TinyModel model;
  const Finished f = run({"bench", model.path(), kSample, "--lengths", "3,9", "--seconds", "0",
                          "--rounds", "1", "--threads", "2", "--dtype", "int8", "--json", "-"});
  ASSERT_EQ(f.exit_code, 0) << f.err;
  const json j = json::parse(f.out);
  EXPECT_EQ(j["dtype"], "int8");
  EXPECT_EQ(j["threads"], 2);
  ASSERT_EQ(j["latency"].size(), 2u);
  EXPECT_EQ(j["latency"][1]["length"], 9);
  EXPECT_GE(j["latency"][1]["runs"].get<int>(), 10);
  EXPECT_LE(j["latency"][1]["median_ms"].get<double>(), j["latency"][1]["p99_ms"].get<double>());
  ASSERT_EQ(j["throughput"].size(), 1u);
  EXPECT_GT(j["throughput"][0]["rows_per_s"].get<double>(), 0);
  const Finished text = run({"bench", model.path(), "--lengths", "3", "--seconds", "0"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const std::string& line : lines_of(text.out)) EXPECT_LE(line.size(), 100u) << line;
  EXPECT_EQ(run({"bench", model.path(), "--lengths", "3,x"}).exit_code, 2);
  EXPECT_EQ(run({"bench", model.path(), "--lengths", "99999"}).exit_code, 2);
}

TEST(InferMode, IsChosenByTheInputOrTheFlag) {
  const TinyModel model;
  const std::string file = answers(kBundled, {"--threads", "2"});
  for (const char* mode : {"throughput", "latency"})
    EXPECT_EQ(answers(kBundled, {"--threads", "2", "--mode", mode}), file);
  EXPECT_EQ(answers(kBundled, {"--threads", "2", "--max-delay", "0.01"}), file);
  const Finished f = run({"infer", model.path(), kSample, "--mode", "fast"});
  EXPECT_EQ(f.exit_code, 2);
  EXPECT_EQ(f.err, "costeff: --mode \"fast\", expected throughput or latency\n");
}

}  // namespace
}  // namespace costeff::cli
