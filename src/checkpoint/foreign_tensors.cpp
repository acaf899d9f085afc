#include "checkpoint/foreign_tensors.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

struct ForeignRow {
  std::string_view part;  // of a component of a name
  bool whole;             // it must be the whole component
  const char* what;       // ... which the engine does not compute
  const char* cure;
};

constexpr const char* kMergePeft =
    "merge it into the weights first (merge_and_unload of peft) and save that model";

constexpr std::array<ForeignRow, 17> kForeign{{
    {"lora_", false, "a LoRA adapter that is not merged", kMergePeft},
    {"ia3_", false, "an (IA)3 adapter that is not merged", kMergePeft},
    {"base_layer", true, "a layer with an adapter that is not merged", kMergePeft},
    {"modules_to_save", true, "a module that peft trained beside the original", kMergePeft},
    {"original_module", true, "a module that peft has trained a copy of", kMergePeft},
    {"adapter", false, "an adapter", "only models without adapters can be read"},
    {"prefix_tuning", false, "prefix tuning", "only models without prefixes can be read"},
    {"prompt_encoder", true, "a prompt that was trained",
     "only models without prompts can be read"},
    {"prompt_embeddings", true, "a prompt that was trained",
     "only models without prompts can be read"},
    {"mask_scores", true, "movement pruning that is not folded in",
     "fold it in first (bertarize.py of movement-pruning)"},
    {"parametrizations", true, "a parametrization (torch.nn.utils.parametrize)",
     "make it permanent first (remove_parametrizations with leave_parametrized=True)"},
    {"weight_g", true, "weight normalisation", "make it permanent first (remove_weight_norm)"},
    {"weight_fake_quant", true, "quantisation aware training",
     "save the float model, and quantise it with costeff quantize"},
    {"activation_post_process", true, "an observer of PyTorch's quantisation",
     "save the float model, and quantise it with costeff quantize"},
    {"_packed_params", true, "weights quantised by PyTorch",
     "save the float model, and quantise it with costeff quantize"},
    {"distance_embedding", true, "relative positions", "only absolute positions can be read"},
    {"crossattention", true, "cross-attention", "only encoders can be read"},
}};

const ForeignRow* foreign_row(std::string_view name) {
  while (!name.empty()) {
    const size_t dot = name.find('.');
    const std::string_view component = name.substr(0, dot);
    for (const ForeignRow& row : kForeign) {
      if (row.whole ? component == row.part : component.find(row.part) != component.npos) {
        return &row;
      }
    }
    if (dot == name.npos) break;
    name.remove_prefix(dot + 1);
  }
  return nullptr;
}

// BERxiT's files hold the encoder twice, a second time as core.*; the first copy is read.
bool is_second_copy(const std::string& name) { return name.starts_with("core."); }

// Poolers and off-ramps may be in a file without being used by its model. Such a part is a leftover if
// nothing of it is in use. Returns its name, "P.encoder.highway.3." for
// "P.encoder.highway.3.pooler.dense.weight"; "" if the tensor is in no such part.
std::string leftover_part(const Source& s, const std::string& name) {
  for (const char* part : {"pooler.", "encoder.lte_classifier."}) {
    if (name.starts_with(s.prefix + part)) return s.prefix + part;
  }
  for (const char* part : {"encoder.highway.", "encoder.pooler."}) {
    const std::string beginning = s.prefix + part;
    if (!name.starts_with(beginning)) continue;
    const size_t end = name.find('.', beginning.size());
    return end == name.npos ? "" : name.substr(0, end + 1);
  }
  return "";
}

bool in_encoder(const Source& s, const std::string& name) {
  if (!s.prefix.empty()) return name.starts_with(s.prefix);
  for (const char* part : {"embeddings.", "encoder.", "transformer.", "pooler."}) {
    if (name.starts_with(part)) return true;
  }
  return false;
}

// Position numbers that every model of transformers keeps, and counters.
bool is_buffer(std::string_view name) {
  return name.ends_with("embeddings.position_ids") || name.ends_with("embeddings.token_type_ids") ||
         name.ends_with(".num_batches_tracked");
}

// "classifier." of "classifier.weight"
std::string module_of(const std::string& name) { return name.substr(0, name.rfind('.') + 1); }

// The modules and parts with a tensor in use. A file may hold half a million tensors with names of any
// length, so each name is looked up and never compared with all others.
struct InUse {
  std::set<std::string> modules;  // "classifier."
  size_t longest = 0;             // of their names
  std::set<std::string> parts;    // leftover_part
};

InUse what_is_used(const Source& s) {
  InUse used;
  for (const auto& [name, i] : s.by_name) {
    if (!s.used[i]) continue;
    if (std::string module = module_of(name); !module.empty()) {
      used.longest = std::max(used.longest, module.size());
      used.modules.insert(std::move(module));
    }
    used.parts.insert(leftover_part(s, name));
  }
  return used;
}

bool below_used_module(const InUse& used, const std::string& name) {
  for (size_t dot = name.find('.'); dot < used.longest; dot = name.find('.', dot + 1)) {
    if (used.modules.contains(name.substr(0, dot + 1))) return true;
  }
  return false;
}

bool is_unknown(const Source& s, const InUse& used, const std::string& name) {
  if (is_buffer(name)) return false;
  if (below_used_module(used, name)) return true;
  if (!in_encoder(s, name)) return false;
  const std::string part = leftover_part(s, name);
  return part.empty() || used.parts.contains(part);
}

std::string without_flag() {
  return "; --ignore-unused answers without what the engine does not know";
}

}  // namespace

void refuse_known_foreign(const Source& s) {
  if (s.ignore_unused) return;
  for (const auto& [name, i] : s.by_name) {
    const ForeignRow* row = is_second_copy(name) ? nullptr : foreign_row(name);
    if (!row) continue;
    fail_model("{}is part of {}, which the engine does not compute; {}{}",
               tensor_place(s.set->tensors[i]), row->what, row->cure, without_flag());
  }
}

void refuse_unknown(Source& s) {
  const InUse used = what_is_used(s);
  int64_t count = 0;
  const Tensor* first = nullptr;
  for (const auto& [name, i] : s.by_name) {
    if (s.used[i] || s.expected_unused[i]) continue;
    const bool known = !is_second_copy(name) && foreign_row(name);
    if (!known && !is_unknown(s, used, name)) continue;
    if (count++ == 0) first = &s.set->tensors[i];
  }
  if (count == 0) return;
  if (!s.ignore_unused) {
    fail_model(
        "{}is inside the model, and the engine does not know what it is for, expected none "
        "such{}{}",
        tensor_place(*first), count > 1 ? fmt::format(" (the file has {})", count) : "",
        without_flag());
  }
  s.warnings.push_back(
      fmt::format("{}: {} of the model that the engine does not know {} ignored (--ignore-unused), "
                  "the first: {}",
                  *s.set->file, count == 1 ? "1 tensor" : fmt::format("{} tensors", count),
                  count == 1 ? "is" : "are", printable(first->name, 200)));
}

}  // namespace costeff::checkpoint
