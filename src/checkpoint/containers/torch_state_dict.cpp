#include "checkpoint/containers/torch_state_dict.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/utf8.h"
#include "checkpoint/containers/container.h"
#include "checkpoint/containers/torch_nested.h"

namespace costeff::checkpoint {
namespace {

constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils._rebuild_parameter";

constexpr std::array<std::string_view, 13> kGlobals{
    kOrderedDict,        kRebuildTensor,          kRebuildParameter,     "torch.FloatStorage",
    "torch.HalfStorage", "torch.BFloat16Storage", "torch.DoubleStorage", "torch.LongStorage",
    "torch.IntStorage",  "torch.ShortStorage",    "torch.CharStorage",   "torch.ByteStorage",
    "torch.BoolStorage"};
constexpr size_t kFirstStorage = 3;
constexpr std::array<DType, 10> kStorageTypes{DType::f32, DType::f16,    DType::bf16, DType::f64,
                                              DType::i64, DType::i32,    DType::i16,  DType::i8,
                                              DType::u8,  DType::boolean};
static_assert(kFirstStorage + kStorageTypes.size() == kGlobals.size());

constexpr int64_t kMaxCopied = int64_t{4} << 30;
constexpr int kMaxWrappers = 8;  // parameters in parameters
constexpr size_t kMaxNamed = 3;  // entries that a note names

// The arguments of _rebuild_tensor_v2, not yet checked against the bytes of the storage.
struct View {
  StorageRef storage;
  int64_t offset = 0;                  // elements
  std::vector<int64_t> shape, stride;  // elements
};

bool is_call(const Pickle& p, const PickleValue& v, std::string_view global) {
  return v.kind == PickleKind::call &&
         p.globals[p.calls[static_cast<size_t>(v.at)].global] == global;
}

std::vector<int64_t> sizes(const Pickle& p, const PickleValue& v, const char* what,
                           const std::string& place) {
  if (v.kind != PickleKind::tuple) {
    fail_model("{}{} is {}, expected a tuple of integers", place, what, p.describe(v));
  }
  if (v.count > kMaxRank) {
    fail_model("{}{} has {} items, expected at most {}", place, what, v.count, kMaxRank);
  }
  std::vector<int64_t> out;
  for (const PickleValue& item : p.tuple(v)) {
    if (item.kind != PickleKind::integer || item.at < 0) {
      fail_model("{}{} holds {}, expected integers from 0", place, what, p.describe(item));
    }
    out.push_back(item.at);
  }
  return out;
}

View read_view(const Pickle& p, const PickleValue& tensor, const std::string& place) {
  PickleValue v = tensor;
  for (int i = 0; is_call(p, v, kRebuildParameter); ++i) {
    const PickleValue arguments = p.calls[static_cast<size_t>(v.at)].arguments;
    if (i == kMaxWrappers || arguments.count == 0) {
      fail_model("{}_rebuild_parameter is called without a tensor", place);
    }
    v = p.tuple(arguments)[0];
  }
  if (!is_call(p, v, kRebuildTensor)) {
    fail_model("{}is {}, expected a tensor", place, p.describe(v));
  }
  const auto arguments = p.tuple(p.calls[static_cast<size_t>(v.at)].arguments);
  if (arguments.size() < 4) {
    fail_model(
        "{}_rebuild_tensor_v2 is called with {} arguments, expected storage, offset, size, stride "
        "and two more",
        place, arguments.size());
  }
  View view;
  view.storage = storage_ref(p, arguments[0], place);
  if (arguments[1].kind != PickleKind::integer || arguments[1].at < 0) {
    fail_model("{}the offset in its storage is {}, expected an integer from 0", place,
               p.describe(arguments[1]));
  }
  view.offset = arguments[1].at;
  view.shape = sizes(p, arguments[2], "shape", place);
  view.stride = sizes(p, arguments[3], "stride", place);
  if (view.shape.size() != view.stride.size()) {
    fail_model("{}shape {} with strides {}, expected one for each dimension", place,
               shape_text(view.shape), shape_text(view.stride));
  }
  return view;
}

// Throws unless the last element of the view is in the storage. Not for views without elements.
void check_inside(const View& view, const std::string& place) {
  int64_t last = view.offset;
  bool inside = true;
  for (size_t i = 0; i < view.shape.size() && inside; ++i) {
    int64_t step = 0;
    inside = !__builtin_mul_overflow(view.shape[i] - 1, view.stride[i], &step) &&
             !__builtin_add_overflow(last, step, &last);
  }
  if (inside && last < view.storage.numel) return;
  fail_model("{}shape {}, strides {} from {} on reach outside its storage of {} numbers", place,
             shape_text(view.shape), shape_text(view.stride), view.offset, view.storage.numel);
}

bool is_contiguous(const View& view) {
  int64_t expected = 1;
  for (size_t i = view.shape.size(); i-- > 0;) {
    if (view.shape[i] == 1) continue;  // its stride is never used
    if (view.stride[i] != expected) return false;
    expected *= view.shape[i];
  }
  return true;
}

// Copies the elements in row-major order. from: the element at offset. count: of elements, > 0.
void copy_strided(const View& view, const std::byte* from, int64_t element, int64_t count,
                  std::byte* to) {
  std::vector<int64_t> shape, stride;  // dimensions of 1 left out
  for (size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] == 1) continue;
    shape.push_back(view.shape[i]);
    stride.push_back(view.stride[i]);
  }
  std::vector<int64_t> index(shape.size(), 0);
  int64_t at = 0;
  for (int64_t n = 0; n < count; ++n) {
    std::memcpy(to + n * element, from + at * element, static_cast<size_t>(element));
    for (size_t d = shape.size(); d-- > 0;) {
      at += stride[d];
      if (++index[d] < shape[d]) break;
      at -= stride[d] * shape[d];
      index[d] = 0;
    }
  }
}

std::string entry_text(const Pickle& p, const std::pair<PickleValue, PickleValue>& entry) {
  const std::string key = entry.first.kind == PickleKind::string
                              ? printable(p.text(entry.first), 100)
                              : p.describe(entry.first);
  return fmt::format("{} ({})", key, p.describe(entry.second));
}

}  // namespace

std::span<const std::string_view> torch_globals() { return kGlobals; }

bool is_torch_tensor(const Pickle& p, const PickleValue& value) {
  return is_call(p, value, kRebuildTensor) || is_call(p, value, kRebuildParameter);
}

StorageRef storage_ref(const Pickle& p, const PickleValue& storage, const std::string& place) {
  if (storage.kind != PickleKind::persistent) {
    fail_model("{}its storage is {}, expected a persistent id", place, p.describe(storage));
  }
  const PickleValue& id = p.persistents[static_cast<size_t>(storage.at)];
  const std::string expected =
      ", expected ('storage', torch.XStorage, key, location, number of elements)";
  if (id.kind != PickleKind::tuple) {
    fail_model("{}its storage has the persistent id {}{}", place, p.describe(id), expected);
  }
  const auto items = p.tuple(id);
  if (items.size() != 5 && items.size() != 6) {
    fail_model("{}its storage has a persistent id of {} items{}", place, items.size(), expected);
  }
  if (items[0].kind != PickleKind::string || p.text(items[0]) != "storage" ||
      items[1].kind != PickleKind::global || static_cast<size_t>(items[1].at) < kFirstStorage ||
      items[2].kind != PickleKind::string || items[4].kind != PickleKind::integer ||
      items[4].at < 0) {
    fail_model("{}its storage has the persistent id ({}, {}, {}, ..., {}){}", place,
               p.describe(items[0]), p.describe(items[1]), p.describe(items[2]),
               p.describe(items[4]), expected);
  }
  if (items.size() == 6 && items[5].kind != PickleKind::none) {
    fail_model("{}its storage is a view of another one ({}), expected None", place,
               p.describe(items[5]));
  }
  return {p.text(items[2]), kStorageTypes[static_cast<size_t>(items[1].at) - kFirstStorage],
          items[4].at};
}

std::unordered_set<std::string_view> add_state_dict(const Pickle& p, const TorchStorages& storages,
                                                    uint64_t file_size, TensorSet* set) {
  const std::string& file = *set->file;
  const StateDict state = find_state_dict(p, file);
  if (!state.key.empty()) {
    set->notes.push_back(fmt::format(
        "{}: the state dict is its entry {}{}", file, state.key,
        state.others == 0   ? ""
        : state.others == 1 ? "; the other entry is ignored"
                            : fmt::format("; {} other entries are ignored", state.others)));
  }
  int64_t may_copy = kMaxCopied;
  if (file_size < static_cast<uint64_t>(kMaxCopied) / 4) {
    may_copy = std::min(kMaxCopied, static_cast<int64_t>(4 * file_size + (1u << 20)));
  }
  std::unordered_set<std::string_view> used;
  size_t others = 0;
  std::string other_names;
  for (const auto& entry : p.dicts[static_cast<size_t>(state.dict.at)]) {
    const auto& [key, value] = entry;
    if (!is_torch_tensor(p, value) || key.kind != PickleKind::string) {
      if (++others <= kMaxNamed) {
        other_names += (others == 1 ? "" : ", ") + entry_text(p, entry);
      }
      continue;
    }
    const std::string place = tensor_place(file, p.text(key));
    const View view = read_view(p, value, place);
    const StorageRef& storage = view.storage;

    const auto found = storages.by_key.find(storage.key);
    const std::string storage_name = storages.prefix + printable(storage.key, 100);
    if (found == storages.by_key.end()) {
      fail_model("{}its storage {} is not in the file", place, storage_name);
    }
    int64_t storage_bytes = 0;
    if (!tensor_bytes({storage.numel}, storage.dtype, &storage_bytes) ||
        static_cast<uint64_t>(storage_bytes) != found->second.size()) {
      fail_model("{}its storage {} has {} bytes, expected {} numbers of {}", place, storage_name,
                 found->second.size(), storage.numel, dtype_name(storage.dtype));
    }

    Tensor t{.name = std::string(p.text(key)),
             .dtype = storage.dtype,
             .shape = view.shape,
             .data = found->second.data(),
             .file = set->file};
    int64_t bytes = 0;
    if (!tensor_bytes(view.shape, storage.dtype, &bytes)) {
      fail_model("{}shape {} is larger than any file", place, shape_text(view.shape));
    }
    if (bytes > 0) {
      check_inside(view, place);
      const int64_t element = dtype_size(storage.dtype);
      const std::byte* from = found->second.data() + view.offset * element;
      if (is_contiguous(view)) {
        t.data = from;
      } else if (bytes > may_copy) {
        fail_model(
            "{}shape {} with strides {} would take {} bytes in memory, out of a storage of {} "
            "bytes",
            place, shape_text(view.shape), shape_text(view.stride), bytes, found->second.size());
      } else {
        may_copy -= bytes;
        std::shared_ptr<std::byte[]> copy(new std::byte[static_cast<size_t>(bytes)]);
        copy_strided(view, from, element, bytes / element, copy.get());
        t.data = copy.get();
        set->owners.push_back(std::move(copy));
      }
    }
    used.insert(storage.key);
    set->add(std::move(t));
  }
  const std::string listed = other_names + (others > kMaxNamed ? ", ..." : "");
  if (set->tensors.empty()) {
    fail_model("{}: a dict without tensors, expected a state dict; it holds {}", file,
               others == 0 ? "nothing" : listed);
  }
  if (others > 0) {
    set->notes.push_back(fmt::format("{}: ignored {}{}{}", file, others,
                                     others == 1 ? " entry that is not a named tensor: "
                                                 : " entries that are not named tensors: ",
                                     listed));
  }
  return used;
}

}  // namespace costeff::checkpoint
