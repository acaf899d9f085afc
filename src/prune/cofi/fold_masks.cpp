#include "prune/cofi/fold_masks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/fail.h"

namespace costeff::prune {
namespace {

// Rows or columns that stay, and what they are multiplied by.
struct Cut {
  std::vector<int64_t> places;
  std::vector<float> by;

  int64_t count() const { return static_cast<int64_t>(places.size()); }
};

Cut all_of(int64_t n) {
  Cut cut;
  for (int64_t i = 0; i < n; ++i) cut.places.push_back(i);
  cut.by.assign(static_cast<size_t>(n), 1.0f);
  return cut;
}

// Of units with these masks, `width` places each.
Cut cut_of(const std::vector<float>& masks, int64_t width) {
  Cut cut;
  for (size_t i = 0; i < masks.size(); ++i) {
    for (int64_t k = 0; masks[i] != 0 && k < width; ++k) {
      cut.places.push_back(static_cast<int64_t>(i) * width + k);
      cut.by.push_back(masks[i]);
    }
  }
  return cut;
}

Cut times(Cut cut, float by) {
  for (float& v : cut.by) v *= by;
  return cut;
}

Cut unscaled(Cut cut) {
  std::fill(cut.by.begin(), cut.by.end(), 1.0f);
  return cut;
}

// The same units of `blocks` states side by side.
Cut repeated(const Cut& cut, int64_t size, int64_t blocks) {
  Cut all;
  for (int64_t b = 0; b < blocks; ++b) {
    for (size_t i = 0; i < cut.places.size(); ++i) {
      all.places.push_back(b * size + cut.places[i]);
      all.by.push_back(cut.by[i]);
    }
  }
  return all;
}

// What is left of a float32 matrix [.., columns]; a vector is a matrix of one column.
Tensor cut_tensor(const Tensor& t, const Cut& rows, const Cut& columns, TensorSet* keeper) {
  if (t.dtype != DType::f32) fail(ErrorKind::internal, "{}is not float32", tensor_place(t));
  const int64_t width = t.shape.size() == 2 ? t.shape[1] : 1;
  const auto bytes = model::own_bytes(
      keeper, rows.count() * columns.count() * static_cast<int64_t>(sizeof(float)));
  const auto* from = reinterpret_cast<const float*>(t.data);
  auto* to = reinterpret_cast<float*>(bytes.data());
  for (size_t r = 0; r < rows.places.size(); ++r) {
    const float* row = from + rows.places[r] * width;
    for (size_t c = 0; c < columns.places.size(); ++c)
      *to++ = row[columns.places[c]] * (rows.by[r] * columns.by[c]);
  }
  Tensor out = t;
  out.shape[0] = rows.count();
  if (out.shape.size() == 2) out.shape[1] = columns.count();
  out.data = bytes.data();
  return out;
}

class Folding {
 public:
  explicit Folding(model::Model* m) : p_(m->parameters) {}

  // Each parameter once: exits may share one.
  void cut(model::ParameterId id, const Cut& rows, const Cut& columns) {
    if (id == model::kNone || !done_.insert(id).second) return;
    p_[id].tensor = cut_tensor(p_.tensor(id), rows, columns, &p_.storage);
  }
  void cut(model::Linear* l, const Cut& rows, const Cut& columns) {
    cut(l->weight, rows, columns);
    cut(l->bias, rows, all_of(1));
    l->out = rows.count();
    l->in = columns.count();
  }
  void cut(const model::LayerNorm& norm, const Cut& units) {
    cut(norm.weight, units, all_of(1));
    cut(norm.bias, units, all_of(1));
  }

 private:
  model::Parameters& p_;
  std::set<model::ParameterId> done_;
};

}  // namespace

model::Model fold_masks(const model::Model& m, const grad::Masks& masks) {
  model::Model slender = m;
  model::Architecture& arch = slender.arch;
  Folding folding(&slender);
  const int64_t hidden = arch.hidden_size;
  const Cut written = masks.hidden.empty() ? all_of(hidden) : cut_of(masks.hidden, 1);
  const Cut read = unscaled(written);
  if (arch.embeddings.word_up) {
    folding.cut(&*arch.embeddings.word_up, written, all_of(arch.embeddings.word_up->in));
  } else {
    folding.cut(arch.embeddings.word, all_of(arch.vocab_size), written);
  }
  for (const model::ParameterId id : {arch.embeddings.position, arch.embeddings.type}) {
    if (id != model::kNone)
      folding.cut(id, all_of(slender.parameters.tensor(id).shape[0]), written);
  }
  folding.cut(arch.embeddings.norm, written);
  for (size_t i = 0; i < arch.layers.size(); ++i) {
    model::Layer& layer = arch.layers[i];
    if (masks.attention[i] == 0) layer.attention.reset();
    if (masks.ffn[i] == 0) layer.ffn.reset();
    if (auto& a = layer.attention) {
      const Cut heads = cut_of(masks.heads[i], arch.head_size);
      for (model::Linear* l : {&a->query, &a->key, &a->value})
        folding.cut(l, unscaled(heads), read);
      folding.cut(&a->output, times(written, masks.attention[i]), heads);
      folding.cut(a->norm, written);
      a->heads = heads.count() / arch.head_size;
    }
    if (auto& ffn = layer.ffn) {
      const Cut neurons = cut_of(masks.neurons[i], 1);
      folding.cut(&ffn->in, unscaled(neurons), read);
      folding.cut(&ffn->out, times(written, masks.ffn[i]), neurons);
      folding.cut(ffn->norm, written);
    }
  }
  for (model::Head& head : arch.heads) {
    model::Linear& first = head.pooler ? *head.pooler : head.classifier;
    folding.cut(&first, all_of(first.out), repeated(read, hidden, first.in / hidden));
    if (!head.pooler && head.lte)
      folding.cut(&*head.lte, all_of(head.lte->out), repeated(read, hidden, head.lte->in / hidden));
  }
  arch.hidden_size = written.count();
  model::number_parameters(&slender);
  return slender;
}

std::vector<Tensor> fold_layer_map(const model::Model& m, const model::Linear& map,
                                   const grad::Masks& masks, TensorSet* keeper) {
  const Cut read =
      unscaled(masks.hidden.empty() ? all_of(m.arch.hidden_size) : cut_of(masks.hidden, 1));
  return {cut_tensor(m.parameters.tensor(map.weight), all_of(map.out), read, keeper),
          cut_tensor(m.parameters.tensor(map.bias), all_of(map.out), all_of(1), keeper)};
}

}  // namespace costeff::prune
