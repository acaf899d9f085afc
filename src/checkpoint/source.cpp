#include "checkpoint/source.h"

#include <costeff/error.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "checkpoint/container.h"

namespace costeff::checkpoint {
namespace {

struct PrefixRow {
  const char* prefix;
  Family family;
};

constexpr std::array<PrefixRow, 4> kPrefixes{{
    {"bert.", Family::bert},
    {"roberta.", Family::roberta},
    {"elasticbert.", Family::elasticbert},
    {"distilbert.", Family::distilbert},
}};

bool is_encoder(const Source& s, const std::string& prefix) {
  return has_any(s, prefix + "embeddings.") || has_any(s, prefix + "encoder.layer.") ||
         has_any(s, prefix + "transformer.layer.");
}

// A file without prefixes (the encoder saved by itself, a head added): the other names tell the
// family.
Family family_without_prefix(const Source& s) {
  if (has_any(s, "transformer.layer.")) return Family::distilbert;
  if (has_any(s, "encoder.pooler.")) return Family::elasticbert;
  const std::string& type = s.config->model_type;
  if (type == "roberta" || type == "xlm-roberta" || has_any(s, "classifier.out_proj.")) {
    return Family::roberta;
  }
  // RoBERTa has one token type, BERT two. It decides where the positions begin.
  const Tensor* types = find(s, "embeddings.token_type_embeddings.weight");
  if (type.empty() && types && types->shape.size() == 2 && types->shape[0] == 1) {
    return Family::roberta;
  }
  return Family::bert;
}

void find_prefix(Source& s) {
  std::vector<PrefixRow> found;
  for (const PrefixRow& row : kPrefixes) {
    if (is_encoder(s, row.prefix)) found.push_back(row);
  }
  if (found.size() > 1) {
    throw_model(*s.set->file + ": holds two encoders, " + found[0].prefix + "* and " +
                found[1].prefix + "*, expected one");
  }
  if (found.size() == 1) {
    s.prefix = found[0].prefix;
    s.family = found[0].family;
  } else if (is_encoder(s, "")) {
    s.family = family_without_prefix(s);
  } else {
    std::string have = s.set->tensors.empty() ? "no tensor at all" : "";
    for (size_t i = 0; i < s.set->tensors.size() && i < 3; ++i) {
      have += (i ? ", " : "") + printable(s.set->tensors[i].name, 60);
    }
    if (s.set->tensors.size() > 3) have += ", ...";
    throw_model(*s.set->file + ": holds no BERT encoder, expected tensors such as " +
                "bert.embeddings.word_embeddings.weight (found: " + have + ")");
  }
}

std::string expected_shape(std::initializer_list<Dim> shape) {
  std::string text = "[";
  for (const Dim& d : shape) {
    if (text.size() > 1) text += ", ";
    text += d.symbol ? std::string(d.symbol) : std::to_string(d.extent);
  }
  return text + "]";
}

bool fits(const std::vector<int64_t>& have, std::initializer_list<Dim> shape) {
  if (have.size() != shape.size()) return false;
  size_t i = 0;
  for (const Dim& d : shape) {
    const int64_t n = have[i++];
    if (d.symbol ? n < 1 : n != d.extent) return false;
  }
  return true;
}

// I8 weights [rows, columns] have their scales, F32 [rows], beside them in NAME_scale.
void attach_scales(Source& s) {
  for (Tensor& t : s.set->tensors) {
    if (t.dtype != DType::i8 || t.shape.size() != 2 || t.shape[1] < 1) continue;
    const auto it = s.by_name.find(canonical_name(t.name) + "_scale");
    if (it == s.by_name.end()) continue;
    const Tensor& scale = s.set->tensors[it->second];
    if (scale.dtype != DType::f32 || scale.shape != std::vector<int64_t>{t.shape[0]}) {
      throw_model(tensor_place(scale) + dtype_name(scale.dtype) + " " + shape_text(scale.shape) +
                  ", expected F32 " + shape_text({t.shape[0]}) + ", a scale a row of " + t.name);
    }
    t.scale = scale.data;
    s.used[it->second] = true;
  }
}

}  // namespace

std::string canonical_name(std::string_view name) {
  constexpr std::string_view kModule = "module.";
  while (name.starts_with(kModule)) name.remove_prefix(kModule.size());
  std::string s(name);
  if (s.ends_with(".gamma")) s.replace(s.size() - 5, 5, "weight");
  if (s.ends_with(".beta")) s.replace(s.size() - 4, 4, "bias");
  return s;
}

Source open_source(TensorSet& set, const Config& config, const TensorSet* masks) {
  Source s;
  s.set = &set;
  s.config = &config;
  s.masks = masks;
  s.used.resize(set.tensors.size());
  s.expected_unused.resize(set.tensors.size());
  for (size_t i = 0; i < set.tensors.size(); ++i) {
    const Tensor& t = set.tensors[i];
    const auto [it, fresh] = s.by_name.emplace(canonical_name(t.name), i);
    if (!fresh) {
      throw_model(tensor_place(t) + "is the same as tensor " + set.tensors[it->second].name +
                  " (module., gamma and beta aside), expected one of them");
    }
  }
  attach_scales(s);
  find_prefix(s);
  return s;
}

const Tensor* find(const Source& s, std::string_view name) {
  const auto it = s.by_name.find(name);
  return it == s.by_name.end() ? nullptr : &s.set->tensors[it->second];
}

bool has(const Source& s, std::string_view name) { return find(s, name) != nullptr; }

bool has_any(const Source& s, std::string_view beginning) {
  const auto it = s.by_name.lower_bound(beginning);
  return it != s.by_name.end() && it->first.starts_with(beginning);
}

std::set<int64_t> numbers(const Source& s, std::string_view beginning) {
  std::set<int64_t> found;
  for (auto it = s.by_name.lower_bound(beginning);
       it != s.by_name.end() && it->first.starts_with(beginning); ++it) {
    const std::string_view rest = std::string_view(it->first).substr(beginning.size());
    const size_t digits = rest.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos || rest[digits] != '.') continue;
    if (digits > 1 && rest[0] == '0') continue;  // 01 is no number that a module list writes
    if (digits > 9) {
      throw_model(tensor_place(s.set->tensors[it->second]) + "its number is out of range");
    }
    found.insert(std::stoll(std::string(rest.substr(0, digits))));
  }
  return found;
}

void mark_leftover(Source& s, std::string_view beginning) {
  for (auto it = s.by_name.lower_bound(beginning);
       it != s.by_name.end() && it->first.starts_with(beginning); ++it) {
    s.expected_unused[it->second] = true;
  }
}

std::string missing_place(const Source& s, const std::string& name) {
  return tensor_place(*s.set->file, name);
}

const Tensor& take(Source& s, const std::string& name, std::initializer_list<Dim> shape,
                   std::string_view because) {
  const auto it = s.by_name.find(name);
  if (it == s.by_name.end()) {
    throw_model(missing_place(s, name) + "is missing, expected shape " + expected_shape(shape));
  }
  const Tensor& t = s.set->tensors[it->second];
  if (!fits(t.shape, shape)) {
    const bool empty = std::find(t.shape.begin(), t.shape.end(), 0) != t.shape.end();
    throw_model(tensor_place(t) + "shape " + shape_text(t.shape) + ", expected " +
                expected_shape(shape) + (empty ? " with no axis of 0" : "") +
                (because.empty() ? "" : " (" + std::string(because) + ")"));
  }
  if (!is_weight(t)) {
    throw_model(tensor_place(t) + "dtype " + dtype_name(t.dtype) +
                ", expected F32, F16, BF16 or F64");
  }
  s.used[it->second] = true;
  return t;
}

model::ParameterId take_parameter(Source& s, model::Role role, model::Part part, const std::string& name,
                                  std::initializer_list<Dim> shape, std::string_view because) {
  const Tensor& t = take(s, name, shape, because);
  const auto at = static_cast<size_t>(&t - s.set->tensors.data());
  const auto [it, fresh] = s.parameter_of.try_emplace(at, model::kNone);
  if (fresh) it->second = s.parameters->add(role, part, t);
  return it->second;
}

model::Linear take_linear(Source& s, model::Role role, const std::string& name, Dim out, Dim in,
                          std::string_view because) {
  model::Linear l;
  l.weight = take_parameter(s, role, model::Part::weight, name + ".weight", {out, in}, because);
  const std::vector<int64_t>& shape = s.parameters->tensor(l.weight).shape;
  l.out = shape[0];
  l.in = shape[1];
  l.bias = take_parameter(s, role, model::Part::bias, name + ".bias", {l.out});
  return l;
}

model::LayerNorm take_norm(Source& s, model::Role role, const std::string& name, int64_t hidden) {
  return {take_parameter(s, role, model::Part::weight, name + ".weight", {hidden}),
          take_parameter(s, role, model::Part::bias, name + ".bias", {hidden})};
}

}  // namespace costeff::checkpoint
