#include "prune/fold.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/fail.h"

namespace costeff::prune {
namespace {

// Gives a tensor another shape and values of its own: copy(from, to) writes them.
template <typename Copy>
void replace(model::Parameters* parameters, model::ParameterId id, std::vector<int64_t> shape,
             const Copy& copy) {
  Tensor& t = (*parameters)[id].tensor;
  if (t.dtype != DType::f32) fail(ErrorKind::internal, "{}is not float32", tensor_place(t));
  int64_t count = 1;
  for (const int64_t n : shape) count *= n;
  const auto bytes =
      model::own_bytes(&parameters->storage, count * static_cast<int64_t>(sizeof(float)));
  copy(reinterpret_cast<const float*>(t.data), reinterpret_cast<float*>(bytes.data()));
  t.shape.assign(shape.begin(), shape.end());
  t.data = bytes.data();
}

void keep_rows(model::Parameters* parameters, const std::vector<int64_t>& rows, model::Linear* l) {
  const auto count = static_cast<int64_t>(rows.size());
  if (count == 0) {
    *l = {0, l->in, model::kNone, model::kNone};
    return;
  }
  const auto pick = [&](int64_t width) {
    return [&rows, width](const float* from, float* to) {
      for (const int64_t r : rows) to = std::copy_n(from + r * width, width, to);
    };
  };
  replace(parameters, l->weight, {count, l->in}, pick(l->in));
  if (l->bias != model::kNone) replace(parameters, l->bias, {count}, pick(1));
  l->out = count;
}

void keep_columns(model::Parameters* parameters, const std::vector<int64_t>& columns,
                  model::Linear* l) {
  const auto count = static_cast<int64_t>(columns.size());
  if (count == 0) {
    *l = {l->out, 0, model::kNone, l->bias};
    return;
  }
  replace(parameters, l->weight, {l->out, count}, [&](const float* from, float* to) {
    for (int64_t r = 0; r < l->out; ++r)
      for (const int64_t c : columns) *to++ = from[r * l->in + c];
  });
  l->in = count;
}

}  // namespace

model::Model fold(const model::Model& m, const Kept& kept) {
  model::Model slender = m;
  for (size_t i = 0; i < slender.arch.layers.size(); ++i) {
    model::Layer& layer = slender.arch.layers[i];
    if (auto& a = layer.attention) {
      const std::vector<int64_t> rows = places(kept.heads[i], m.arch.head_size);
      for (model::Linear* l : {&a->query, &a->key, &a->value})
        keep_rows(&slender.parameters, rows, l);
      keep_columns(&slender.parameters, rows, &a->output);
      a->heads = count(kept.heads[i]);
    }
    if (auto& ffn = layer.ffn) {
      const std::vector<int64_t> rows = places(kept.neurons[i], 1);
      keep_rows(&slender.parameters, rows, &ffn->in);
      keep_columns(&slender.parameters, rows, &ffn->out);
    }
  }
  return slender;
}

void check_family(const std::string& path, const model::Model& m) {
  if (m.arch.family == model::Family::bert || m.arch.family == model::Family::roberta) return;
  fail_model("{}: is {}, which has no slender form; expected a BERT or RoBERTa", path,
             m.provenance.dialect);
}

std::string ragged_dialect(const std::string& path, const model::Model& m) {
  using model::Family;
  constexpr std::pair<Family, const char*> kForms[] = {{Family::bert, "cofi-compact"},
                                                       {Family::roberta, "cofi-compact-roberta"},
                                                       {Family::electra, "cofi-compact-electra"},
                                                       {Family::ernie, "cofi-compact-ernie"}};
  const auto* form = std::find_if(std::begin(kForms), std::end(kForms),
                                  [&](const auto& f) { return f.first == m.arch.family; });
  if (form == std::end(kForms)) {
    fail_model("{}: is {}, which has no slender form; expected a BERT, RoBERTa, ELECTRA or ERNIE",
               path, m.provenance.dialect);
  }
  if (m.arch.embeddings.word_up) {
    fail_model(
        "{}: has a factorised word embedding, which no form with layers of different widths has; "
        "expected a whole one, or --method cost-eff, which keeps layers alike",
        path);
  }
  return form->second;
}

}  // namespace costeff::prune
