// Weights times masks, and the way back for gradients: with w' = w z, the gradient of w is that of w'
// times z, and that of z the sum of gradients of w' times w.

#include <algorithm>

#include "base/fail.h"
#include "grad/weights.h"

namespace costeff::grad {
namespace {

// What a mask changes of a sublayer: its output map, row by row, column by column and as a whole, and
// its LayerNorm.
struct MaskedSublayer {
  const model::Linear* map;
  const model::LayerNorm* norm;
  const float* columns;  // [in]
  const float* rows;     // [H]; null: all 1
  float whole;
  const std::vector<float>* inputs;  // of heads or neurons
  int64_t width;                     // columns of one of these
  // The gradients of masks, if they are asked for.
  std::vector<double>* d_inputs = nullptr;
  double* d_whole = nullptr;

  float row(int64_t j) const { return rows ? rows[j] * whole : whole; }
};

template <typename F>
void each_sublayer(const model::Architecture& arch, const Masking& masking, MaskGradients* d, F f) {
  const Masks& m = masking.masks;
  const float* rows = m.hidden.empty() ? nullptr : m.hidden.data();
  for (size_t i = 0; i < arch.layers.size(); ++i) {
    if (const auto& a = arch.layers[i].attention) {
      f(MaskedSublayer{&a->output, &a->norm, masking.context[i].data(), rows, m.attention[i],
                       &m.heads[i], arch.head_size, d ? &d->heads[i] : nullptr,
                       d ? &d->attention[i] : nullptr});
    }
    if (const auto& ffn = arch.layers[i].ffn) {
      f(MaskedSublayer{&ffn->out, &ffn->norm, m.neurons[i].data(), rows, m.ffn[i], &m.neurons[i], 1,
                       d ? &d->neurons[i] : nullptr, d ? &d->ffn[i] : nullptr});
    }
  }
}

void mark_reached(TrainedWeights* w, const model::Linear& l) {
  if (l.has_weight()) (*w)[l.weight].reached = true;
  if (l.bias != model::kNone) (*w)[l.bias].reached = true;
}

// The masked forms of a LayerNorm: the units that are there, one after the other.
void mask_norm(TrainedWeights* w, const model::LayerNorm& norm, const Masking& masking) {
  for (const model::ParameterId id : {norm.weight, norm.bias}) {
    TrainedParameter& p = (*w)[id];
    float* to = p.masked.data();
    for (const int32_t j : masking.units)
      *to++ = p.value[static_cast<size_t>(j)] * masking.masks.hidden[static_cast<size_t>(j)];
  }
}

// The gradient of a LayerNorm's masked weight or bias becomes that of its values; adds to those of the
// masks, unless that is null.
void unmask_norm(TrainedWeights* w, model::ParameterId id, const Masking& masking,
                 std::vector<double>* d_hidden) {
  TrainedParameter& p = (*w)[id];
  float* g = p.gradient.data();
  spread_units(masking.units, g, 1, w->arch().hidden_size, g);
  for (const int32_t unit : masking.units) {
    const auto j = static_cast<size_t>(unit);
    if (d_hidden) (*d_hidden)[j] += static_cast<double>(g[j]) * p.value[j];
    g[j] *= masking.masks.hidden[j];
  }
}

// Down the columns: the gradients of heads or neurons, but for the mask of the whole.
void input_gradients(TrainedWeights* w, const MaskedSublayer& s, const Crew& crew) {
  if (!s.map->has_weight()) return;
  const float* g = w->gradient(s.map->weight);
  const float* value = (*w)[s.map->weight].value.data();
  const Range mine = crew.part(static_cast<int64_t>(s.d_inputs->size()));
  for (int64_t j = 0; j < s.map->out && mine.count() > 0; ++j) {
    const double by = s.rows ? s.rows[j] : 1;
    for (int64_t i = mine.begin; i < mine.end; ++i) {
      double sum = 0;
      for (int64_t k = j * s.map->in + i * s.width; k < j * s.map->in + (i + 1) * s.width; ++k)
        sum += static_cast<double>(g[k]) * value[k];
      (*s.d_inputs)[static_cast<size_t>(i)] += by * sum;
    }
  }
}

// The gradient of the mask of the whole, from these and the bias.
void whole_gradient(TrainedWeights* w, const MaskedSublayer& s) {
  double whole = 0;
  for (size_t i = 0; i < s.d_inputs->size(); ++i) {
    whole += (*s.d_inputs)[i] * (*s.inputs)[i];
    (*s.d_inputs)[i] *= s.whole;
  }
  for (int64_t j = 0; s.map->bias != model::kNone && j < s.map->out; ++j) {
    whole += static_cast<double>(s.rows ? s.rows[j] : 1) * w->gradient(s.map->bias)[j] *
             (*w)[s.map->bias].value[static_cast<size_t>(j)];
  }
  *s.d_whole = whole;
}

// Along the rows: the gradients of hidden units, and those of the values.
void output_gradients(TrainedWeights* w, const MaskedSublayer& s, const Crew& crew,
                      std::vector<double>* d_hidden) {
  const int64_t in = s.map->has_weight() ? s.map->in : 0;
  const Range mine = crew.part(s.map->out);
  for (int64_t j = mine.begin; j < mine.end; ++j) {
    float* g = in > 0 ? w->gradient(s.map->weight) + j * in : nullptr;
    const float* value = in > 0 ? (*w)[s.map->weight].value.data() + j * in : nullptr;
    double sum = 0;
    for (int64_t k = 0; k < in; ++k) {
      sum += static_cast<double>(g[k]) * value[k] * s.columns[k];
      g[k] *= s.row(j) * s.columns[k];
    }
    if (s.map->bias != model::kNone) {
      float& g_bias = w->gradient(s.map->bias)[j];
      sum += static_cast<double>(g_bias) * (*w)[s.map->bias].value[static_cast<size_t>(j)];
      g_bias *= s.row(j);
    }
    if (s.rows) (*d_hidden)[static_cast<size_t>(j)] += sum * s.whole;
  }
}

// The gradients of hidden units by the embeddings, which may be frozen.
void embedding_gradients(TrainedWeights* w, const Masking& masking, std::vector<double>* d_hidden) {
  const model::LayerNorm& norm = w->arch().embeddings.norm;
  const auto add = [&](model::ParameterId id, const FloatBuffer& sums) {
    for (size_t c = 0; c < masking.units.size(); ++c) {
      const auto j = static_cast<size_t>(masking.units[c]);
      (*d_hidden)[j] += static_cast<double>(sums.data()[c]) * (*w)[id].value[j];
    }
    if (w->gradient(id)) unmask_norm(w, id, masking, nullptr);
  };
  add(norm.weight, masking.norm_weight);
  add(norm.bias, masking.norm_bias);
  for (size_t j = 0; j < d_hidden->size(); ++j) (*d_hidden)[j] += masking.sum.data()[j];
}

}  // namespace

void TrainedWeights::mask(const Masks* masks) {
  if (!masks) {
    masking_.reset();
    for (TrainedParameter& p : all_) p.masked = FloatBuffer();
    return;
  }
  if (masking_) {
    masking_->set(arch(), *masks);
    return;
  }
  masking_.emplace(arch(), *masks);
  const auto make = [&](model::ParameterId id, bool trained) {
    if (id == model::kNone) return;
    TrainedParameter& p = (*this)[id];
    if (trained && p.frozen)
      fail(ErrorKind::internal, "{} is frozen, expected it to be trained: it is masked",
           model_.parameters.tensor(id).name);
    p.masked.reserve(static_cast<int64_t>(p.value.size()));
  };
  const bool hidden = !masks->hidden.empty();
  each_sublayer(arch(), *masking_, nullptr, [&](const MaskedSublayer& s) {
    make(s.map->weight, true);
    make(s.map->bias, true);
    if (!hidden) return;
    make(s.norm->weight, true);
    make(s.norm->bias, true);
  });
  if (!hidden) return;
  make(arch().embeddings.norm.weight, false);
  make(arch().embeddings.norm.bias, false);
}

void TrainedWeights::apply_masks(const Crew& crew) {
  const bool hidden = !masking_->masks.hidden.empty();
  each_sublayer(arch(), *masking_, nullptr, [&](const MaskedSublayer& s) {
    const int64_t in = s.map->has_weight() ? s.map->in : 0;
    const float* from = in > 0 ? (*this)[s.map->weight].value.data() : nullptr;
    float* to = in > 0 ? (*this)[s.map->weight].masked.data() : nullptr;
    const Range mine = crew.part(s.map->out);
    for (int64_t j = mine.begin; j < mine.end; ++j)
      for (int64_t k = 0; k < in; ++k)
        to[j * in + k] = from[j * in + k] * (s.row(j) * s.columns[k]);
    if (!crew.leads()) return;
    if (s.map->bias != model::kNone) {
      TrainedParameter& bias = (*this)[s.map->bias];
      for (int64_t j = 0; j < s.map->out; ++j)
        bias.masked.data()[j] = bias.value[static_cast<size_t>(j)] * s.row(j);
    }
    if (hidden) mask_norm(this, *s.norm, *masking_);
  });
  if (hidden && crew.leads()) mask_norm(this, arch().embeddings.norm, *masking_);
}

void TrainedWeights::mask_gradients(MaskGradients* d, const Crew& crew) {
  const bool hidden = !masking_->masks.hidden.empty();
  if (crew.leads()) d->assign(arch(), hidden, 0);
  crew.meet();
  each_sublayer(arch(), *masking_, d, [&](const MaskedSublayer& s) {
    input_gradients(this, s, crew);
    crew.meet();
    if (crew.leads()) whole_gradient(this, s);
    crew.meet();
    output_gradients(this, s, crew, &d->hidden);
    crew.meet();
    if (!crew.leads()) return;
    if (s.whole == 0) {
      mark_reached(this, *s.map);
    } else if (hidden) {
      unmask_norm(this, s.norm->weight, *masking_, &d->hidden);
      unmask_norm(this, s.norm->bias, *masking_, &d->hidden);
    }
  });
  crew.meet();
  if (crew.leads()) {
    // What only a sublayer that is gone reads is reached as well, by gradients of 0: in the references'
    // graph it is there.
    for (size_t i = 0; i < arch().layers.size(); ++i) {
      const model::Layer &all = arch().layers[i], &there = masking_->layers[i];
      if (all.attention && !there.attention) {
        for (const model::Linear* l :
             {&all.attention->query, &all.attention->key, &all.attention->value})
          mark_reached(this, *l);
      }
      if (all.ffn && !there.ffn) mark_reached(this, all.ffn->in);
    }
    if (hidden) embedding_gradients(this, *masking_, &d->hidden);
  }
  crew.meet();
}

}  // namespace costeff::grad
