#include "checkpoint/source.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/fail.h"
#include "base/utf8.h"
#include "checkpoint/containers/container.h"
#include "checkpoint/containers/encoder_names.h"
#include "checkpoint/pruning_masks.h"

namespace costeff::checkpoint {
namespace {

// For a file without prefixes (an encoder saved by itself, a head added): other names tell the family.
Family family_without_prefix(const Source& s) {
  if (has_any(s, "transformer.layer.")) return Family::distilbert;
  if (has_any(s, "encoder.albert_layer_groups.")) return Family::albert;
  if (has_any(s, "encoder.pooler.")) return Family::elasticbert;
  if (const ModelType* type = find_model_type(s.config->model_type)) return type->family;
  if (has_any(s, "embeddings_project.")) return Family::electra;
  if (has_any(s, "embeddings.task_type_embeddings.")) return Family::ernie;
  if (has_any(s, "classifier.out_proj.")) return Family::roberta;
  // RoBERTa has one token type, BERT two. It decides where the positions begin.
  const Tensor* types = find(s, "embeddings.token_type_embeddings.weight");
  if (types && types->shape.size() == 2 && types->shape[0] == 1) return Family::roberta;
  return Family::bert;
}

std::string encoder_text(const EncoderName& e) {
  return e.prefix.empty() ? printable(e.container, 60) + "embeddings.*, " +
                                printable(e.container, 60) + "encoder.*"
                          : printable(e.container, 60) + e.prefix + "*";
}

// Returns the one encoder of the file. names: the canonical ones.
EncoderName find_encoder(const TensorSet& set, const std::vector<std::string>& names) {
  std::set<EncoderName> found;
  for (const std::string& name : names) {
    if (auto e = encoder_name(name)) found.insert(std::move(*e));
  }
  if (found.size() == 1) return *found.begin();
  if (found.size() > 1) {
    fail_model("{}: holds {} encoders, {} and {}, expected one", *set.file,
               found.size() == 2 ? "two" : fmt::format("{}", found.size()),
               encoder_text(*found.begin()), encoder_text(*std::next(found.begin())));
  }
  std::string have = set.tensors.empty() ? "no tensor at all" : "";
  for (size_t i = 0; i < set.tensors.size() && i < 3; ++i) {
    have += (i ? ", " : "") + printable(set.tensors[i].name, 60);
  }
  if (set.tensors.size() > 3) have += ", ...";
  fail_model(
      "{}: holds no BERT encoder, expected tensors such as bert.embeddings.word_embeddings.weight "
      "(found: {})",
      *set.file, have);
}

// In another family the same names mean other positions and another head.
void check_family(const Source& s) {
  const Config& c = *s.config;
  const bool own_defaults =
      s.family == Family::electra || s.family == Family::albert || s.family == Family::ernie;
  if (c.model_type.empty() && own_defaults) {
    fail_model(
        "{}: model_type is missing, expected \"{}\", whose encoder {} holds: other types have "
        "other "
        "defaults",
        c.place, first_of(s.family).name, *s.set->file);
  }
  if (c.model_type.empty() || type_fits(c.model_type, s.family)) return;
  fail_model("{}: model_type is \"{}\", but {} holds an encoder of {} ({}), expected one of {}",
             c.place, printable(c.model_type, 60), *s.set->file, first_of(s.family).name,
             encoder_text({s.container, s.prefix}), model_type_names(s.family));
}

std::string expected_shape(std::initializer_list<Dim> shape) {
  std::string text = "[";
  for (const Dim& d : shape) {
    if (text.size() > 1) text += ", ";
    text += d.symbol ? d.symbol : fmt::format("{}", d.extent);
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

// For the message about a missing tensor: another one in its module, such as weight_g, qweight or
// base_layer.weight.
std::string found_instead(const Source& s, const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos) return "";
  const std::string module = name.substr(0, dot + 1);
  for (auto it = s.by_name.lower_bound(module);
       it != s.by_name.end() && it->first.starts_with(module); ++it) {
    if (s.used[it->second] || it->first == module + "weight" || it->first == module + "bias")
      continue;
    return fmt::format(" (found {})", printable(s.set->tensors[it->second].name, 200));
  }
  return "";
}

// The scales of I8 weights [rows, columns] are beside them in NAME_scale, F32 [rows].
void attach_scales(Source& s) {
  for (const auto& [name, index] : s.by_name) {
    Tensor& t = s.set->tensors[index];
    if (t.dtype != DType::i8 || t.shape.size() != 2 || t.shape[1] < 1) continue;
    const auto it = s.by_name.find(name + "_scale");
    if (it == s.by_name.end()) continue;
    const Tensor& scale = s.set->tensors[it->second];
    if (scale.dtype != DType::f32 || scale.shape != std::vector<int64_t>{t.shape[0]}) {
      fail_model("{}{} {}, expected F32 {}, a scale a row of {}", tensor_place(scale),
                 dtype_name(scale.dtype), shape_text(scale.shape), shape_text({t.shape[0]}),
                 t.name);
    }
    t.scale = scale.data;
    s.used[it->second] = true;
  }
}

}  // namespace

Source open_source(TensorSet& set, const Config& config, const TensorSet* masks) {
  Source s;
  s.set = &set;
  s.config = &config;
  s.masks = masks;
  s.used.resize(set.tensors.size());
  s.expected_unused.resize(set.tensors.size());
  std::vector<std::string> names;
  names.reserve(set.tensors.size());
  for (const Tensor& t : set.tensors) names.push_back(canonical_name(t.name));
  const EncoderName encoder = find_encoder(set, names);
  s.container = encoder.container;
  s.prefix = encoder.prefix;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].starts_with(s.container)) names[i].erase(0, s.container.size());
    const auto [it, fresh] = s.by_name.emplace(std::move(names[i]), i);
    if (!fresh) {
      fail_model(
          "{}is the same as tensor {} ({}module., _orig_mod., gamma and beta aside), expected one "
          "of them",
          tensor_place(set.tensors[i]), printable(set.tensors[it->second].name, 200),
          s.container.empty() ? "" : printable(s.container, 60) + ", ");
    }
  }
  s.family = s.prefix.empty() ? family_without_prefix(s) : type_of_prefix(s.prefix).family;
  check_family(s);
  if (s.family == Family::albert) s.albert = read_albert_layout(s);
  attach_scales(s);
  multiply_masks(s);
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
    if (digits > 1 && rest[0] == '0') continue;  // module lists do not write 01
    if (digits > 9) {
      fail_model("{}its number is out of range", tensor_place(s.set->tensors[it->second]));
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
  return tensor_place(*s.set->file, s.container + name);
}

const Tensor& use(Source& s, const std::string& name, std::initializer_list<Dim> shape,
                  std::string_view because) {
  const auto it = s.by_name.find(name);
  if (it == s.by_name.end()) {
    fail_model("{}is missing, expected shape {}{}", missing_place(s, name), expected_shape(shape),
               found_instead(s, name));
  }
  const Tensor& t = s.set->tensors[it->second];
  if (!fits(t.shape, shape)) {
    const bool empty = std::find(t.shape.begin(), t.shape.end(), 0) != t.shape.end() &&
                       std::none_of(shape.begin(), shape.end(),
                                    [](const Dim& d) { return !d.symbol && d.extent == 0; });
    fail_model("{}shape {}, expected {}{}{}", tensor_place(t), shape_text(t.shape),
               expected_shape(shape), empty ? " with no axis of 0" : "",
               because.empty() ? "" : " (" + std::string(because) + ")");
  }
  if (!is_weight(t)) {
    fail_model("{}dtype {}, expected F32, F16, BF16 or F64", tensor_place(t), dtype_name(t.dtype));
  }
  s.used[it->second] = true;
  return t;
}

model::ParameterId use_parameter(Source& s, model::Role role, model::Part part,
                                 const std::string& name, std::initializer_list<Dim> shape,
                                 std::string_view because) {
  const Tensor& t = use(s, name, shape, because);
  const auto at = static_cast<size_t>(&t - s.set->tensors.data());
  const auto [it, fresh] = s.parameter_of.try_emplace(at, model::kNone);
  if (fresh) it->second = s.parameters->add(role, part, t);
  return it->second;
}

model::Linear use_linear(Source& s, model::Role role, const std::string& name, Dim out, Dim in,
                         std::string_view because) {
  model::Linear l;
  l.weight = use_parameter(s, role, model::Part::weight, name + ".weight", {out, in}, because);
  const std::vector<int64_t>& shape = s.parameters->tensor(l.weight).shape;
  l.out = shape[0];
  l.in = shape[1];
  l.bias = use_parameter(s, role, model::Part::bias, name + ".bias", {l.out});
  return l;
}

model::LayerNorm use_norm(Source& s, model::Role role, const std::string& name, int64_t hidden) {
  return {use_parameter(s, role, model::Part::weight, name + ".weight", {hidden}),
          use_parameter(s, role, model::Part::bias, name + ".bias", {hidden})};
}

}  // namespace costeff::checkpoint
