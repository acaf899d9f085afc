#include "checkpoint/pruning_masks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr std::string_view kOrig = "_orig", kMask = "_mask";

// The names of what was pruned: "...query.weight" for "...query.weight_orig".
std::vector<std::string> pruned_names(const Source& s) {
  std::vector<std::string> names;
  for (const auto& [name, i] : s.by_name) {
    if (name.ends_with(".weight_orig") || name.ends_with(".bias_orig")) {
      names.push_back(name.substr(0, name.size() - kOrig.size()));
    }
  }
  return names;
}

// The limit for products: storages may be shared, so a small file could ask for any amount of memory.
int64_t bytes_of_files(const TensorSet& set) {
  if (set.files.empty()) return INT64_MAX;  // made in memory, not read
  int64_t sum = 0;
  for (const auto& file : set.files) sum += static_cast<int64_t>(file->bytes().size());
  return sum;
}

// orig, with 0 where the mask is 0. Values that are not finite stay, as in torch (NaN * 0), so that
// they are found later.
std::shared_ptr<std::byte[]> masked(const Tensor& orig, const Tensor& mask) {
  const int64_t element = dtype_size(orig.dtype), count = orig.numel();
  std::shared_ptr<std::byte[]> out(new std::byte[static_cast<size_t>(orig.bytes())]);
  std::memcpy(out.get(), orig.data, static_cast<size_t>(orig.bytes()));
  std::array<float, 4096> values, keep;
  for (int64_t begin = 0; begin < count; begin += static_cast<int64_t>(keep.size())) {
    const int64_t n = std::min<int64_t>(static_cast<int64_t>(keep.size()), count - begin);
    to_float32(orig, begin, n, values.data());
    to_float32(mask, begin, n, keep.data());
    for (int64_t i = 0; i < n; ++i) {
      const float k = keep[static_cast<size_t>(i)];
      if (k == 1) continue;
      if (k != 0) {
        fail_model("{}holds {}, expected a mask of 0 and 1", tensor_place(mask), k);
      }
      if (std::isfinite(values[static_cast<size_t>(i)])) {
        std::memset(out.get() + (begin + i) * element, 0, static_cast<size_t>(element));
      }
    }
  }
  return out;
}

}  // namespace

void multiply_masks(Source& s) {
  const std::vector<std::string> names = pruned_names(s);
  int64_t may_own = bytes_of_files(*s.set);
  for (const std::string& name : names) {
    const size_t at = s.by_name.find(name + std::string(kOrig))->second;
    const Tensor orig = s.set->tensors[at];
    if (const Tensor* whole = find(s, name)) {
      fail_model("{}beside {}, expected one of them: are the weights pruned or not?",
                 tensor_place(orig), printable(whole->name, 200));
    }
    const auto found = s.by_name.find(name + std::string(kMask));
    if (found == s.by_name.end()) {
      fail_model(
          "{}without {}_mask beside it, expected both, as torch.nn.utils.prune writes them; or "
          "make it permanent before saving (prune.remove, remove_spectral_norm)",
          tensor_place(orig), name.substr(name.rfind('.') + 1));
    }
    const Tensor mask = s.set->tensors[found->second];
    for (const Tensor* t : {&orig, &mask}) {
      if (is_weight_dtype(t->dtype)) continue;
      fail_model("{}dtype {}, expected F32, F16, BF16 or F64", tensor_place(*t),
                 dtype_name(t->dtype));
    }
    if (orig.shape != mask.shape) {
      fail_model("{}shape {}, expected {} as {}", tensor_place(mask), shape_text(mask.shape),
                 shape_text(orig.shape), printable(orig.name, 200));
    }
    if (orig.bytes() > may_own) {
      fail_model("{}with the others that have masks, larger than the file", tensor_place(orig));
    }
    may_own -= orig.bytes();
    std::shared_ptr<std::byte[]> bytes = masked(orig, mask);
    Tensor product = orig;
    product.name.resize(product.name.size() - kOrig.size());
    product.data = bytes.get();
    s.set->owners.push_back(std::move(bytes));
    s.set->add(std::move(product));
    s.by_name.emplace(name, s.set->tensors.size() - 1);
    s.used[at] = s.used[found->second] = true;
    s.used.push_back(false);
    s.expected_unused.push_back(false);
  }
  if (names.empty()) return;
  s.notes.push_back(fmt::format("{}: {}{}", *s.set->file, names.size(),
                                names.size() == 1
                                    ? " weight is its weight_orig times weight_mask"
                                    : " weights are their weight_orig times weight_mask"));
}

}  // namespace costeff::checkpoint
