// config.json and exit_policy.json of any bytes, with the tensors of small models, some of which
// the input renames or reshapes. The first byte chooses the model, the second the number of edits.
// Four bytes and perhaps a name follow for each edit, then config.json (empty: one that fits), the
// separator and exit_policy.json. A model that is built must be consistent, and stay the same when
// it is written and read again.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include "base/format.h"
#include "checkpoint/containers/container.h"
#include "checkpoint/dialects/save_model.h"
#include "checkpoint/exit_policy.h"
#include "checkpoint/tensor_shapes.h"
#include "fuzz/check.h"

using namespace costeff;
using namespace costeff::checkpoint;
using fuzz::require;
using model::Model;

namespace {

constexpr int64_t kMaxElements = 1 << 14;  // of a tensor

struct Base {
  Shapes shapes;
  std::string config;  // the keys that fit
  bool masks = false;  // with zs.pt
};

std::string keys(const std::string& more = "") {
  return R"({"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 3)" + more + "}";
}

std::vector<Base> make_bases() {
  std::vector<Base> bases = {{deebert(), keys()}, {deebert("roberta."), keys()}};
  Shapes lte = deebert();
  lte.linear("bert.encoder.lte_classifier", 1, kH);
  bases.push_back({lte, keys()});

  Shapes compact = plain_bert();
  compact.erase("bert.encoder.layer.1.attention.");
  compact.erase("bert.encoder.layer.2.intermediate.");
  compact.erase("bert.encoder.layer.2.output.");
  bases.push_back({compact, keys(", \"intermediate_size\": 20")});
  bases.push_back({plain_bert(), keys(), true});

  Shapes slim = encoder("bert.", 2, 4, 5), factorised = slim;
  factorised.erase("bert.embeddings.word_embeddings.");
  factorised.at["bert.embeddings.word_embeddings1.weight"] = {kV, 3};
  factorised.at["bert.embeddings.word_embeddings2.weight"] = {kH, 3};
  factorised.linear("classifier", kC, 2 * kH);
  slim.linear("classifier", kC, kH);
  slim.linear("bert.pooler.dense", kH, kH);
  for (int64_t i = 0; i + 1 < kL; ++i) {
    const std::string p = fmt::format("bert.encoder.highway.{}", i);
    slim.linear(p + ".pooler.dense", kH, kH);
    slim.linear(p + ".classifier", kC, kH);
    factorised.linear(p + ".classifier", kC, 2 * kH);
  }
  const std::string prun = ", \"prun_hidden_size\": 4, \"prun_intermediate_size\": 5";
  bases.push_back({slim, keys(prun + ", \"pooler_dense\": true")});
  bases.push_back({factorised, keys(prun + ", \"emb_hidden_dim\": 3, \"last_n_hidden\": 2")});

  bases.push_back({plain_bert(), keys()});
  bases.push_back({plain_roberta(), keys()});
  Shapes qa = encoder("bert."), pabee = qa, elastic = encoder("elasticbert."), distil;
  qa.linear("qa_outputs", 2, kH);
  pabee.linear("bert.pooler.dense", kH, kH);
  for (int64_t i = 0; i < kL; ++i) {
    const std::string n = fmt::format("{}", i);
    pabee.linear("classifiers." + n, kC, kH);
    elastic.linear("classifiers." + n, kC, kH);
    elastic.linear("elasticbert.encoder.pooler." + n + ".dense", kH, kH);
    const std::string p = "distilbert.transformer.layer." + n + ".";
    for (const char* part : {"q_lin", "k_lin", "v_lin", "out_lin"}) {
      distil.linear(p + "attention." + part, kH, kH);
    }
    distil.norm(p + "sa_layer_norm", kH);
    distil.linear(p + "ffn.lin1", kF, kH);
    distil.linear(p + "ffn.lin2", kH, kF);
    distil.norm(p + "output_layer_norm", kH);
  }
  distil.at["distilbert.embeddings.word_embeddings.weight"] = {kV, kH};
  distil.at["distilbert.embeddings.position_embeddings.weight"] = {kP, kH};
  distil.norm("distilbert.embeddings.LayerNorm", kH);
  distil.linear("pre_classifier", kH, kH);
  distil.linear("classifier", kC, kH);
  bases.push_back({qa, keys()});
  bases.push_back({pabee, keys()});
  bases.push_back({elastic, keys(", \"num_output_layers\": 3")});
  bases.push_back({distil, keys()});

  Shapes own = plain_bert(), ours = factorised;
  add_own_exit(own, 1, 0);
  add_own_exit(own, 2, 5);
  ours.erase("bert.encoder.highway.");
  ours.erase("classifier.");
  add_own_exit(ours, 1, 5);
  add_own_exit(ours, 3, 0);
  bases.push_back(
      {own, keys(", " + own_keys(own_entry(1, false) + ", " + own_entry(2, true, "first")))});
  bases.push_back(
      {ours, keys(prun + ", " + own_keys(own_entry(1, true) + ", " + own_entry(3, false)))});
  bases.push_back({electra(), keys(", \"model_type\": \"electra\", \"embedding_size\": 6")});
  bases.push_back({albert(), keys(", \"model_type\": \"albert\"")});
  bases.push_back({albert(2, 2), keys(", \"model_type\": \"albert\", \"num_hidden_groups\": 2, "
                                      "\"inner_group_num\": 2")});
  bases.push_back({ernie(true), keys(", \"model_type\": \"ernie\", \"use_task_id\": true")});
  return bases;
}

Shapes make_masks() {
  Shapes masks;
  masks.at["hidden_z"] = {kH};
  masks.at["head_z"] = {kL, 1, 2, 1, 1};
  masks.at["head_layer_z"] = {kL};
  masks.at["intermediate_z"] = {kL, 1, 1, kF};
  masks.at["mlp_z"] = {kL};
  for (auto& [name, shape] : masks.at) {
    for (int64_t i = 0; i < kL * kF; ++i) masks.values[name].push_back(i % 3 == 0 ? 0.0f : 0.5f);
  }
  return masks;
}

// True for a shape that a reader of files can give and that is not too large for a fuzz target.
bool fits(const std::vector<int64_t>& shape) {
  int64_t bytes = 0;
  return tensor_bytes(shape, DType::f64, &bytes) && bytes <= kMaxElements * 8;
}

void edit(fuzz::Input* input, Shapes* s) {
  const uint8_t which = input->byte(), what = input->byte(), value = input->byte(),
                place = input->byte();
  if (s->at.empty()) return;
  const auto it = std::next(s->at.begin(), which % static_cast<ptrdiff_t>(s->at.size()));
  const std::string name = it->first;
  std::vector<int64_t> shape = it->second;
  constexpr int64_t kLarge[] = {
      0, 1, 100, 1024, kMaxHidden, kMaxFfn, int64_t{1} << 31, int64_t{1} << 62};
  const int64_t extent = value < 128 ? value % 20 : kLarge[value % std::size(kLarge)];
  switch (what % 8) {
    case 0:
      s->at.erase(it);
      return;
    case 1:
      if (!shape.empty()) shape[place % shape.size()] = extent;
      break;
    case 2:
      shape.insert(shape.begin() + place % static_cast<int>(shape.size() + 1), extent);
      break;
    case 3:
      if (!shape.empty()) shape.erase(shape.begin() + place % static_cast<int>(shape.size()));
      break;
    case 4: {
      constexpr DType kTypes[] = {DType::f16, DType::bf16, DType::f64, DType::i32, DType::boolean};
      s->dtypes[name] = kTypes[value % std::size(kTypes)];
      return;
    }
    case 5: {  // all of a sublayer, a head, ...
      size_t end = name.size();
      for (int n = place % 4; n >= 0 && end != name.npos && end > 0; --n)
        end = name.rfind('.', end - 1);
      s->erase(end == name.npos ? name : name.substr(0, end + 1));
      return;
    }
    case 6: {  // another number in the name
      std::string other = name;
      for (char& c : other) {
        if (c >= '0' && c <= '9') c = static_cast<char>('0' + value % 10);
      }
      s->at[other] = shape;
      return;
    }
    default: {  // any name
      const std::string other(input->take(value % 64));
      if (place & 1) s->at.erase(it);
      s->at[(place & 2 ? other + name : place & 4 ? name + other : other)] = shape;
      return;
    }
  }
  if (fits(shape)) s->at[name] = shape;
}

// Every size follows from those of the model.
void check_model(const Model& m) {
  const int64_t h = m.arch.hidden_size;
  require(h > 0 && m.arch.head_size > 0 && m.arch.max_length > 0 && m.arch.num_labels > 0 &&
          m.arch.vocab_size > 0);
  const auto is = [&](model::ParameterId id, std::vector<int64_t> shape) {
    const Tensor& t = m.parameters.tensor(id);
    require(t.shape == shape && is_weight_dtype(t.dtype));
  };
  const auto is_linear = [&](const model::Linear& l, int64_t out, int64_t in) {
    require(l.out == out && l.in == in);
    is(l.weight, {out, in});
    if (l.bias != model::kNone) is(l.bias, {out});
  };
  const auto is_norm = [&](const model::LayerNorm& n, int64_t size) {
    is(n.weight, {size});
    is(n.bias, {size});
  };
  const model::Embeddings& e = m.arch.embeddings;
  const int64_t size = m.arch.embedding_size();
  is(e.word, {m.arch.vocab_size, e.word_up ? e.word_up->in : size});
  if (e.word_up) is_linear(*e.word_up, size, m.parameters.tensor(e.word).shape[1]);
  const int64_t positions = m.parameters.tensor(e.position).shape[0];
  is(e.position, {positions, size});
  require(positions >= m.arch.max_length + e.position_offset);
  if (e.type != model::kNone) is(e.type, {m.arch.type_vocab_size, size});
  if (e.task != model::kNone) is(e.task, {m.parameters.tensor(e.task).shape[0], size});
  is_norm(e.norm, size);
  if (e.map) is_linear(*e.map, h, size);
  for (const model::Layer& l : m.arch.layers) {
    if (l.attention) {
      const int64_t a = l.attention->heads * m.arch.head_size;
      require(a > 0);
      for (const auto* p : {&l.attention->query, &l.attention->key, &l.attention->value}) {
        is_linear(*p, a, h);
      }
      is_linear(l.attention->output, h, a);
      is_norm(l.attention->norm, h);
    }
    if (l.ffn) {
      is_linear(l.ffn->in, l.ffn->in.out, h);
      is_linear(l.ffn->out, h, l.ffn->in.out);
      is_norm(l.ffn->norm, h);
    }
  }
  require(!m.arch.heads.empty() &&
          m.provenance.labels.size() == static_cast<size_t>(m.arch.num_labels));
  int64_t last = 0;
  for (const model::Head& head : m.arch.heads) {
    require(head.layer > last && head.last_n_hidden >= 1 && head.last_n_hidden <= head.layer + 1);
    last = head.layer;
    int64_t in = head.hidden_mode == model::HiddenMode::concat ? head.last_n_hidden * h : h;
    if (head.pooler) {
      is_linear(*head.pooler, head.pooler->out, in);
      in = head.pooler->out;
    }
    is_linear(head.classifier, m.arch.num_labels, in);
    if (head.lte) is_linear(*head.lte, 1, in);
  }
  require(last == static_cast<int64_t>(m.arch.layers.size()));
}

// What a model computes, sizes aside (check_model).
std::string summary(const Model& m) {
  std::string s =
      fmt::format("{} {} {} {} {} {} {}{}", m.arch.hidden_size, m.arch.head_size, m.arch.max_length,
                  m.arch.vocab_size, m.arch.num_labels, m.arch.layer_norm_eps,
                  static_cast<int>(m.arch.activation), is_regression(m.arch) ? " regression" : "");
  for (const std::string& label : m.provenance.labels) s += "\n" + label;
  for (const model::Layer& l : m.arch.layers) {
    append_format(&s, "\n{} {}", l.attention ? l.attention->heads : 0, l.ffn ? l.ffn->in.out : 0);
  }
  for (const model::Head& head : m.arch.heads) {
    append_format(&s, "\n{} {} {} {} {}{}{}", head.layer, static_cast<int>(head.pooling),
                  head.last_n_hidden, static_cast<int>(head.hidden_mode),
                  static_cast<int>(head.activation), head.pooler ? " pooler" : "",
                  head.lte ? " lte" : "");
  }
  return s;
}

// The model must be the same after it is written and read again.
void check_saved(Model& m, const Config& config) {
  SavedModel saved = name_model(&m, config);
  record_source(&saved, m, {"m", m.provenance.dialect, "F32"}, std::nullopt);
  TensorSet set;
  set.file = std::make_shared<const std::string>("new/model.safetensors");
  for (const auto& [name, id] : saved_names(m)) {
    Tensor t = m.parameters.tensor(id);
    t.name = name;
    t.file = set.file;
    set.add(t);
  }
  const Config again = parse_config(saved.json.dump(-1, ' ', false, Json::error_handler_t::replace),
                                    "new/config.json");
  const Model n = build_model(std::move(set), again, nullptr);
  check_model(n);
  require(n.provenance.dialect == saved.dialect && n.provenance.unused.empty());
  require(summary(n) == summary(m));
}

void check_policy(std::string_view text) {
  try {
    const ExitPolicy p = parse_exit_policy(std::string(text), "m/exit_policy.json");
    const ExitPolicy q = parse_exit_policy(exit_policy_json(p).dump(), "new/exit_policy.json");
    require(p.kind == q.kind && p.layer == q.layer && p.exit_start == q.exit_start);
    require(p.thresholds == q.thresholds && p.exit_weights == q.exit_weights);
    require(p.patience == q.patience && p.average == q.average);
    require(p.weights_from == q.weights_from);
    for (const double t : p.thresholds) require(std::isfinite(t));
    for (const double w : p.exit_weights) require(std::isfinite(w));
  } catch (const Error& e) {
    fuzz::check_error(e);
    require(e.kind() == ErrorKind::model && std::string_view(e.what()).starts_with("m/"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<Base> bases = make_bases();
  static const Shapes masks = make_masks();
  fuzz::Input input(data, size);
  const Base& base = bases[input.byte() % bases.size()];
  Shapes shapes = base.shapes, zs = masks;
  for (int edits = input.byte() % 8; edits > 0; --edits) {
    const bool of_masks = base.masks && edits % 2 == 0;
    edit(&input, of_masks ? &zs : &shapes);
  }
  const std::string text(input.part());
  if (!input.empty()) check_policy(input.rest());
  bool built = false;
  try {
    const Config config = parse_config(text.empty() ? base.config : text, "m/config.json");
    const TensorSet z = make_set(zs, "m/zs.pt");
    Model m = build_model(make_set(shapes), config, base.masks ? &z : nullptr);
    check_model(m);
    built = true;
    check_saved(m, config);
  } catch (const Error& e) {
    fuzz::check_error(e);
    require(e.kind() == ErrorKind::model && !built && std::string_view(e.what()).starts_with("m/"));
  }
  return 0;
}
