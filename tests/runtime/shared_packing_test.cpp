// Work that threads do once together. Layers packed by several threads have the same bits.

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "base/fail.h"
#include "base/tensors/quantise.h"
#include "base/threads/once_together.h"
#include "base/threads/team.h"
#include "model/tensors.h"
#include "model/weights.h"
#include "test_random.h"

namespace costeff::model {
namespace {

using kernels::Precision;
using kernels::round_up;

struct Nothing {};

TEST(OnceTogether, EveryPieceOnceAndNobodyGoesOnBefore) {
  for (const int64_t threads : {1, 2, 5}) {
    Team team(threads);
    for (const size_t count : {0, 1, 3, 40}) {
      OnceTogether<Nothing> work;
      std::vector<int> done(count);
      std::atomic<int> plans = 0, wrong = 0;
      EXPECT_FALSE(work.done());
      team.run([&](const Crew&) {
        work.run([&] {
          ++plans;
          OnceTogether<Nothing>::Pieces pieces;
          for (size_t i = 0; i < count; ++i) pieces.push_back([&, i](Nothing*) { ++done[i]; });
          return pieces;
        });
        wrong += std::accumulate(done.begin(), done.end(), size_t{0}) != count;
      });
      EXPECT_TRUE(work.done());
      EXPECT_EQ(plans, 1);
      EXPECT_EQ(wrong, 0);
      EXPECT_EQ(done, std::vector<int>(count, 1));
    }
  }
}

// Every caller, later ones too, gets the first error in order, whichever thread found it and when.
TEST(OnceTogether, ErrorsAreTheSameForAll) {
  Team team(4);
  for (int turn = 0; turn < 20; ++turn) {
    OnceTogether<Nothing> work, unplanned;
    std::atomic<int> heard = 0;
    const auto plan = [] {
      OnceTogether<Nothing>::Pieces pieces;
      for (int i = 0; i < 30; ++i) {
        pieces.push_back([i](Nothing*) {
          if (i % 7 == 5) fail_model("piece {}", i);
        });
      }
      return pieces;
    };
    const auto no_plan = []() -> OnceTogether<Nothing>::Pieces { throw_model("no plan"); };
    team.run([&](const Crew&) {
      heard += error_of(ErrorKind::model, [&] { work.run(plan); }) == "piece 5";
      heard += error_of(ErrorKind::model, [&] { unplanned.run(no_plan); }) == "no plan";
    });
    EXPECT_EQ(heard, 8);
    EXPECT_EQ(error_of(ErrorKind::model, [&] { work.run(plan); }), "piece 5");
    EXPECT_EQ(error_of(ErrorKind::model, [&] { unplanned.run(no_plan); }), "no plan");
  }
}

// A model of one layer, large enough for several pieces, some of which cross from key to value.
struct WideLayer {
  static constexpr int64_t kHidden = 540, kHeads = 10, kHeadSize = 97, kFeedForward = 2100;
  std::mt19937_64 rng{test_seed()};
  std::vector<std::vector<std::byte>> values;
  int64_t shift;  // of tensors from aligned addresses, in bytes
  Model model;

  explicit WideLayer(int64_t s) : shift(s) {
    constexpr int64_t kWidth = kHeads * kHeadSize;
    model.arch.hidden_size = kHidden;
    model.arch.head_size = kHeadSize;
    Layer& layer = model.arch.layers.emplace_back();
    layer.attention = Attention{linear(kWidth, kHidden),
                                linear(kWidth, kHidden),
                                linear(kWidth, kHidden),
                                linear(kHidden, kWidth),
                                norm(),
                                kHeads};
    layer.ffn = FeedForward{linear(kFeedForward, kHidden), linear(kHidden, kFeedForward), norm()};
  }
  Tensor tensor(std::vector<int64_t> shape) {
    Tensor t;
    t.name = fmt::format("t{}", values.size());
    t.shape = std::move(shape);
    t.file = std::make_shared<const std::string>("m");
    auto& bytes = values.emplace_back(static_cast<size_t>(t.numel() * 4 + shift));
    std::uniform_real_distribution<float> uniform(-0.1f, 0.1f);
    for (int64_t i = 0; i < t.numel(); ++i) {
      const float v = uniform(rng);
      std::memcpy(bytes.data() + shift + i * 4, &v, 4);
    }
    t.data = bytes.data() + shift;
    return t;
  }
  Linear linear(int64_t out, int64_t in) {
    const Tensor weight = tensor({out, in});
    return add_linear(&model.parameters, weight, tensor({out}));
  }
  LayerNorm norm() {
    const Tensor weight = tensor({kHidden});
    return add_norm(&model.parameters, weight, tensor({kHidden}));
  }
  void spoil(ParameterId id, int64_t i) {
    const float nan = std::nanf("");
    std::memcpy(const_cast<std::byte*>(model.parameters.tensor(id).data) + i * 4, &nan, 4);
  }
};

// x times these maps, one below the other, each padded to `stride` rows, packed at once.
std::vector<float> product_of(const Parameters& parameters, const kernels::KernelTable& table,
                              Precision precision, std::initializer_list<const Linear*> maps,
                              int64_t stride, const float* x, int64_t m) {
  const int64_t in = (*maps.begin())->in, out = static_cast<int64_t>(maps.size()) * stride;
  std::vector<float> w(static_cast<size_t>(out * in)), bias(static_cast<size_t>(out)), scales(bias);
  std::vector<int8_t> quantised(w.size());
  int64_t at = 0;
  for (const Linear* l : maps) {
    to_float32(parameters.tensor(l->weight), w.data() + at * in);
    to_float32(parameters.tensor(l->bias), bias.data() + at);
    at += stride;
  }
  const kernels::Product& p = table.product(precision);
  ByteBuffer packed(round_up(out) * p.column_bytes(in)), rows(m * 8 * round_up(in) + 1024);
  if (p.pack) {
    p.pack(w.data(), in, out, in, packed.data());
  } else {
    for (int64_t r = 0; r < out; ++r) {
      scales[static_cast<size_t>(r)] =
          quantise_row(w.data() + r * in, in, quantised.data() + r * in);
    }
    p.pack_int8(quantised.data(), scales.data(), out, in, packed.data());
  }
  std::vector<float> y(static_cast<size_t>(m * out));
  apply_packed(p, x, in, m, packed.data(), bias.data(), out, in, y.data(), out, rows.data());
  return y;
}

class SharedPacking : public testing::TestWithParam<Precision> {};

TEST_P(SharedPacking, SameBitsAsInOneGo) {
  const kernels::KernelTable& table = **kernels::all_tables();
  constexpr int64_t kRows = 5;
  for (const int64_t shift : {0, 1}) {
    WideLayer wide(shift);
    const Attention& a = *wide.model.arch.layers[0].attention;
    const FeedForward& f = *wide.model.arch.layers[0].ffn;
    const FloatBuffer x = random_floats(kRows * WideLayer::kFeedForward, 1, &wide.rng);
    for (const int64_t threads : {1, 4}) {
      SCOPED_TRACE(fmt::format("{} threads, shift {}", threads, shift));
      const WeightStore store(wide.model, table, GetParam());
      EXPECT_FALSE(store.has_layer(0));
      Team team(threads);
      team.run([&](const Crew&) { store.help_with_layer(0); });
      EXPECT_TRUE(store.has_layer(0));
      const LayerWeights& w = store.layer(0);
      const auto same = [&](const PackedLinear& l, std::initializer_list<const Linear*> maps,
                            int64_t stride) {
        std::vector<float> y(static_cast<size_t>(kRows * l.out));
        ByteBuffer rows;
        apply_linear(table, l, x.data(), l.in, kRows, y.data(), l.out, &rows);
        EXPECT_EQ(
            y, product_of(wide.model.parameters, table, GetParam(), maps, stride, x.data(), kRows));
      };
      same(w.query, {&a.query}, w.stride);
      same(w.key_value, {&a.key, &a.value}, w.stride);
      same(w.attention_out, {&a.output}, WideLayer::kHidden);
      same(w.ffn_in, {&f.in}, WideLayer::kFeedForward);
      same(w.ffn_out, {&f.out}, WideLayer::kHidden);
    }
  }
}

TEST_P(SharedPacking, NamesTheFirstValueThatIsNotFinite) {
  const kernels::KernelTable& table = **kernels::all_tables();
  WideLayer wide(0);
  const Attention& a = *wide.model.arch.layers[0].attention;
  wide.spoil(a.value.weight, 960 * WideLayer::kHidden + 7);
  wide.spoil(wide.model.arch.layers[0].ffn->out.weight, 3);
  Team team(3);
  for (int turn = 0; turn < 3; ++turn) {
    const WeightStore store(wide.model, table, GetParam());
    team.run([&](const Crew&) { store.help_with_layer(0); });
    EXPECT_EQ(error_of(ErrorKind::model, [&] { store.layer(0); }),
              "m: tensor " + wide.model.parameters.tensor(a.value.weight).name +
                  ": element [960, 7] is NaN, expected finite numbers");
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, SharedPacking,
                         testing::Values(Precision::float32, Precision::bfloat16, Precision::int8),
                         [](const auto& i) {
                           return i.param == Precision::float32 ? "float32"
                                  : i.param == Precision::int8  ? "int8"
                                                                : "bfloat16";
                         });

}  // namespace
}  // namespace costeff::model
