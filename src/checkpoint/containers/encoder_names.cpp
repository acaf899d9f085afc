#include "checkpoint/containers/encoder_names.h"

#include <algorithm>
#include <array>

namespace costeff::checkpoint {
namespace {

// The wrappers' own attributes. No module of a model has such a name.
constexpr std::array<std::string_view, 6> kWrappers{
    "module",          "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
    "_forward_module", "_module"};

constexpr std::array<std::string_view, 8> kEncoderPrefixes{
    "bert.",    "roberta.", "elasticbert.", "distilbert.",
    "electra.", "albert.",  "ernie.",       "data2vec_text."};

// Common names of the attribute that holds an encoder. Peft has base_model.model.
constexpr std::array<std::string_view, 2> kPlainContainers{"model", "base_model"};

// How the names of an encoder's tensors begin. A number follows those that end in "layer.".
constexpr std::array<std::string_view, 8> kEncoderParts{"embeddings.word_embeddings",
                                                        "embeddings.position_embeddings",
                                                        "embeddings.token_type_embeddings",
                                                        "embeddings.task_type_embeddings",
                                                        "embeddings.LayerNorm.",
                                                        "encoder.layer.",
                                                        "encoder.albert_layer_groups.",
                                                        "transformer.layer."};

// Where the first such part begins, at the start of the name or after a dot; npos if nowhere.
size_t find_encoder_part(std::string_view name) {
  size_t first = name.npos;
  for (std::string_view part : kEncoderParts) {
    for (size_t at = name.find(part); at < first; at = name.find(part, at + 1)) {
      if (at == 0 || name[at - 1] == '.') first = at;
    }
  }
  return first;
}

bool all_plain_containers(std::string_view container) {
  while (!container.empty()) {
    const size_t dot = container.find('.');
    const auto component = container.substr(0, dot);
    if (std::find(kPlainContainers.begin(), kPlainContainers.end(), component) ==
        kPlainContainers.end()) {
      return false;
    }
    container.remove_prefix(dot + 1);
  }
  return true;
}

}  // namespace

std::string canonical_name(std::string_view name) {
  std::string s;
  s.reserve(name.size());
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view component = name.substr(0, dot);
    if (dot == name.npos) {
      s += component == "gamma" && !s.empty()  ? "weight"
           : component == "beta" && !s.empty() ? "bias"
                                               : component;
      return s;
    }
    if (std::find(kWrappers.begin(), kWrappers.end(), component) == kWrappers.end()) {
      s.append(component).push_back('.');
    }
    name.remove_prefix(dot + 1);
  }
}

std::optional<EncoderName> encoder_name(std::string_view canonical) {
  const size_t part = find_encoder_part(canonical);
  if (part == canonical.npos) return std::nullopt;
  const std::string_view before = canonical.substr(0, part);
  for (std::string_view prefix : kEncoderPrefixes) {
    if (!before.ends_with(prefix)) continue;
    const std::string_view container = before.substr(0, before.size() - prefix.size());
    if (!container.empty() && container.back() != '.') continue;  // "mobilebert.", "distilbert."
    return EncoderName{std::string(container), std::string(prefix)};
  }
  if (!all_plain_containers(before)) return std::nullopt;
  return EncoderName{std::string(before), ""};
}

bool is_encoder_tensor(std::string_view name) {
  return encoder_name(canonical_name(name)).has_value();
}

}  // namespace costeff::checkpoint
