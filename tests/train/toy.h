#pragma once

// Tiny models and rows to train them on, through the public API.

#include <costeff/engine.h>
#include <costeff/train.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tiny_checkpoint.h"

namespace costeff {

// Texts of words w10 to w99 with one of w0, w1, ... that is the number of the label (its score).
inline std::vector<TrainRow> toy_rows(int64_t count, int64_t labels, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<TrainRow> rows(static_cast<size_t>(count));
  for (size_t i = 0; i < rows.size(); ++i) {
    TrainRow& row = rows[i];
    row.label = static_cast<int32_t>(i % static_cast<size_t>(labels));
    row.score = static_cast<float>(row.label);
    const uint64_t words = 2 + rng() % 8, at = rng() % words;
    for (uint64_t w = 0; w < words; ++w) {
      const uint64_t any = 10 + rng() % 90;
      row.example.text_a +=
          (w > 0 ? " w" : "w") + std::to_string(w == at ? static_cast<uint64_t>(row.label) : any);
    }
  }
  return rows;
}

// A BERT of four layers that every dialect can say.
inline TinyShape toy_shape(const std::string& dialect = "plain") {
  return {
      .dialect = dialect, .hidden = 16, .labels = 2, .positions = 32, .heads = {4}, .ffn = {64}};
}

// A run of training.
struct Job {
  std::string backbone;
  TrainOptions options;
  std::vector<TrainRow> train, dev;
};

// Eight steps of each stage; the last one of an epoch is short.
inline Job toy_job(const std::string& backbone, const std::string& recipe, int64_t labels = 2) {
  Job job{backbone, {}, toy_rows(26, labels, 1), toy_rows(10, labels, 2)};
  TrainOptions& o = job.options;
  o.recipe = recipe;
  for (int64_t i = 0; i < labels; ++i) o.labels.push_back("class" + std::to_string(i));
  o.batch = 8;
  o.epochs = 2;
  o.learning_rate = 1e-3;
  o.eval_every = 3;
  o.threads = 1;
  return job;
}

inline std::optional<TrainResult> run(const Job& job, const std::string& out,
                                      const TrainObserver& observer = {},
                                      const std::atomic<bool>* stop = nullptr) {
  Trainer trainer(job.backbone, job.train, job.dev, job.options);
  return trainer.run(out, observer, stop);
}

// The bytes of a model's files, by name; training.json says how long it took.
inline std::map<std::string, std::string> model_files(const std::string& dir) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    const std::string name = entry.path().filename();
    if (name != "training.json") files[name] = read_whole_file(entry.path());
  }
  return files;
}

inline void expect_same_files(const std::string& got, const std::string& wanted) {
  const auto files = model_files(wanted), others = model_files(got);
  EXPECT_EQ(others.size(), files.size());
  for (const auto& [name, bytes] : files) {
    const auto found = others.find(name);
    EXPECT_TRUE(found != others.end() && found->second == bytes) << name << " of " << got;
  }
}

// The message of the error that f throws; "" and a failed test without one, or of another kind.
inline std::string error_message(ErrorKind kind, const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(kind)) << e.what();
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// All exits' answers to some rows.
inline std::vector<Result> answers(const std::string& model, const std::vector<TrainRow>& rows) {
  std::vector<Example> examples;
  for (const TrainRow& row : rows) examples.push_back(row.example);
  RunOptions options;
  options.all_exits = true;
  options.threads = 1;
  return Engine(model).score(examples, options);
}

// Remembers the answers that evaluations judged; each is better than the one before.
struct Judge {
  std::vector<float> logits;
  int64_t times = 0;
  TrainMetric metric() {
    return [this](std::span<const TrainRow>, const ExitTable& table) {
      logits = table.logits;
      ++times;
      return std::vector<double>(static_cast<size_t>(table.exits()), static_cast<double>(times));
    };
  }
};

inline std::vector<float> all_logits(const std::vector<Result>& results) {
  std::vector<float> all;
  for (const Result& r : results)
    for (const ExitOutput& e : r.exits) all.insert(all.end(), e.logits.begin(), e.logits.end());
  return all;
}

}  // namespace costeff
