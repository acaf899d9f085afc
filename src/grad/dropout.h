#pragma once

// Which elements a training step drops. Nothing is stored: an element's fate is a function of the
// run's seed, the step, the site, the row of the data, the token's position and the feature.

#include <cstdint>
#include <optional>

#include "base/split_mix.h"
#include "grad/batch.h"
#include "kernels/grad_table.h"

namespace costeff::grad {

// Where the references drop.
enum class Site : uint32_t {
  embedding,
  probabilities,
  attention_out,
  ffn_out,
  pooled,
  pooler_input
};

struct Dropout {
  float hidden = 0, attention = 0;  // probabilities
  uint64_t key = 0;                 // of seed and step: dropout_key

  // That of an exit with a probability of its own (model::Head::dropout). Where nothing else is
  // dropped, nothing is.
  Dropout of_exit(const std::optional<float>& own) const {
    Dropout d = *this;
    if (own && hidden > 0) d.hidden = *own;
    return d;
  }

  bool any(Site site) const { return (site == Site::probabilities ? attention : hidden) > 0; }

  // layer: 0-based, or the exit; head: of attention.
  kernels::DropoutRow row(Site site, int64_t layer, int64_t head, uint32_t row_id,
                          int64_t position) const {
    const float p = site == Site::probabilities ? attention : hidden;
    const auto threshold = static_cast<uint32_t>(p * 65536.0f + 0.5f);
    return {.key = key,
            .site = static_cast<uint32_t>(site) | static_cast<uint32_t>(layer) << 4 |
                    static_cast<uint32_t>(head) << 18,
            .row_id = row_id,
            .position = static_cast<uint32_t>(position),
            .threshold = threshold,
            .scale = 65536.0f / static_cast<float>(65536 - threshold)};
  }
};

inline uint64_t dropout_key(uint64_t seed, uint64_t step) {
  return mix_bits(seed * 0x9E3779B97F4A7C15u + step + 0x632BE59BD9B4E019u);
}

// Drops, or scales, elements of rows [begin, end) of x [T, ld], `width` of each: the tokens of a
// batch; drop_rows: one row per text.
void drop_tokens(const kernels::GradTable& grad, const Dropout& dropout, Site site, int64_t layer,
                 const Batch& batch, int64_t begin, int64_t end, float* x, int64_t ld,
                 int64_t width);
void drop_rows(const kernels::GradTable& grad, const Dropout& dropout, Site site, int64_t exit,
               const Batch& batch, float* x, int64_t width);

}  // namespace costeff::grad
