// CoFi's pruning as a run: it learns, reaches its sparsity, goes on to the same bits, and writes what it
// was judged by.

#include "prune/cofi/cofi_pruning.h"

#include <costeff/engine.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/threads/team.h"
#include "checkpoint/checkpoint.h"
#include "grad/network.h"
#include "prune/cofi/fold_masks.h"
#include "prune/cofi/l0.h"
#include "tiny_checkpoint.h"
#include "toy.h"
#include "train/loop.h"

namespace costeff {
namespace {

namespace fs = std::filesystem;

// A model that knows the toy task.
std::string teacher_in(const TempDir& dir, int64_t labels = 2, bool regression = false) {
  const TempDir backbone;
  TinyShape shape = toy_shape();
  shape.labels = labels;
  write_tiny_checkpoint(backbone.path(), shape);
  Job job = toy_job(backbone.path(), "plain", labels);
  job.train = toy_rows(400, 2, 3);
  if (regression) {
    job.options.labels.clear();
    job.options.problem = ProblemType::regression;
  }
  job.dev.clear();
  job.options.epochs = 12;
  job.options.learning_rate = 3e-3;
  run(job, dir.file("teacher"));
  return dir.file("teacher");
}

prune::CofiOptions toy_options(double epochs) {
  prune::CofiOptions o;
  o.train = toy_job("", "plain").options;
  o.train.epochs = epochs;
  o.train.learning_rate = 2e-3;
  o.train.eval_every = 50;
  o.sparsity = 0.5;
  o.mask_rate = 0.1;
  o.lambda_rate = 0.1;
  o.first_steps = 10;
  return o;
}

double accuracy(const std::string& model, const std::vector<TrainRow>& rows) {
  const std::vector<Result> all = answers(model, rows);
  double right = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::vector<float>& logits = all[i].exits.back().logits;
    right += std::max_element(logits.begin(), logits.end()) - logits.begin() == rows[i].label;
  }
  return right / static_cast<double>(rows.size());
}

TEST(CofiPruning, LearnsAndReachesTheSparsity) {
  const TempDir dir;
  const std::string teacher = teacher_in(dir), out = dir.file("out"), tuned = dir.file("tuned");
  const auto train = toy_rows(400, 2, 3), dev = toy_rows(200, 2, 4);
  ASSERT_GT(accuracy(teacher, dev), 0.95);
  prune::CofiPruning pruning(teacher, train, dev, toy_options(12));
  const auto result = pruning.run(out);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->reached) << result->sparsity;
  EXPECT_GE(result->sparsity, 0.5);
  EXPECT_LT(result->sparsity, 0.7);
  EXPECT_GT(accuracy(out, dev), 0.85);
  const model::Model slender = checkpoint::load_model(out);
  EXPECT_EQ(slender.provenance.dialect, "cofi-compact");
  // The map of layers is beside it.
  model::Model again = slender;
  const model::Linear map = train::layer_transformation(&again, 16);
  const Tensor& saved = again.parameters.tensor(map.weight);
  EXPECT_TRUE(std::ranges::any_of(slender.provenance.unused, [&](const Tensor& t) {
    return t.name == "layer_transformation.weight" && t.data == saved.data;
  }));
  // The last stage begins with the result, the map of layers included.
  Job job{out, toy_options(2).train, train, dev};
  job.options.recipe = "cofi";
  job.options.teacher = teacher;
  const auto fine = run(job, tuned);
  ASSERT_TRUE(fine.has_value());
  EXPECT_GE(accuracy(tuned, dev), accuracy(out, dev) - 0.05);
  EXPECT_EQ(prune::sparsity_between(checkpoint::load_model(teacher).arch,
                                    checkpoint::load_model(tuned).arch),
            result->sparsity);
}

TEST(CofiPruning, Regression) {
  const TempDir dir;
  const std::string teacher = teacher_in(dir, 1, true);
  prune::CofiOptions o = toy_options(12);
  o.train.labels.clear();
  o.train.problem = ProblemType::regression;
  o.hidden = false;
  const auto dev = toy_rows(200, 2, 4);
  prune::CofiPruning pruning(teacher, toy_rows(400, 2, 3), dev, o);
  const auto result = pruning.run(dir.file("out"));
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->reached);
  EXPECT_EQ(checkpoint::load_model(dir.file("out")).arch.hidden_size, 16);
  // Negative mean squared error; a constant has -0.25.
  ASSERT_GE(result->training.best, 0);
  EXPECT_GT(result->training.evaluations[static_cast<size_t>(result->training.best)].score, -0.15);
}

struct Killed {};

// Stopped or killed after some steps, with other threads and micro-batches in each part.
TEST(CofiPruning, GoesOnToTheSameBits) {
  const TempDir dir;
  const std::string teacher = teacher_in(dir);
  const auto train = toy_rows(26, 2, 1), dev = toy_rows(10, 2, 2);
  for (const bool hidden : {true, false}) {
    const auto compute = hidden ? ComputeType::float32 : ComputeType::bfloat16;
    prune::CofiOptions o = toy_options(10);  // 40 steps
    o.hidden = hidden;
    o.train.compute = compute;
    o.train.eval_every = 12;
    o.sparsity = 0.2;
    const std::string name = std::to_string(hidden) + compute_type_name(compute);
    const std::string whole = dir.file("whole" + name), parts = dir.file("parts" + name);
    ASSERT_TRUE(prune::CofiPruning(teacher, train, dev, o).run(whole).has_value());
    // A state is saved where a run is stopped and after steps 12, 24 and 36.
    const std::pair<int64_t, bool> ends[]{{3, false}, {11, true}, {1, false}, {14, true}};
    for (const auto& [steps, killed] : ends) {
      std::atomic<bool> stop{false};
      int64_t left = steps;
      TrainObserver observer;
      observer.step = [&](const TrainStep&) {
        if (--left > 0) return;
        if (killed) throw Killed();
        stop = true;
      };
      try {
        EXPECT_FALSE(prune::CofiPruning(teacher, train, dev, o).run(parts, observer, &stop));
        EXPECT_FALSE(killed);
      } catch (const Killed&) {
      }
      EXPECT_TRUE(fs::exists(parts + ".training"));
      o.train.resume = true;
      o.train.threads = 3 - o.train.threads;
      o.train.micro_batch = o.train.micro_batch == 0 ? 3 : 1;
    }
    ASSERT_TRUE(prune::CofiPruning(teacher, train, dev, o).run(parts).has_value());
    expect_same_files(parts, whole);
    prune::CofiOptions other = o;
    other.sparsity = 0.3;
    std::atomic<bool> stop{true};
    o.train.resume = other.train.resume = false;
    EXPECT_FALSE(prune::CofiPruning(teacher, train, dev, o).run(dir.file("s" + name), {}, &stop));
    other.train.resume = true;
    const std::string message = error_message(ErrorKind::input, [&] {
      prune::CofiPruning(teacher, train, dev, other).run(dir.file("s" + name));
    });
    EXPECT_TRUE(contains(message, "sparsity 0.2 (now 0.3)")) << message;
  }
}

// Random masks of evaluation, with sublayers that are gone: logits of the masked network and of the engine
// with the folded model.
TEST(CofiPruning, TheFoldedModelComputesWhatTheMaskedOneDoes) {
  // A factorised embedding; heads of COST-EFF's that join two states.
  TinyShape factorised = toy_shape("costeff");
  factorised.rank = 8;
  factorised.last_n_hidden = 2;
  // Sublayers that are a bias and a LayerNorm.
  TinyShape empty = toy_shape();
  empty.heads = {4, 4, 0, 2};
  empty.ffn = {0, 20, 64, 7};
  for (const TinyShape& shape : {toy_shape(), toy_shape("deebert"), factorised, empty}) {
    for (const bool hidden : {true, false}) {
      SCOPED_TRACE(shape.dialect + (hidden ? " with hidden units" : ""));
      const TempDir dir;
      write_tiny_checkpoint(dir.path(), shape);
      model::Model m = checkpoint::load_model(dir.path());
      const kernels::KernelTable& table = **kernels::all_tables();
      grad::TrainedWeights weights(&m, table, kernels::Precision::float32);
      prune::LogAlphas a;
      a.assign(m.arch, hidden, 0);
      std::mt19937_64 rng(5);
      std::normal_distribution<float> normal(1, 2);
      grad::each_vector(a, [&](std::vector<float>& v) {
        for (float& x : v) x = normal(rng);
      });
      a.attention[1] = a.ffn[2] = -4;
      const grad::Masks masks = prune::evaluation_masks(a);
      EXPECT_EQ(masks.attention[1], 0);
      weights.mask(&masks);
      weights.pack({});
      grad::Network network(&weights);
      std::vector<train::Row> rows(3);
      for (size_t i = 0; i < rows.size(); ++i)
        for (size_t k = 0; k < 4 + i; ++k)
          rows[i].ids.push_back(static_cast<int32_t>(5 + 7 * i + k));
      const grad::Batch batch = train::batch_of(rows, m.arch);
      network.reserve(batch, 1);
      network.forward(batch, {}, {});
      model::Model folded = prune::fold_masks(m, masks);
      EXPECT_EQ(folded.arch.layers[1].attention.has_value(), false);
      EXPECT_EQ(folded.arch.hidden_size < m.arch.hidden_size, hidden);
      grad::TrainedWeights small(&folded, table, kernels::Precision::float32);
      grad::Network slender(&small);
      slender.reserve(batch, 1);
      slender.forward(batch, {}, {});
      for (size_t e = 0; e < m.arch.heads.size(); ++e)
        for (int64_t i = 0; i < 3 * m.arch.num_labels; ++i)
          EXPECT_NEAR(slender.logits(e)[i], network.logits(e)[i], 1e-5) << e << " " << i;
    }
  }
}

// Gradients of masks are the same bits for any number of threads and micro-batches.
TEST(CofiPruning, MaskGradientsAreTheSameBits) {
  const TempDir dir;
  write_tiny_checkpoint(dir.path(), toy_shape());
  const auto gradients = [&](const kernels::KernelTable& table, int64_t threads, size_t rows) {
    model::Model m = checkpoint::load_model(dir.path());
    grad::TrainedWeights weights(&m, table, kernels::Precision::float32);
    prune::LogAlphas a = prune::first_log_alphas(m.arch, true, 1);
    prune::clamp_log_alphas(&a);
    prune::Noise noise = a;
    prune::draw_noise(1, 2, &noise);
    const grad::Masks masks = prune::sample_masks(a, noise);
    weights.mask(&masks);
    Team team(threads);
    team.run([&](const Crew& crew) {
      weights.pack(crew);
      weights.clear_gradients(crew);
    });
    grad::Network network(&weights);
    const grad::Dropout dropout{0.1f, 0.1f, grad::dropout_key(7, 3)};
    std::vector<float> d(64, 0.25f);
    const grad::HeadGradient at_exit{.logits = d.data()};
    for (size_t first = 0; first < 7; first += rows) {
      grad::Batch batch;
      for (size_t i = first; i < std::min<size_t>(7, first + rows); ++i) {
        std::vector<int32_t> ids;
        for (size_t k = 0; k < 3 + i; ++k) ids.push_back(static_cast<int32_t>(5 + 9 * i + k));
        batch.add(ids, {}, static_cast<uint32_t>(i));
      }
      network.reserve(batch, threads);
      team.run([&](const Crew& crew) {
        network.forward(batch, dropout, crew);
        network.backward(batch, dropout, crew, {{&at_exit, 1}, {}, false});
      });
    }
    grad::MaskGradients g;
    team.run([&](const Crew& crew) { weights.mask_gradients(&g, crew); });
    std::vector<double> all;
    grad::each_vector(
        g, [&](const std::vector<double>& v) { all.insert(all.end(), v.begin(), v.end()); });
    return all;
  };
  for (const auto* const* t = kernels::all_tables(); *t; ++t) {
    // Its sums are rounded between calls.
    if (std::string((*t)->name) == "reference") continue;
    const std::vector<double> wanted = gradients(**t, 1, 100);
    ASSERT_FALSE(wanted.empty());
    for (const int64_t threads : {1, 2}) {
      for (const size_t rows : {size_t{100}, size_t{2}}) {
        const std::vector<double> got = gradients(**t, threads, rows);
        ASSERT_EQ(got.size(), wanted.size());
        EXPECT_EQ(std::memcmp(got.data(), wanted.data(), got.size() * sizeof(double)), 0)
            << (*t)->name << " " << threads << " " << rows;
      }
    }
  }
}

TEST(CofiPruning, RefusesWhatCannotBe) {
  const TempDir dir;
  write_tiny_checkpoint(dir.path(), toy_shape());
  const auto rows = toy_rows(8, 2, 1);
  const auto refused = [&](ErrorKind kind, auto change, const std::string& part) {
    prune::CofiOptions o = toy_options(1);
    change(&o);
    const std::string message =
        error_message(kind, [&] { prune::CofiPruning(dir.path(), rows, rows, o); });
    EXPECT_TRUE(contains(message, part)) << message;
  };
  using Options = prune::CofiOptions;
  for (const double bad : {0.0, 1.0, -1.0, std::nan("")})
    refused(
        ErrorKind::usage, [&](Options* o) { o->sparsity = bad; }, "sparsity");
  refused(
      ErrorKind::usage, [](Options* o) { o->warmup = 2; }, "warm-up of the sparsity 2");
  refused(
      ErrorKind::usage, [](Options* o) { o->mask_rate = 0; }, "learning rate of masks 0");
  refused(
      ErrorKind::usage, [](Options* o) { o->first_steps = -1; }, "steps without masks -1");
  const TempDir slim;
  TinyShape shape = toy_shape("costeff");
  shape.rank = 8;
  write_tiny_checkpoint(slim.path(), shape);
  const std::string message = error_message(
      ErrorKind::model, [&] { prune::CofiPruning(slim.path(), rows, rows, toy_options(1)); });
  EXPECT_TRUE(contains(message, "has a factorised word embedding")) << message;
}

// Masks that had no time: the model meets the target all the same, and that is said.
TEST(CofiPruning, SaysWhatIsCutAtTheEnd) {
  const TempDir dir;
  write_tiny_checkpoint(dir.path(), toy_shape());
  prune::CofiOptions o = toy_options(2);
  o.mask_rate = 1e-4;
  std::vector<std::string> lines;
  TrainObserver observer;
  observer.say = [&](const std::string& line) { lines.push_back(line); };
  const auto rows = toy_rows(26, 2, 1);
  const auto result = prune::CofiPruning(dir.path(), rows, rows, o).run(dir.file("out"), observer);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->reached);
  ASSERT_FALSE(lines.empty());
  EXPECT_TRUE(contains(lines.back(), "the rest was cut at the end")) << lines.back();
}

TEST(CofiPruning, MasksMeetATarget) {
  const TempDir dir;
  write_tiny_checkpoint(dir.path(), toy_shape());
  const model::Architecture arch = checkpoint::load_model(dir.path()).arch;
  const prune::PrunableSize size(arch);
  std::mt19937_64 rng(3);
  for (const bool hidden : {true, false}) {
    prune::LogAlphas a;
    a.assign(arch, hidden, 0);
    grad::each_vector(a, [&](std::vector<float>& v) {
      for (float& x : v) x = std::normal_distribution<float>(2, 2)(rng);
    });
    const grad::Masks own = prune::evaluation_masks(a);
    const double before = prune::sparsity_of(size, own);
    EXPECT_EQ(prune::sparsity_of(size, prune::masks_of_sparsity(size, a, before)), before);
    for (double target = before + 0.01; target < 1; target += 0.05) {
      const grad::Masks masks = prune::masks_of_sparsity(size, a, target);
      const double got = prune::sparsity_of(size, masks);
      EXPECT_GE(got, target);
      EXPECT_LE(got, target + 0.15);  // a hidden unit or a sublayer is a large piece here
      // What was gone stays so.
      const auto expect_gone = [](float before_it, float now) {
        if (before_it == 0) {
          EXPECT_EQ(now, 0);
        }
      };
      for (size_t i = 0; i < own.attention.size(); ++i) {
        expect_gone(own.attention[i], masks.attention[i]);
        for (size_t k = 0; k < own.neurons[i].size(); ++k)
          expect_gone(own.neurons[i][k], masks.neurons[i][k]);
      }
    }
  }
}

TEST(LayerMatching, NearestInOrder) {
  using train::Matching;
  const std::vector<std::vector<double>> d{{1, 5, 3, 9}, {9, 1, 2, 3}, {9, 8, 1, 2}};
  const std::vector<bool> none(4, false), dead2{false, false, true, false}, all(4, true);
  using Layers = std::vector<int64_t>;
  EXPECT_EQ(train::match_layers(Matching::any, d, dead2), (Layers{0, 1, 2}));
  EXPECT_EQ(train::match_layers(Matching::ordered, d, none), (Layers{0, 1, 2}));
  EXPECT_EQ(train::match_layers(Matching::ordered, d, dead2), (Layers{0, 1, 3}));
  EXPECT_EQ(train::match_layers(Matching::ordered, d, all), (Layers{3, 3, 3}));
  // None is left below the lowest: it is taken again.
  const std::vector<std::vector<double>> low{{1, 5}, {1, 5}, {1, 5}};
  EXPECT_EQ(train::match_layers(Matching::ordered, low, {false, false}), (Layers{0, 0, 0}));
  EXPECT_EQ(train::distilled_layers(12), (Layers{2, 5, 8, 11}));
  EXPECT_EQ(train::distilled_layers(6), (Layers{2, 5}));
  EXPECT_EQ(train::distilled_layers(4), (Layers{2}));
  EXPECT_EQ(train::distilled_layers(2), (Layers{1}));
}

}  // namespace
}  // namespace costeff
