#include "checkpoint/containers/torch_nested.h"

#include <unordered_set>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "checkpoint/containers/encoder_names.h"
#include "checkpoint/containers/torch_state_dict.h"

namespace costeff::checkpoint {
namespace {

const PickleItems& items_of(const Pickle& p, const PickleValue& dict) {
  return p.dicts[static_cast<size_t>(dict.at)];
}

bool has_encoder(const Pickle& p, const PickleValue& dict) {
  for (const auto& [key, value] : items_of(p, dict)) {
    if (key.kind == PickleKind::string && is_torch_tensor(p, value) &&
        is_encoder_tensor(p.text(key))) {
      return true;
    }
  }
  return false;
}

std::string key_text(const Pickle& p, const PickleValue& key) {
  return key.kind == PickleKind::string ? printable(p.text(key), 60) : p.describe(key);
}

}  // namespace

StateDict find_state_dict(const Pickle& p, const std::string& file) {
  if (p.top.kind != PickleKind::dict) {
    fail_model("{}: holds {}, expected a state dict (a dict of tensors)", file, p.describe(p.top));
  }
  const PickleItems& top = items_of(p, p.top);
  std::vector<StateDict> found;
  if (has_encoder(p, p.top)) found.push_back({p.top, "", 0});
  // A dict may have many keys; it is looked at once.
  std::unordered_set<int64_t> seen{p.top.at};
  for (const auto& [key, value] : top) {
    if (value.kind != PickleKind::dict || !seen.insert(value.at).second) continue;
    if (has_encoder(p, value)) found.push_back({value, key_text(p, key), top.size() - 1});
  }
  if (found.empty()) return {p.top, "", 0};
  if (found.size() > 1) {
    const auto text = [](const StateDict& s) {
      return s.key.empty() ? std::string("the dict itself") : "the entry " + s.key;
    };
    fail_model("{}: holds {} state dicts of an encoder, {} and {}, expected one: save it alone",
               file, found.size(), text(found[0]), text(found[1]));
  }
  return found[0];
}

}  // namespace costeff::checkpoint
