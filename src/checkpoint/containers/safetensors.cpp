#include "checkpoint/containers/safetensors.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "base/files/file_bytes.h"
#include "base/json/json_events.h"
#include "base/utf8.h"
#include "checkpoint/containers/container.h"
#include "checkpoint/containers/weights.h"

namespace costeff::checkpoint {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the safetensors library's own limit

struct Range {
  uint64_t begin, end;  // into the data section
};

// Reads {"NAME": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, "__metadata__": {"k":
// "v"}}.
class HeaderReader {
 public:
  HeaderReader(std::shared_ptr<const std::string> file, std::span<const std::byte> data,
               TensorSet* set)
      : file_(std::move(file)), data_(data), set_(set) {}

  std::vector<Range> ranges;  // of set->tensors

  void on(const JsonEvent& e) {
    switch (state_) {
      case State::start:
        if (e.kind != JsonKind::object_begin) {
          fail_model("{}: header is {}, expected a JSON object", *file_, json_event_text(e));
        }
        state_ = State::header;
        return;
      case State::header:
        if (e.kind == JsonKind::object_end) return;
        begin_entry(*e.text);
        return;
      case State::metadata:
        if (e.kind != JsonKind::object_begin)
          bad_metadata(fmt::format("it is {}", json_event_text(e)));
        state_ = State::metadata_key;
        return;
      case State::metadata_key:
        if (e.kind == JsonKind::object_end) {
          state_ = State::header;
          return;
        }
        field_ = printable(*e.text, 80);
        if (!metadata_keys_.insert(std::move(*e.text)).second) {
          bad_metadata(fmt::format("\"{}\" is given twice", field_));
        }
        state_ = State::metadata_value;
        return;
      case State::metadata_value:
        if (e.kind != JsonKind::string)
          bad_metadata(fmt::format("\"{}\" is {}", field_, json_event_text(e)));
        state_ = State::metadata_key;
        return;
      case State::entry:
        if (e.kind != JsonKind::object_begin) {
          bad(fmt::format("is {}, expected an object with dtype, shape, data_offsets",
                          json_event_text(e)));
        }
        state_ = State::field;
        return;
      case State::field:
        if (e.kind == JsonKind::object_end) {
          end_entry();
          state_ = State::header;
        } else {
          begin_field(*e.text);
        }
        return;
      case State::dtype:
        if (e.kind != JsonKind::string)
          bad(fmt::format("dtype is {}, expected a string", json_event_text(e)));
        if (!dtype_from_name(*e.text, &tensor_.dtype)) {
          bad(fmt::format("dtype {} is unknown", printable(*e.text, 40)));
        }
        state_ = State::field;
        return;
      case State::list:
        if (e.kind != JsonKind::array_begin) {
          bad(fmt::format("{} is {}, expected a list", field_, json_event_text(e)));
        }
        state_ = State::list_item;
        return;
      case State::list_item:
        if (e.kind == JsonKind::array_end) {
          state_ = State::field;
          return;
        }
        if (e.kind != JsonKind::unsigned_int) {
          bad(fmt::format("{} holds {}, expected whole numbers", field_, json_event_text(e)));
        }
        list_item(e.unsigned_int);
        return;
    }
  }

 private:
  enum class State {
    start,
    header,
    metadata,
    metadata_key,
    metadata_value,
    entry,
    field,
    dtype,
    list,
    list_item
  };

  [[noreturn]] void bad(const std::string& what) const {
    throw_model(tensor_place(*file_, tensor_.name) + what);
  }
  [[noreturn]] void bad_metadata(const std::string& what) const {
    fail_model("{}: __metadata__: {}, expected an object of strings", *file_, what);
  }

  void begin_entry(std::string& name) {
    if (name == "__metadata__") {
      if (has_metadata_) bad_metadata("it is given twice");
      has_metadata_ = true;
      state_ = State::metadata;
      return;
    }
    tensor_ = Tensor{};
    tensor_.name = std::move(name);
    tensor_.file = file_;
    offsets_.clear();
    has_dtype_ = has_shape_ = has_offsets_ = false;
    state_ = State::entry;
  }

  void begin_field(const std::string& name) {
    bool* seen = name == "dtype"          ? &has_dtype_
                 : name == "shape"        ? &has_shape_
                 : name == "data_offsets" ? &has_offsets_
                                          : nullptr;
    if (!seen) {
      bad(fmt::format("has a field \"{}\", expected dtype, shape and data_offsets",
                      printable(name, 40)));
    }
    if (*seen) bad(fmt::format("{} is given twice (duplicate field)", name));
    *seen = true;
    field_ = name;
    state_ = name == "dtype" ? State::dtype : State::list;
  }

  void list_item(uint64_t v) {
    if (field_ == "shape") {
      if (v > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        bad(fmt::format("shape holds {}, more than any file has", v));
      }
      if (tensor_.shape.size() == kMaxRank) {
        bad(fmt::format("shape has more than {} dimensions", kMaxRank));
      }
      tensor_.shape.push_back(static_cast<int64_t>(v));
    } else {
      if (offsets_.size() == 2) bad("data_offsets has more than 2 numbers, expected [begin, end]");
      offsets_.push_back(v);
    }
  }

  void end_entry() {
    if (!has_dtype_) bad("has no dtype");
    if (!has_shape_) bad("has no shape");
    if (!has_offsets_) bad("has no data_offsets");
    if (offsets_.size() != 2) {
      bad(fmt::format("data_offsets has {} numbers, expected [begin, end]", offsets_.size()));
    }
    const auto [begin, end] = std::pair(offsets_[0], offsets_[1]);
    // A header may list half a million tensors, so text is made only for a message.
    const auto range = [begin = begin, end = end] {
      return fmt::format("data_offsets [{}, {}]", begin, end);
    };
    if (begin > end) bad(fmt::format("{}: the beginning is after the end", range()));
    if (end > data_.size()) {
      bad(fmt::format("{}, but the file has {} bytes of data (cut short?)", range(), data_.size()));
    }
    int64_t bytes = 0;
    const auto what = [&] {
      return fmt::format("shape {} of {}", shape_text(tensor_.shape), dtype_name(tensor_.dtype));
    };
    if (!tensor_bytes(tensor_.shape, tensor_.dtype, &bytes)) {
      bad(fmt::format("{} is larger than any file, or no whole number of bytes", what()));
    }
    if (static_cast<uint64_t>(bytes) != end - begin) {
      bad(fmt::format("{} takes {} bytes, {} has {}", what(), bytes, range(), end - begin));
    }
    tensor_.data = data_.data() + begin;
    ranges.push_back({begin, end});
    set_->add(std::move(tensor_));
  }

  std::shared_ptr<const std::string> file_;
  std::span<const std::byte> data_;
  TensorSet* set_;
  State state_ = State::start;
  std::string field_;  // that is being read
  Tensor tensor_;      // likewise
  std::vector<uint64_t> offsets_;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false, has_metadata_ = false;
  std::unordered_set<std::string> metadata_keys_;
};

// Every byte of the data section belongs to exactly one tensor.
void check_tiling(const TensorSet& set, const std::vector<Range>& ranges, uint64_t data_size) {
  std::vector<size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(ranges[a].begin, ranges[a].end) < std::pair(ranges[b].begin, ranges[b].end);
  });
  const std::string& file = *set.file;
  uint64_t at = 0;
  const Tensor* before = nullptr;
  for (size_t i : order) {
    const Tensor& t = set.tensors[i];
    if (ranges[i].begin < at) {
      fail_model("{}begins at byte {} of the data and overlaps tensor {}, which ends at {}",
                 tensor_place(file, t.name), ranges[i].begin, printable(before->name, 200), at);
    }
    if (ranges[i].begin > at) {
      fail_model(
          "{}begins at byte {} of the data, expected {}: the bytes between belong to no tensor",
          tensor_place(file, t.name), ranges[i].begin, at);
    }
    at = ranges[i].end;
    before = &t;
  }
  if (at != data_size) {
    fail_model(
        "{}: the tensors end at byte {} of the data, but there are {}: the bytes after it belong "
        "to no tensor",
        file, at, data_size);
  }
}

}  // namespace

TensorSet parse_safetensors(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& file) {
  TensorSet set;
  set.file = std::make_shared<const std::string>(file);
  set.owners.push_back(std::move(owner));

  ByteReader reader(bytes);
  uint64_t header_size = 0;
  std::span<const std::byte> header;
  if (!reader.get(&header_size) || header_size > kMaxHeader || header_size < 2 ||
      !reader.get_bytes(header_size, &header)) {
    if (const std::string foreign = foreign_content(bytes); !foreign.empty()) {
      fail_model("{}: {}, expected a safetensors header", file, foreign);
    }
    if (bytes.size() < 8) {
      fail_model("{}: {} bytes, expected a safetensors header (cut short?)", file, bytes.size());
    }
    fail_model("{}: header length is {}, expected from 2 to {}{}", file, header_size,
               std::min<uint64_t>(kMaxHeader, bytes.size() - 8),
               header_size > kMaxHeader ? "" : " (cut short?)");
  }
  const std::string_view text = as_text(header);
  if (text[0] != '{') {
    fail_model("{}: header begins with \"{}\", expected a JSON object", file,
               printable(text.substr(0, 20)));
  }
  const std::span<const std::byte> data = bytes.subspan(reader.position());
  HeaderReader handler(set.file, data, &set);
  read_json_events(text, file + ": header", ErrorKind::model, handler);
  if (set.tensors.empty()) fail_model("{}: the header lists no tensors", file);
  check_tiling(set, handler.ranges, data.size());
  return set;
}

TensorSet read_safetensors(const std::string& path) {
  const auto file = MappedFile::open(path, ErrorKind::model);
  TensorSet set = parse_safetensors(file->bytes(), file, path);
  set.files.push_back(file);
  return set;
}

}  // namespace costeff::checkpoint
