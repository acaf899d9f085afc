#include "checkpoint/dialects/cofi_fold.h"

#include <algorithm>
#include <memory>

#include "base/fail.h"
#include "base/utf8.h"
#include "checkpoint/encoder.h"

namespace costeff::checkpoint {
namespace {

using Index = std::vector<int64_t>;
using Scale = std::vector<double>;  // empty: all ones

// An axis after folding: which of its units stay, and a factor for each unit, by its old number.
struct Axis {
  int64_t size = 0;  // before
  Index kept;
  Scale scale;
};

// Full-size masks. A mask that is not in zs.pt is all ones.
struct Masks {
  std::vector<float> hidden;        // [H]
  std::vector<float> head;          // [L, N]
  std::vector<float> head_layer;    // [L]
  std::vector<float> intermediate;  // [L, F]
  std::vector<float> mlp;           // [L]
};

std::vector<int64_t> without_ones(const std::vector<int64_t>& shape) {
  std::vector<int64_t> out;
  for (int64_t n : shape) {
    if (n != 1) out.push_back(n);
  }
  return out;
}

// `shape` is that of the mask without its axes of 1: head_z is [L, 1, N, 1, 1] or [L, N].
std::vector<float> read_mask(const TensorSet& set, const char* name,
                             const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t n : shape) count *= n;
  const Tensor* t = set.find(name);
  if (!t) return std::vector<float>(static_cast<size_t>(count), 1.0f);
  if (without_ones(t->shape) != without_ones(shape)) {
    fail_model("{}shape {}, expected {} (the uncompacted model's, axes of 1 aside)",
               tensor_place(*t), shape_text(t->shape), shape_text(shape));
  }
  if (!is_weight_dtype(t->dtype)) {
    fail_model("{}dtype {}, expected F32, F16, BF16 or F64", tensor_place(*t),
               dtype_name(t->dtype));
  }
  std::vector<float> mask(static_cast<size_t>(count));
  to_float32(*t, mask.data());
  for (float v : mask) {
    if (!(v >= 0 && v <= 1)) {
      fail_model("{}holds {}, expected numbers from 0 to 1", tensor_place(*t), v);
    }
  }
  return mask;
}

Masks read_masks(const TensorSet& set, int64_t layers, int64_t heads, int64_t hidden, int64_t ffn) {
  for (const Tensor& t : set.tensors) {
    bool known = false;
    for (const char* name : {"hidden_z", "head_z", "head_layer_z", "intermediate_z", "mlp_z"}) {
      known = known || t.name == name;
    }
    if (!known) {
      fail_model(
          "{}: unknown mask \"{}\", expected hidden_z, head_z, head_layer_z, intermediate_z or "
          "mlp_z",
          *set.file, printable(t.name, 60));
    }
  }
  return {read_mask(set, "hidden_z", {hidden}), read_mask(set, "head_z", {layers, heads}),
          read_mask(set, "head_layer_z", {layers}), read_mask(set, "intermediate_z", {layers, ffn}),
          read_mask(set, "mlp_z", {layers})};
}

Axis whole(int64_t size) {
  Axis a;
  a.size = size;
  for (int64_t i = 0; i < size; ++i) a.kept.push_back(i);
  return a;
}

// Returns the units for which unit[i] * all is not 0. The product is computed in float32, as in the
// reference.
Index kept_units(const float* unit, int64_t count, float all) {
  Index kept;
  for (int64_t i = 0; i < count; ++i) {
    if (unit[i] * all != 0) kept.push_back(i);
  }
  return kept;
}

Axis unscaled(Axis a) {
  a.scale.clear();
  return a;
}

Axis scaled_by(Axis a, double factor) {
  if (a.scale.empty()) a.scale.assign(static_cast<size_t>(a.size), 1.0);
  for (double& v : a.scale) v *= factor;
  return a;
}

bool unchanged(const Axis& a) {
  return static_cast<int64_t>(a.kept.size()) == a.size &&
         std::all_of(a.scale.begin(), a.scale.end(), [](double v) { return v == 1.0; });
}

double factor(const Axis& a, int64_t i) {
  return a.scale.empty() ? 1.0 : a.scale[static_cast<size_t>(i)];
}

// Folds one tensor after the other: out[i, j] = t[rows.kept[i], cols.kept[j]] * row factor * column
// factor, in float64, rounded once to float32. A vector has only rows.
class MaskFolder {
 public:
  explicit MaskFolder(Source& s) : s_(s) {}

  void matrix(const std::string& name, const Axis& rows, const Axis& cols) {
    fold(name, use(s_, name, {rows.size, cols.size}), rows, cols, 2);
  }
  void vector(const std::string& name, const Axis& rows) {
    static const Axis one = whole(1);
    fold(name, use(s_, name, {rows.size}), rows, one, 1);
  }
  void norm(const std::string& name, const Axis& hidden) {
    vector(name + ".weight", unscaled(hidden));
    vector(name + ".bias", unscaled(hidden));
  }
  // For a sublayer that is pruned away: its tensors are in the file, but not in the model. Its
  // LayerNorm stays as a leftover, as in the reference's compact files, so that the layer still counts.
  void drop(const std::string& beginning) {
    auto it = s_.by_name.lower_bound(beginning);
    while (it != s_.by_name.end() && it->first.starts_with(beginning)) {
      s_.expected_unused[it->second] = true;
      it = s_.by_name.erase(it);
    }
  }

 private:
  void fold(const std::string& name, const Tensor& t, const Axis& rows, const Axis& cols,
            size_t rank) {
    if (unchanged(rows) && unchanged(cols)) return;
    const int64_t out_rows = static_cast<int64_t>(rows.kept.size());
    const int64_t out_cols = static_cast<int64_t>(cols.kept.size());
    const std::shared_ptr<float[]> out(new float[static_cast<size_t>(out_rows * out_cols)]);
    std::vector<float> row(static_cast<size_t>(cols.size));
    float* p = out.get();
    for (int64_t r : rows.kept) {
      to_float32(t, r * cols.size, cols.size, row.data());
      const double scale = factor(rows, r);
      for (int64_t c : cols.kept) {
        *p++ = static_cast<float>(static_cast<double>(row[static_cast<size_t>(c)]) * scale *
                                  factor(cols, c));
      }
    }
    Tensor folded = t;
    folded.dtype = DType::f32;
    folded.shape = {out_rows};
    if (rank == 2) folded.shape.push_back(out_cols);
    folded.data = reinterpret_cast<const std::byte*>(out.get());
    s_.set->owners.push_back(out);
    s_.set->tensors[s_.by_name.find(name)->second] = std::move(folded);
  }

  Source& s_;
};

// hidden_z scales what reads the hidden state (columns of Wq, Wk, Wv, W1, pooler, qa_outputs), the
// embedding tables, and what the sublayers write (rows of Wo and W2, and bo), but not b2, the
// LayerNorms and RoBERTa's classifier.dense. The reference does so, and its checkpoints are tuned to
// it.
void fold_outside_layers(MaskFolder& f, Source& s, const Axis& hidden) {
  const std::string e = s.prefix + "embeddings.";
  for (const char* name : {"word_embeddings", "position_embeddings", "token_type_embeddings"}) {
    const std::string weight = e + name + ".weight";
    f.matrix(weight, whole(use(s, weight, {"rows", hidden.size}).shape[0]), hidden);
  }
  f.norm(e + "LayerNorm", hidden);
  if (const std::string qa = "qa_outputs.weight"; has(s, qa)) f.matrix(qa, whole(2), hidden);
  if (s.family != Family::roberta) {
    const std::string pooler = s.prefix + "pooler.dense.weight";
    if (has(s, pooler)) f.matrix(pooler, whole(hidden.size), hidden);
  }
  const std::string dense = "classifier.dense.weight";
  if (has(s, dense)) f.matrix(dense, whole(hidden.size), unscaled(hidden));
}

void fold_attention(MaskFolder& f, const std::string& p, const Masks& z, int64_t layer,
                    int64_t heads, const Axis& hidden) {
  const float* head = z.head.data() + layer * heads;
  const float all = z.head_layer[static_cast<size_t>(layer)];
  const Index kept = kept_units(head, heads, all);
  if (kept.empty()) {
    f.drop(p + "attention.self.");
    return f.drop(p + "attention.output.dense.");
  }
  const int64_t d = hidden.size / heads;
  Axis units;  // [A], the heads one after the other
  units.size = hidden.size;
  for (int64_t h : kept) {
    for (int64_t i = 0; i < d; ++i) units.kept.push_back(h * d + i);
  }
  Axis values = units;  // head_z acts only on the values
  for (int64_t i = 0; i < hidden.size; ++i)
    values.scale.push_back(static_cast<double>(head[i / d]));
  for (const char* name : {"attention.self.query", "attention.self.key"}) {
    f.matrix(p + name + ".weight", units, hidden);
    f.vector(p + name + ".bias", units);
  }
  f.matrix(p + "attention.self.value.weight", values, hidden);
  f.vector(p + "attention.self.value.bias", values);
  f.matrix(p + "attention.output.dense.weight", scaled_by(hidden, static_cast<double>(all)), units);
  f.vector(p + "attention.output.dense.bias", scaled_by(hidden, static_cast<double>(all)));
  f.norm(p + "attention.output.LayerNorm", hidden);
}

void fold_ffn(MaskFolder& f, const std::string& p, const Masks& z, int64_t layer, int64_t ffn,
              const Axis& hidden) {
  const float* unit = z.intermediate.data() + layer * ffn;
  const float all = z.mlp[static_cast<size_t>(layer)];
  Axis units;  // [F]
  units.size = ffn;
  units.kept = kept_units(unit, ffn, all);
  if (units.kept.empty()) {
    f.drop(p + "intermediate.");
    return f.drop(p + "output.dense.");
  }
  Axis inputs = units;  // of W2
  inputs.scale.assign(unit, unit + ffn);
  f.matrix(p + "intermediate.dense.weight", units, hidden);
  f.vector(p + "intermediate.dense.bias", units);
  f.matrix(p + "output.dense.weight", scaled_by(hidden, static_cast<double>(all)), inputs);
  f.vector(p + "output.dense.bias", scaled_by(unscaled(hidden), static_cast<double>(all)));
  f.norm(p + "output.LayerNorm", hidden);
}

}  // namespace

void fold_masks(Source& s) {
  const int64_t layers = count_layers(s);
  const std::string beginning = s.prefix + "encoder.layer.";
  const int64_t h = use(s, s.prefix + "embeddings.word_embeddings.weight", {"V", "H"}).shape[1];
  if (const int64_t said = unpruned_hidden_size(s, h); said != h) {
    fail_model(
        "{}: masks of an uncompacted model, but its tensors have hidden size {} (hidden_size is "
        "{})",
        *s.masks->file, h, said);
  }
  const int64_t heads = h / unpruned_head_size(s, h);
  const int64_t ffn = use(s, beginning + "0.intermediate.dense.weight", {"F", h}).shape[0];
  const Masks z = read_masks(*s.masks, layers, heads, h, ffn);

  Axis hidden;
  hidden.size = h;
  hidden.kept = kept_units(z.hidden.data(), h, 1.0f);
  hidden.scale.assign(z.hidden.begin(), z.hidden.end());
  if (hidden.kept.empty())
    fail_model("{}: hidden_z is all 0, expected a unit to stay", *s.masks->file);

  MaskFolder f(s);
  fold_outside_layers(f, s, hidden);
  for (int64_t i = 0; i < layers; ++i) {
    const std::string p = fmt::format("{}{}.", beginning, i);
    fold_attention(f, p, z, i, heads, hidden);
    fold_ffn(f, p, z, i, ffn, hidden);
  }
}

}  // namespace costeff::checkpoint
