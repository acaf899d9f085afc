// Time of training steps on one batch, by parts:
//   train_bench MODEL THREADS f32|bf16 STEPS LENGTH,LENGTH,.. [TABLE]
// Prints one line of JSON: milliseconds of the fastest step and its parts, tokens/s, and the
// GFLOP/s of the layers' products (6 multiply-accumulates a weight and token).

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "base/threads/team.h"
#include "checkpoint/checkpoint.h"
#include "grad/network.h"
#include "train/objective.h"
#include "train/optimiser.h"

namespace {

using namespace costeff;

double now_ms() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Parts {
  double clear = 0, forward = 0, backward = 0, update = 0;
  double all() const { return clear + forward + backward + update; }
};

// Weights of the layers' products.
double layer_weights(const model::Architecture& arch) {
  double weights = 0;
  const auto h = static_cast<double>(arch.hidden_size);
  for (const model::Layer& l : arch.layers) {
    if (l.attention) weights += 4 * h * static_cast<double>(l.attention->query.out);
    if (l.ffn) weights += 2 * h * static_cast<double>(l.ffn->in.out);
  }
  return weights;
}

grad::Batch random_batch(const model::Architecture& arch, const char* lengths) {
  grad::Batch batch;
  std::mt19937 rng(1);
  for (const char* at = lengths; *at;) {
    char* end = nullptr;
    std::vector<int32_t> ids(std::strtoul(at, &end, 10));
    for (int32_t& id : ids)
      id = 1 + static_cast<int32_t>(rng() % static_cast<uint32_t>(arch.vocab_size - 1));
    batch.add(ids, {}, static_cast<uint32_t>(batch.rows()));
    at = *end == ',' ? end + 1 : end;
  }
  return batch;
}

void run(int argc, char** argv) {
  model::Model m = checkpoint::load_model(argv[1], true);
  const int64_t threads = std::atol(argv[2]), steps = std::atol(argv[4]);
  const bool bf16 = std::string_view(argv[3]) == "bf16";
  const auto& table = *kernels::find_table(argc > 6 ? argv[6] : "");
  grad::TrainedWeights w(&m, table,
                         bf16 ? kernels::Precision::bfloat16 : kernels::Precision::float32);
  grad::Network network(&w);
  const grad::Batch batch = random_batch(m.arch, argv[5]);
  std::vector<int32_t> labels(batch.real.size());
  for (size_t b = 0; b < labels.size(); ++b)
    labels[b] = static_cast<int32_t>(static_cast<int64_t>(b) % m.arch.num_labels);
  train::Optimiser optimiser(
      &w, {}, std::vector<train::Rate>(m.parameters.list.size(), {2e-5, 0.01, false}));
  const train::Objective objective =
      objective_of(train::Aim::last, network.heads(), network.layers(), false, 0);
  train::StepLosses losses;
  Team team(threads);
  network.reserve(batch, threads);
  Parts best, step;
  for (int64_t i = 0; i <= steps; ++i) {
    const grad::Dropout dropout{0.1f, 0.1f, grad::dropout_key(1, static_cast<uint64_t>(i))};
    team.run([&](const Crew& crew) noexcept {
      double last = now_ms();
      const auto lap = [&](double* to) {
        const double t = now_ms();
        if (crew.leads()) *to = t - last;
        last = t;
      };
      w.clear_gradients(crew);
      lap(&step.clear);
      optimiser.catch_up(batch.ids, crew);
      network.forward(batch, dropout, crew);
      if (crew.leads()) {
        losses.begin(objective, {batch.rows(), static_cast<double>(batch.rows())});
        losses.exits(network, {labels, {}, {}, 0}, {}, batch.rows());
      }
      crew.meet();
      lap(&step.forward);
      network.backward(batch, dropout, crew, {losses.gradients(), {}, false});
      lap(&step.backward);
      optimiser.step(1, 1, crew);
      lap(&step.update);
    });
    if (i == 1 || (i > 1 && step.all() < best.all())) best = step;
  }
  int64_t tokens = 0;
  for (const int32_t n : batch.real) tokens += n;
  const double seconds = best.all() / 1e3, each = static_cast<double>(tokens) / seconds;
  // The peak of one thread's products.
  const auto& product = table.product(w.precision());
  double peak = 0;
  for (int i = 0; product.spin && i < 5; ++i) {
    const double begin = now_ms();
    const auto macs = static_cast<double>(product.spin(1 << 20));
    peak = std::max(peak, 2 * macs / (now_ms() - begin) / 1e6);
  }
  std::printf(
      "{\"table\": \"%s\", \"threads\": %ld, \"precision\": \"%s\", \"tokens\": %ld, \"ms\": %.2f, "
      "\"clear\": %.2f, \"forward\": %.2f, \"backward\": %.2f, \"update\": %.2f, "
      "\"tokens_per_second\": %.0f, \"gflops\": %.1f, \"peak_gflops\": %.1f}\n",
      table.name, static_cast<long>(threads), argv[3], static_cast<long>(tokens), best.all(),
      best.clear, best.forward, best.backward, best.update, each,
      6 * layer_weights(m.arch) * each / 1e9, peak * static_cast<double>(threads));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "train_bench MODEL THREADS f32|bf16 STEPS LENGTH,LENGTH,.. [TABLE]\n");
    return 2;
  }
  try {
    run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "train_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
