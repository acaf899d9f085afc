// Embeddings against the formula, written out in double: which position row a token gets.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/embed.h"
#include "model/tensors.h"
#include "test_random.h"

namespace costeff::model {
namespace {

constexpr int64_t kWidth = 16, kWords = 9, kPositions = 14;

// Embeddings whose tensors are in `values`.
struct OneEmbedding {
  std::mt19937_64 rng{test_seed()};
  std::vector<std::unique_ptr<FloatBuffer>> values;
  Model model;

  Tensor tensor(std::vector<int64_t> shape) {
    Tensor t;
    t.name = fmt::format("t{}", values.size());
    t.shape = std::move(shape);
    t.file = std::make_shared<const std::string>("m");
    values.push_back(std::make_unique<FloatBuffer>(random_floats(t.numel(), 1, &rng)));
    t.data = reinterpret_cast<const std::byte*>(values.back()->data());
    return t;
  }
  ParameterId add(std::vector<int64_t> shape) {
    return add_tensor(&model.parameters, tensor(std::move(shape)));
  }
  OneEmbedding(int64_t types, int64_t position_offset) {
    Embeddings& e = model.arch.embeddings;
    e.word = add({kWords, kWidth});
    e.position = add({kPositions, kWidth});
    if (types > 0) e.type = add({types, kWidth});
    e.norm = {add({kWidth}), add({kWidth})};
    e.position_offset = position_offset;
    model.arch.hidden_size = kWidth;
    model.arch.vocab_size = kWords;
    model.arch.type_vocab_size = types;
    model.arch.max_length = kPositions - position_offset;
    model.arch.layer_norm_eps = 1e-5f;
  }
};

double element(const Tensor& t, int64_t row, int64_t column) {
  return reinterpret_cast<const float*>(t.data)[row * kWidth + column];
}

// transformers: create_position_ids_from_input_ids; BERT counts from 0.
std::vector<int64_t> positions_of(const std::vector<int32_t>& ids, int64_t pad) {
  std::vector<int64_t> positions;
  int64_t seen = 0;
  for (int32_t id : ids) {
    if (pad < 0) {
      positions.push_back(static_cast<int64_t>(positions.size()));
    } else {
      seen += id != pad;
      positions.push_back(id == pad ? pad : pad + seen);
    }
  }
  return positions;
}

void expect_positions(const Model& m, const std::vector<std::vector<int32_t>>& sequences,
                      int32_t types) {
  std::vector<int32_t> ids, type_ids, start{0};
  std::vector<int64_t> positions;
  for (const auto& s : sequences) {
    for (size_t i = 0; i < s.size(); ++i) {
      ids.push_back(s[i]);
      type_ids.push_back(types > 0 ? static_cast<int32_t>(i / 3) % types : 0);
    }
    for (int64_t p : positions_of(s, m.arch.embeddings.pad_token())) positions.push_back(p);
    start.push_back(static_cast<int32_t>(ids.size()));
  }
  const kernels::KernelTable& kernels = *kernels::all_tables()[0];
  const WeightStore weights(m, kernels);
  const PackedView view{static_cast<int64_t>(sequences.size()), start.data(), nullptr};
  FloatBuffer x;
  LayerScratch scratch;
  embed(kernels, m, weights.embeddings(), view, ids.data(), type_ids.data(),
        x.reserve(static_cast<int64_t>(ids.size()) * kWidth), &scratch);
  const Embeddings& e = m.arch.embeddings;
  const auto value = [&](ParameterId id, int64_t row, int64_t column) {
    return element(m.parameters.tensor(id), row, column);
  };
  for (size_t t = 0; t < ids.size(); ++t) {
    std::vector<double> row;
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < kWidth; ++j) {
      row.push_back(value(e.word, ids[t], j) + value(e.position, positions[t], j) +
                    (e.type != kNone ? value(e.type, type_ids[t], j) : 0));
      mean += row.back() / kWidth;
    }
    for (double v : row) variance += (v - mean) * (v - mean) / kWidth;
    for (int64_t j = 0; j < kWidth; ++j) {
      const double expected = (row[static_cast<size_t>(j)] - mean) / std::sqrt(variance + 1e-5) *
                                  value(e.norm.weight, 0, j) +
                              value(e.norm.bias, 0, j);
      EXPECT_NEAR(x.data()[static_cast<int64_t>(t) * kWidth + j], expected, 1e-5)
          << "token " << t << ", position " << positions[t];
    }
  }
}

TEST(Positions, PositionsOfEveryFamily) {
  const std::vector<std::vector<int32_t>> sequences = {
      {0, 4, 5, 6, 2},           // RoBERTa's <s> is 0, <pad> 1, </s> 2
      {0, 1, 4, 1, 1, 5, 2},     // pad tokens inside a text
      {1, 1, 1},                 // nothing else
      {3, 0, 3, 0, 3, 0, 3, 0},  // every other one, whichever of the two it is
      {7},
      {0, 2, 4, 5, 6, 7, 8, 4, 5, 6},
  };
  for (int64_t offset : {0, 1, 2, 4}) {  // BERT; pad token 0, 1, 3
    for (int32_t types : {0, 1, 2, 4}) {
      SCOPED_TRACE(fmt::format("offset {}, types {}", offset, types));
      const OneEmbedding one(types, offset);
      expect_positions(one.model, sequences, types);
    }
  }
}

// The last row of the table is for the last token of the longest text.
TEST(Positions, TheLongestText) {
  for (int64_t offset : {0, 1, 2, 4}) {
    const OneEmbedding one(1, offset);
    expect_positions(one.model, {std::vector<int32_t>(static_cast<size_t>(kPositions - offset), 5)},
                     1);
  }
}

}  // namespace
}  // namespace costeff::model
