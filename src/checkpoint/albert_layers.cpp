#include "checkpoint/albert_layers.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/fail.h"
#include "checkpoint/source.h"

namespace costeff::checkpoint {
namespace {

constexpr const char* kGroups = "encoder.albert_layer_groups.";
constexpr const char* kInner = ".albert_layers.";

// n, for tensors `beginning`0.* to `beginning`n-1.*, none of which is missing; 0 if there are none.
int64_t count_numbered(const Source& s, const std::string& beginning) {
  int64_t next = 0;
  for (const int64_t i : numbers(s, beginning)) {
    if (i != next) {
      fail_model("{}: has tensors of {}{}, but none of {}{}", *s.set->file, beginning, i, beginning,
                 next);
    }
    ++next;
  }
  return next;
}

void check_count(const Source& s, const char* key, const std::optional<int64_t>& said,
                 const char* what, int64_t have) {
  if (said.value_or(1) == have) return;
  fail_model("{}: {} is {}{}, expected {}, the number of {} in {}", s.config->place, key,
             said.value_or(1), said ? "" : " (the default)", have, what, *s.set->file);
}

// The group of each block, if blocks have `inner` layers and a layer of a group is in no other place.
std::optional<std::vector<int64_t>> groups_of_blocks(const std::vector<int64_t>& first,
                                                     int64_t inner, int64_t* groups) {
  std::vector<int64_t> group_of, begins;  // of each block; of each group, its first layer
  std::set<int64_t> met;                  // layers of the groups so far
  for (size_t b = 0; b < first.size(); b += static_cast<size_t>(inner)) {
    const auto begin = first.begin() + static_cast<std::ptrdiff_t>(b);
    const auto at = std::find(begins.begin(), begins.end(), *begin);
    group_of.push_back(at - begins.begin());
    if (at == begins.end()) {
      for (int64_t j = 0; j < inner; ++j)
        if (!met.insert(begin[j]).second) return std::nullopt;
      begins.push_back(*begin);
    } else if (!std::equal(begin, begin + inner, first.begin() + *at)) {
      return std::nullopt;
    }
  }
  *groups = static_cast<int64_t>(begins.size());
  return group_of;
}

}  // namespace

int64_t AlbertLayout::group_of(int64_t block) const {
  // As Python computes int(i / (num_hidden_layers / num_hidden_groups)).
  const double of_group = static_cast<double>(blocks) / static_cast<double>(groups);
  return std::min(groups - 1, static_cast<int64_t>(static_cast<double>(block) / of_group));
}

std::string AlbertLayout::layer_prefix(int64_t layer) const {
  return fmt::format("{}{}{}{}.", kGroups, group_of(layer / inner), kInner, layer % inner);
}

AlbertLayout read_albert_layout(const Source& s) {
  const Config& c = *s.config;
  AlbertLayout layout;
  const std::string beginning = s.prefix + kGroups;
  layout.groups = count_numbered(s, beginning);
  if (layout.groups == 0)
    fail_model("{}is missing", missing_place(s, beginning + "0" + kInner + "0.*"));
  check_count(s, "num_hidden_groups", c.num_hidden_groups, "groups", layout.groups);
  for (int64_t g = 0; g < layout.groups; ++g) {
    layout.inner = count_numbered(s, fmt::format("{}{}{}", beginning, g, kInner));
    check_count(s, "inner_group_num", c.inner_group_num, "layers of a group", layout.inner);
  }
  if (!c.num_hidden_layers) {
    fail_model(
        "{}: num_hidden_layers is missing, expected a number: ALBERT's layers share weights, so "
        "the "
        "tensors do not tell how many there are",
        c.place);
  }
  layout.blocks = *c.num_hidden_layers;
  if (layout.blocks < layout.groups || layout.layers() > kMaxLayers) {
    fail_model(
        "{}: num_hidden_layers is {}, expected from {} to {} (num_hidden_groups is {}, "
        "inner_group_num "
        "{})",
        c.place, layout.blocks, layout.groups, kMaxLayers / layout.inner, layout.groups,
        layout.inner);
  }
  return layout;
}

std::optional<AlbertLayout> albert_layout_of(const model::Architecture& arch, int64_t inner) {
  const std::vector<int64_t> first = model::shared_layers(arch);
  const auto layers = static_cast<int64_t>(first.size());
  std::vector<int64_t> sizes{inner};
  for (int64_t n = 1; n <= layers; ++n) sizes.push_back(n);
  for (const int64_t n : sizes) {
    if (n < 1 || layers % n != 0) continue;
    AlbertLayout layout{layers / n, 1, n};
    const auto groups = groups_of_blocks(first, n, &layout.groups);
    if (!groups) continue;
    bool right = true;
    for (int64_t b = 0; b < layout.blocks; ++b)
      right = right && (*groups)[static_cast<size_t>(b)] == layout.group_of(b);
    if (right) return layout;
  }
  return std::nullopt;
}

}  // namespace costeff::checkpoint
