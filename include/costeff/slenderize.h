#pragma once

// Makes models slender: drops the attention heads and feed-forward neurons that matter least, and fits
// what is left to what the whole model computes. Without retraining: one backward pass over a few
// thousand rows and linear algebra (Kwon et al., NeurIPS 2022; refitted matrices after Park et al.,
// ICLR 2024).

#include <costeff/train.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace costeff {

// What makes up for the units that were dropped: output matrices fitted anew; a scale for each unit;
// nothing.
enum class SlenderFit { refit, scales, none };

// What is to be small, and how much of it is left.
enum class SlenderSize {
  macs,        // multiply-accumulates of a text as long as the rows: a share of the model's
  parameters,  // the same of the parameters, embeddings counted
  sparsity,    // CoFi's: the share of the weights of heads and neurons that is dropped
  speedup      // measured on this machine: the model's time by that of the result
};
struct SlenderTarget {
  SlenderSize of = SlenderSize::macs;
  double value = 0.5;
};

struct SlenderizeOptions {
  SlenderTarget target;
  SlenderFit fit = SlenderFit::refit;
  int64_t rows = 2048;  // the most rows that are looked at, drawn from those given
  // The rows have no labels, or none that are to be read: answers are drawn from the model's own.
  bool without_labels = false;
  bool round = true;       // neurons in multiples of 16, which kernels like
  int64_t max_length = 0;  // tokens; 0: 128, or less if the model has fewer
  uint64_t seed = 42;      // of the rows that are drawn
  TrainMetric metric;      // of the rows to judge by; empty: as TrainOptions::metric
  std::string isa;         // as LoadOptions::isa
  int64_t threads = 0;     // 0: as many as the process may use
  // Of a speed-up: the precision whose times are measured.
  ComputeType compute = ComputeType::float32;
};

// Widths of a model.
struct SlenderShape {
  std::vector<int64_t> heads, neurons;  // [L]
  int64_t rank = 0;                     // of the word embedding's factors; 0: it is one matrix
  int64_t parameters = 0;               // in use
  double macs = 0;      // of a text as long as the rows are on average, as `costeff inspect` counts
  double sparsity = 0;  // CoFi's, of the model that is made slender
};

struct SlenderizePlan {
  SlenderShape before, after;
  int64_t rows = 0, dev_rows = 0, tokens = 0;  // rows: that are looked at; tokens: of these
  std::string dialect;                         // of the result
  // Of a target that is one: what the times that were measured say.
  std::optional<double> speedup = {};
  double seconds_left = 0;  // that run() will take, about
  std::vector<std::string> notes;
};

struct SlenderizeResult {
  std::vector<double> metric_before,
      metric_after;  // [E] on the rows to judge by; empty: no such rows
  std::vector<std::string> files;
};

// Called by the thread that called run() or plan(): what is being done, and how far.
using SlenderizeProgress = std::function<void(const std::string& what, int64_t done, int64_t all)>;

// The same model, rows and options give the same bits for any number of threads, for a given kernel
// table; but for a speed-up, as no two measurements are the same.
class Slenderizer {
 public:
  // rows: labelled as the model answers, unless options.without_labels; dev: rows to judge by, or none.
  // Throws Error(model) for a model that cannot be made slender so, Error(usage) for a number that no
  // target can be, Error(input) that names the row.
  Slenderizer(const std::string& model, std::vector<TrainRow> rows, std::vector<TrainRow> dev,
              SlenderizeOptions options);
  ~Slenderizer();
  Slenderizer(Slenderizer&&) noexcept;
  Slenderizer& operator=(Slenderizer&&) noexcept;

  // Decides what is kept: most of the work's first half. Null if *stop became true. Throws Error(usage),
  // with the nearest that can be had, for a target that no widths have: before gradients are computed.
  const SlenderizePlan* plan(const SlenderizeProgress& progress = nullptr,
                             const std::atomic<bool>* stop = nullptr);

  // Writes the slender model to the directory `out`, which must not exist or be empty; it appears
  // complete or not at all. nullopt if *stop became true: nothing was written. Throws Error(output).
  // May be called once.
  std::optional<SlenderizeResult> run(const std::string& out,
                                      const SlenderizeProgress& progress = nullptr,
                                      const std::atomic<bool>* stop = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace costeff
