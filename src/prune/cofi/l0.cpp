#include "prune/cofi/l0.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "base/split_mix.h"

namespace costeff::prune {
namespace {

constexpr double kTemperature = 2.0 / 3, kStretch = 1.2, kLow = -0.1;
constexpr double kTiny = 1e-6;  // noise and probabilities keep this distance from 0 and 1

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// s of one mask.
double concrete(double a, double u) {
  return sigmoid((std::log(u) - std::log(1 - u) + a) / kTemperature);
}

// b ln(-low / high), where 1.2 s - 0.1 becomes 0
const double kShift = kTemperature * std::log(0.1 / 1.1);

// P(z > 0), and its slope over a.
double stays(double a) { return 1 - std::clamp(sigmoid(kShift - a), kTiny, 1 - kTiny); }
double stays_slope(double a) {
  const double gone = sigmoid(kShift - a);
  return gone <= kTiny || gone >= 1 - kTiny ? 0 : gone * (1 - gone);
}

double mean_stays(double a) { return sigmoid(0.8 * a / kTemperature); }

// A number in [0, 1) for a place of a stream.
double uniform(uint64_t key, uint64_t place) {
  return static_cast<double>(mix_bits(key + (place + 1) * 0x9E3779B97F4A7C15u) >> 11) * 0x1p-53;
}

uint64_t key_of(uint64_t seed, uint64_t step, uint64_t what) {
  return mix_bits(mix_bits(seed + 0x2545F4914F6CDD1Du * (what + 1)) + step);
}

// All vectors, in one order for all values of a shape.
template <typename Values>
auto vectors(Values& v) {
  std::vector<decltype(&v.attention)> all;
  grad::each_vector(v, [&](auto& of) { all.push_back(&of); });
  return all;
}

// The expected number that stays.
double sum_stays(const std::vector<float>& a) {
  double sum = 0;
  for (const float x : a) sum += stays(x);
  return sum;
}

// Evaluation masks of one vector.
std::vector<float> evaluation_vector(const std::vector<float>& a) {
  const auto size = static_cast<double>(a.size());
  const auto gone = static_cast<size_t>(std::nearbyint(size - sum_stays(a)));
  std::vector<size_t> order(a.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) { return a[x] < a[y]; });
  std::vector<float> z(a.size());
  for (size_t k = 0; k < a.size(); ++k)
    z[order[k]] = k < gone ? 0 : static_cast<float>(mean_stays(a[order[k]]));
  return z;
}

float evaluation_of_one(float a) {
  return std::nearbyint(1 - stays(a)) > 0 ? 0 : static_cast<float>(mean_stays(a));
}

// Of a sublayer that had units: without any from the beginning it is its bias.
bool none_stays(const std::vector<float>& z) {
  return !z.empty() && std::all_of(z.begin(), z.end(), [](float v) { return v == 0; });
}

int64_t not_zero(const std::vector<float>& z) {
  return std::count_if(z.begin(), z.end(), [](float v) { return v != 0; });
}

// Sum over layers of P_layer (sum of P_unit): what heads or neurons keep.
double kept_units(const std::vector<std::vector<float>>& units, const std::vector<float>& layers) {
  double sum = 0;
  for (size_t i = 0; i < units.size(); ++i) sum += stays(layers[i]) * sum_stays(units[i]);
  return sum;
}

// d += by times the slopes of kept_units.
void add_kept_slopes(const std::vector<std::vector<float>>& units, const std::vector<float>& layers,
                     double by, std::vector<std::vector<double>>* d_units,
                     std::vector<double>* d_layers) {
  for (size_t i = 0; i < units.size(); ++i) {
    const double layer = stays(layers[i]);
    for (size_t k = 0; k < units[i].size(); ++k)
      (*d_units)[i][k] += by * layer * stays_slope(units[i][k]);
    (*d_layers)[i] += by * stays_slope(layers[i]) * sum_stays(units[i]);
  }
}

}  // namespace

LogAlphas first_log_alphas(const model::Architecture& arch, bool hidden, uint64_t seed) {
  constexpr float kMean = 10, kDeviation = 0.01f;
  LogAlphas a;
  a.assign(arch, hidden, kMean);
  for (auto& neurons : a.neurons) std::fill(neurons.begin(), neurons.end(), 0.0f);  // half are open
  const uint64_t key = key_of(seed, 0, 1);
  uint64_t place = 0;
  grad::each_vector(a, [&](std::vector<float>& v) {
    for (float& x : v) {
      // Box and Muller's.
      const double r = std::sqrt(-2 * std::log(1 - uniform(key, place++)));
      const double turn = 2 * std::numbers::pi * uniform(key, place++);
      x += kDeviation * static_cast<float>(r * std::cos(turn));
    }
  });
  return a;
}

void clamp_log_alphas(LogAlphas* a) {
  grad::each_vector(*a, [](std::vector<float>& v) {
    for (float& x : v) x = std::clamp(x, kLowestLogAlpha, kHighestLogAlpha);
  });
}

void draw_noise(uint64_t seed, uint64_t step, Noise* noise) {
  const uint64_t key = key_of(seed, step, 0);
  uint64_t place = 0;
  grad::each_vector(*noise, [&](std::vector<float>& v) {
    for (float& u : v) u = static_cast<float>(kTiny + (1 - 2 * kTiny) * uniform(key, place++));
  });
}

grad::Masks sample_masks(const LogAlphas& a, const Noise& noise) {
  grad::Masks masks = a;
  const auto to = vectors(masks);
  const auto u = vectors(noise);
  for (size_t v = 0; v < to.size(); ++v) {
    for (size_t k = 0; k < to[v]->size(); ++k) {
      float& z = (*to[v])[k];
      z = static_cast<float>(std::clamp(kStretch * concrete(z, (*u[v])[k]) + kLow, 0.0, 1.0));
    }
  }
  return masks;
}

void add_mask_slopes(const LogAlphas& a, const Noise& noise, const grad::MaskGradients& d_masks,
                     grad::MaskGradients* d_a) {
  const auto from = vectors(a);
  const auto u = vectors(noise);
  const auto d = vectors(d_masks);
  const auto to = vectors(*d_a);
  for (size_t v = 0; v < to.size(); ++v) {
    for (size_t k = 0; k < to[v]->size(); ++k) {
      const double s = concrete((*from[v])[k], (*u[v])[k]), z = kStretch * s + kLow;
      if (z > 0 && z < 1) (*to[v])[k] += (*d[v])[k] * kStretch * s * (1 - s) / kTemperature;
    }
  }
}

grad::Masks evaluation_masks(const LogAlphas& a) {
  grad::Masks z = a;
  const auto units = [](std::vector<std::vector<float>>* of_layers, std::vector<float>* layers) {
    for (size_t i = 0; i < of_layers->size(); ++i) {
      std::vector<float>& v = (*of_layers)[i];
      v = evaluation_vector(v);
      float& layer = (*layers)[i];
      layer = evaluation_of_one(layer);
      if (none_stays(v)) layer = 0;
    }
  };
  units(&z.heads, &z.attention);
  units(&z.neurons, &z.ffn);
  z.hidden = evaluation_vector(a.hidden);
  return z;
}

PrunableSize::PrunableSize(const model::Architecture& arch)
    : hidden(arch.hidden_size), head(0), neuron(0), head_weights(4 * arch.head_size * hidden) {
  // Biases count as the reference counts them, of whole layers: 4 H and 5 H (as if F were 4 H).
  const int64_t heads = std::max<int64_t>(1, hidden / arch.head_size);
  head = (4 * hidden * hidden + 4 * hidden) / heads;
  for (const model::Layer& layer : arch.layers) {
    if (layer.attention) all += static_cast<double>(head * layer.attention->heads);
    const int64_t inner = layer.ffn ? layer.ffn->in.out : 0;
    if (inner == 0) continue;
    const int64_t whole = 2 * hidden * inner + 5 * hidden;
    neuron = std::max(neuron, whole / inner);
    all += static_cast<double>(whole);
  }
}

double expected_sparsity(const PrunableSize& size, const LogAlphas& a, double by,
                         grad::MaskGradients* d_a) {
  const bool masked = !a.hidden.empty();
  const auto hidden = static_cast<double>(size.hidden);
  // Weights per head and neuron, of a hidden unit or of all.
  const double head =
      masked ? static_cast<double>(size.head) / hidden : static_cast<double>(size.head);
  const double neuron = masked ? 2 : static_cast<double>(size.neuron);
  const double heads = kept_units(a.heads, a.attention), neurons = kept_units(a.neurons, a.ffn);
  const double units = masked ? sum_stays(a.hidden) : 1;
  const double of_unit = head * heads + neuron * neurons;
  if (d_a) {
    const double slope = -by / size.all;
    add_kept_slopes(a.heads, a.attention, slope * units * head, &d_a->heads, &d_a->attention);
    add_kept_slopes(a.neurons, a.ffn, slope * units * neuron, &d_a->neurons, &d_a->ffn);
    for (size_t j = 0; j < a.hidden.size(); ++j)
      d_a->hidden[j] += slope * of_unit * stays_slope(a.hidden[j]);
  }
  return 1 - units * of_unit / size.all;
}

double sparsity_of(const PrunableSize& size, const grad::Masks& masks) {
  const int64_t units = masks.hidden.empty() ? size.hidden : not_zero(masks.hidden);
  double kept = 0;
  for (size_t i = 0; i < masks.heads.size(); ++i) {
    if (masks.attention[i] != 0)
      kept +=
          static_cast<double>(size.head_weights / size.hidden * units * not_zero(masks.heads[i]));
    if (masks.ffn[i] != 0) kept += static_cast<double>(2 * units * not_zero(masks.neurons[i]));
  }
  return 1 - kept / size.all;
}

grad::Masks masks_of_sparsity(const PrunableSize& size, const LogAlphas& a, double sparsity) {
  const auto lowered = [&](float by) {
    LogAlphas lower = a;
    grad::each_vector(lower, [&](std::vector<float>& v) {
      for (float& x : v) x -= by;
    });
    return evaluation_masks(lower);
  };
  grad::Masks masks = evaluation_masks(a);
  if (sparsity_of(size, masks) >= sparsity) return masks;
  // Lowered by all that log alphas can differ, nothing stays.
  constexpr int kHalvings = 30;
  float too_little = 0, enough = 3 * (kHighestLogAlpha - kLowestLogAlpha);
  for (int i = 0; i < kHalvings; ++i) {
    const float between = (too_little + enough) / 2;
    (sparsity_of(size, lowered(between)) >= sparsity ? enough : too_little) = between;
  }
  return lowered(enough);
}

}  // namespace costeff::prune
