#include "checkpoint/encoder.h"

#include <algorithm>

#include "base/fail.h"
#include "checkpoint/embeddings.h"

namespace costeff::checkpoint {
namespace {

using model::Role;

constexpr LayerNames kBert{
    "encoder.layer.",       "attention.self.query",   "attention.self.key",
    "attention.self.value", "attention.output.dense", "attention.output.LayerNorm",
    "intermediate.dense",   "output.dense",           "output.LayerNorm"};
constexpr LayerNames kDistil{"transformer.layer.", "attention.q_lin",   "attention.k_lin",
                             "attention.v_lin",    "attention.out_lin", "sa_layer_norm",
                             "ffn.lin1",           "ffn.lin2",          "output_layer_norm"};

constexpr LayerNames kAlbert{"encoder.albert_layer_groups.",
                             "attention.query",
                             "attention.key",
                             "attention.value",
                             "attention.dense",
                             "attention.LayerNorm",
                             "ffn",
                             "ffn_output",
                             "full_layer_layer_norm"};

std::string layer_prefix(const Source& s, int64_t layer) {
  if (s.family == Family::albert) return s.prefix + s.albert.layer_prefix(layer);
  return fmt::format("{}{}{}.", s.prefix, layer_names(s.family).layer, layer);
}

// Every layer is checked against these sizes; 0: any.
struct Sizes {
  int64_t head_size = 0;
  int64_t attention_at_most = 0;
  int64_t attention = 0, ffn = 0;
  bool may_be_empty = false;  // a sublayer
};

// The last of the names is that of the output.
Units units_of(const Source& s, const std::string& p, std::initializer_list<const char*> names) {
  const std::string bias = p + std::data(names)[names.size() - 1] + ".bias";
  Units units = Units::none;
  for (const char* name : names) {
    const std::string beginning = p + name + ".";
    for (auto it = s.by_name.lower_bound(beginning);
         it != s.by_name.end() && it->first.starts_with(beginning); ++it) {
      if (s.set->tensors[it->second].numel() == 0) continue;
      if (it->first != bias) return Units::some;
      units = Units::bias;
    }
  }
  return units;
}

// COST-EFF's config.json gives the kept heads: d = prun_hidden_size / num_attention_heads, and all
// layers are alike. If prun_hidden_size is missing, the tensor of the first layer decides.
void costeff_sizes(Source& s, Sizes* sizes) {
  const Config& c = *s.config;
  sizes->ffn = c.costeff.prun_intermediate_size.value_or(0);
  const std::string query = layer_prefix(s, 0) + "attention.self.query.weight";
  const int64_t a =
      c.costeff.prun_hidden_size ? *c.costeff.prun_hidden_size : use(s, query, {"A", "H"}).shape[0];
  const int64_t heads = c.heads();
  if (a % heads != 0) {
    fail_model("{}: num_attention_heads is {}{}, does not divide prun_hidden_size {}", c.place,
               heads, c.num_attention_heads ? "" : " (the default)", a);
  }
  sizes->attention = sizes->attention_at_most = a;
  sizes->head_size = a / heads;
}

model::Attention build_attention(Source& s, const std::string& p, int64_t h, const Sizes& sizes) {
  const LayerNames& n = layer_names(s.family);
  const Dim rows = sizes.attention ? Dim(sizes.attention) : Dim("A");
  model::Attention a;
  a.query = use_linear(s, Role::query, p + n.query, rows, h);
  const Tensor& query = s.parameters->tensor(a.query.weight);
  const int64_t size = a.query.out;
  if (size % sizes.head_size != 0 || size > sizes.attention_at_most) {
    fail_model(
        "{}shape {}, expected rows that are a multiple of the head size {}, at most {} "
        "(hidden_size and num_attention_heads of {})",
        tensor_place(query), shape_text(query.shape), sizes.head_size, sizes.attention_at_most,
        s.config->place);
  }
  a.heads = size / sizes.head_size;
  a.key = use_linear(s, Role::key, p + n.key, size, h);
  a.value = use_linear(s, Role::value, p + n.value, size, h);
  a.output = use_linear(s, Role::attention_out, p + n.attention_out, h, size);
  a.norm = use_norm(s, Role::attention_norm, p + n.attention_norm, h);
  return a;
}

// NAME without its weight: what is left of it, if it is there, has no elements. with_bias: of the output
// of a sublayer, which keeps it.
model::Linear use_empty_linear(Source& s, Role role, const std::string& name, int64_t out,
                               int64_t in, bool with_bias) {
  model::Linear l{out, in, model::kNone, model::kNone};
  if (has(s, name + ".weight")) use(s, name + ".weight", {out, in});
  if (with_bias) {
    l.bias = use_parameter(s, role, model::Part::bias, name + ".bias", {out});
  } else if (has(s, name + ".bias")) {
    use(s, name + ".bias", {out});
  }
  return l;
}

// A sublayer of which its LayerNorm is left and, in most, the bias of its output.
std::optional<model::Attention> build_empty_attention(Source& s, const std::string& p, int64_t h,
                                                      Units units) {
  const LayerNames& n = layer_names(s.family);
  const bool bias = units == Units::bias;
  model::Attention a;
  a.query = use_empty_linear(s, Role::query, p + n.query, 0, h, false);
  a.key = use_empty_linear(s, Role::key, p + n.key, 0, h, false);
  a.value = use_empty_linear(s, Role::value, p + n.value, 0, h, false);
  a.output = use_empty_linear(s, Role::attention_out, p + n.attention_out, h, 0, bias);
  if (bias) {
    a.norm = use_norm(s, Role::attention_norm, p + n.attention_norm, h);
    return a;
  }
  // An absent sublayer is the identity. Its LayerNorm is skipped, but may still be in the file; that of
  // the attention has the unpruned size (CoFiPruning, models/modeling_bert.py).
  mark_leftover(s, p + n.attention_norm);
  return std::nullopt;
}

std::optional<model::FeedForward> build_empty_ffn(Source& s, const std::string& p, int64_t h,
                                                  Units units) {
  const LayerNames& n = layer_names(s.family);
  const bool bias = units == Units::bias;
  model::FeedForward f;
  f.in = use_empty_linear(s, Role::ffn_in, p + n.ffn_in, 0, h, false);
  f.out = use_empty_linear(s, Role::ffn_out, p + n.ffn_out, h, 0, bias);
  if (bias) {
    f.norm = use_norm(s, Role::ffn_norm, p + n.ffn_norm, h);
    return f;
  }
  mark_leftover(s, p + n.ffn_norm);
  return std::nullopt;
}

model::FeedForward build_ffn(Source& s, const std::string& p, int64_t h, const Sizes& sizes) {
  const LayerNames& n = layer_names(s.family);
  model::FeedForward f;
  f.in = use_linear(s, Role::ffn_in, p + n.ffn_in, sizes.ffn ? Dim(sizes.ffn) : Dim("F"), h);
  if (f.in.out > kMaxFfn) {
    const Tensor& weight = s.parameters->tensor(f.in.weight);
    fail_model("{}shape {}, expected at most {} rows", tensor_place(weight),
               shape_text(weight.shape), kMaxFfn);
  }
  f.out = use_linear(s, Role::ffn_out, p + n.ffn_out, h, f.in.out);
  f.norm = use_norm(s, Role::ffn_norm, p + n.ffn_norm, h);
  return f;
}

void build_layers(Source& s, const Sizes& sizes, model::Model* m) {
  const int64_t count = count_layers(s), h = m->arch.hidden_size;
  for (int64_t i = 0; i < count; ++i) {
    const std::string p = layer_prefix(s, i);
    const Units heads = sizes.may_be_empty ? attention_units(s, i) : Units::some;
    const Units neurons = sizes.may_be_empty ? ffn_units(s, i) : Units::some;
    model::Layer layer;
    layer.attention = heads == Units::some ? build_attention(s, p, h, sizes)
                                           : build_empty_attention(s, p, h, heads);
    layer.ffn =
        neurons == Units::some ? build_ffn(s, p, h, sizes) : build_empty_ffn(s, p, h, neurons);
    m->arch.layers.push_back(std::move(layer));
  }
}

void check_said(const Source& s, const char* key, const std::optional<std::vector<int64_t>>& said,
                const std::vector<int64_t>& have) {
  if (!said || *said == have) return;
  fail_model("{}: costeff: {} is {}, {} holds layers of {}", s.config->place, key,
             shape_text(*said), *s.set->file, shape_text(have));
}

// Compares the model with the object that `costeff convert` writes.
void check_converted(const Source& s, const model::Model& m) {
  std::vector<int64_t> attention, ffn;
  for (const model::Layer& layer : m.arch.layers) {
    attention.push_back(layer.attention ? layer.attention->query.out : 0);
    ffn.push_back(layer.ffn ? layer.ffn->in.out : 0);
  }
  check_said(s, "attention_sizes", s.config->converted.attention_sizes, attention);
  check_said(s, "ffn_sizes", s.config->converted.ffn_sizes, ffn);
}

void note_ffn(Source& s, const model::Model& m) {
  const auto said = s.config->intermediate_size;
  if (!said) return;
  for (const model::Layer& layer : m.arch.layers) {
    if (layer.ffn && layer.ffn->in.out != *said) {
      note_rows(s, "intermediate_size", said, layer.ffn->in.out);
      return;
    }
  }
}

}  // namespace

const LayerNames& layer_names(Family family) {
  if (family == Family::albert) return kAlbert;
  return family == Family::distilbert ? kDistil : kBert;
}

std::string pooler_name(Family family, const std::string& prefix) {
  return prefix + (family == Family::albert ? "pooler" : "pooler.dense");
}

bool may_be_empty(const Source& s, int64_t layer) {
  const ConvertedKeys& said = s.config->converted;
  if (!said.attention_sizes || !said.ffn_sizes) return false;
  const auto i = static_cast<size_t>(layer);
  return i < said.attention_sizes->size() && i < said.ffn_sizes->size() &&
         (*said.attention_sizes)[i] == 0 && (*said.ffn_sizes)[i] == 0;
}

int64_t count_layers(const Source& s) {
  if (s.family == Family::albert) return s.albert.layers();
  const std::string beginning = s.prefix + layer_names(s.family).layer;
  const std::set<int64_t> found = numbers(s, beginning);
  int64_t next = 0;
  for (int64_t i : found) {
    while (next < i && may_be_empty(s, next)) ++next;
    if (i != next) {
      fail_model("{}: has tensors of {}{}, but none of {}{}", *s.set->file, beginning, i, beginning,
                 next);
    }
    ++next;
  }
  while (may_be_empty(s, next)) ++next;
  if (next == 0) fail_model("{}: has no tensor of {}0", *s.set->file, beginning);
  if (next > kMaxLayers) {
    fail_model("{}: has {} layers, expected at most {}", *s.set->file, next, kMaxLayers);
  }
  const auto said = s.config->num_hidden_layers;
  if (said && *said != next) {
    fail_model("{}: num_hidden_layers is {}, {} holds {} layers", s.config->place, *said,
               *s.set->file, next);
  }
  return next;
}

int64_t unpruned_hidden_size(const Source& s, int64_t hidden) {
  if (s.config->hidden_size) return *s.config->hidden_size;
  for (const std::string& name :
       {s.prefix + "pooler.dense.weight", std::string("classifier.dense.weight")}) {
    const Tensor* t = find(s, name);
    if (t && t->shape.size() == 2 && t->shape[0] >= hidden) return t->shape[0];
  }
  return hidden;
}

int64_t unpruned_head_size(Source& s, int64_t hidden_size) {
  const Config& c = *s.config;
  const int64_t heads = c.heads();
  if (hidden_size % heads != 0) {
    fail_model("{}: num_attention_heads is {}{}, does not divide hidden_size {}", c.place, heads,
               c.num_attention_heads ? "" : " (the default, as the key is missing)", hidden_size);
  }
  if (!c.num_attention_heads) {
    s.notes.push_back(
        fmt::format("{}: num_attention_heads is missing, taken as {}", c.place, heads));
  }
  return hidden_size / heads;
}

Units attention_units(const Source& s, int64_t layer) {
  const LayerNames& n = layer_names(s.family);
  return units_of(s, layer_prefix(s, layer), {n.query, n.key, n.value, n.attention_out});
}

Units ffn_units(const Source& s, int64_t layer) {
  const LayerNames& n = layer_names(s.family);
  return units_of(s, layer_prefix(s, layer), {n.ffn_in, n.ffn_out});
}

void build_encoder(Source& s, Widths widths, model::Model* m) {
  build_embeddings(s, m);
  const int64_t h = m->arch.hidden_size;
  const Tensor& word = m->parameters.tensor(m->arch.embeddings.word);
  const int64_t unpruned =
      widths == Widths::cofi ? unpruned_hidden_size(s, h) : s.config->hidden_size.value_or(h);
  if (widths == Widths::cofi ? h > unpruned : h != unpruned) {
    fail_model("{}: hidden_size is {}, the tensors have {} ({} {})", s.config->place, unpruned, h,
               word.name, shape_text(word.shape));
  }
  m->arch.family = s.family;
  Sizes sizes;
  sizes.may_be_empty = widths == Widths::cofi;
  if (widths == Widths::costeff) {
    costeff_sizes(s, &sizes);
  } else {
    sizes.head_size = unpruned_head_size(s, unpruned);
    sizes.attention_at_most = unpruned;
  }
  m->arch.head_size = sizes.head_size;
  build_layers(s, sizes, m);
  check_converted(s, *m);
  if (widths == Widths::full) note_ffn(s, *m);
}

}  // namespace costeff::checkpoint
