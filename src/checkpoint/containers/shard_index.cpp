#include "checkpoint/containers/shard_index.h"

#include <unordered_set>
#include <utility>

#include "base/fail.h"
#include "base/json/json_events.h"
#include "base/utf8.h"

namespace costeff::checkpoint {
namespace {

constexpr size_t kMaxShards = 99'999;  // what "model-00001-of-99999" can count

// Whether the name stays in the directory. Links there are the user's own and are followed, but the
// name comes from the checkpoint.
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

class IndexReader {
 public:
  IndexReader(const std::string& file, ShardIndex* out) : file_(file), out_(out) {}

  void on(const JsonEvent& e) {
    switch (state_) {
      case State::start:
        if (e.kind != JsonKind::object_begin) {
          fail_model("{}: is {}, expected a JSON object", file_, json_event_text(e));
        }
        state_ = State::top;
        return;
      case State::top:
        if (e.kind == JsonKind::object_end) {
          if (!keys_.contains("weight_map")) fail_model("{}: has no weight_map", file_);
          return;
        }
        state_ = *e.text == "weight_map" ? State::map : State::other;
        if (!keys_.insert(*e.text).second) {
          fail_model("{}: \"{}\" is given twice (duplicate key)", file_, printable(*e.text, 80));
        }
        return;
      case State::other:
        skip(e);
        return;
      case State::map:
        if (e.kind != JsonKind::object_begin) {
          fail_model("{}: weight_map is {}, expected an object that maps tensors to files", file_,
                     json_event_text(e));
        }
        state_ = State::tensor;
        return;
      case State::tensor:
        if (e.kind == JsonKind::object_end) {
          state_ = State::top;
          return;
        }
        tensor_ = std::move(*e.text);
        state_ = State::shard;
        return;
      case State::shard:
        if (e.kind != JsonKind::string) bad(fmt::format("is in {}", json_event_text(e)));
        add(*e.text);
        state_ = State::tensor;
        return;
    }
  }

 private:
  enum class State { start, top, other, map, tensor, shard };

  [[noreturn]] void bad(const std::string& what) const {
    fail_model("{}: weight_map: tensor {} {}, expected the name of a file in the same directory",
               file_, printable(tensor_, 200), what);
  }

  // A value under a key that does not matter ("metadata").
  void skip(const JsonEvent& e) {
    const bool begins = e.kind == JsonKind::object_begin || e.kind == JsonKind::array_begin;
    if (e.depth == 1 && !begins) state_ = State::top;
  }

  void add(std::string& shard) {
    if (!is_plain_file_name(shard)) bad(fmt::format("is in \"{}\"", printable(shard, 200)));
    const auto [it, fresh] = shard_ids_.emplace(std::move(shard), out_->shards.size());
    if (fresh) {
      if (out_->shards.size() == kMaxShards) {
        fail_model("{}: weight_map names more than {} files", file_, kMaxShards);
      }
      out_->shards.push_back(it->first);
    }
    const auto [place, first] = out_->shard_of.emplace(std::move(tensor_), it->second);
    if (!first) {
      fail_model("{}: weight_map: tensor {} is given twice (duplicate key)", file_,
                 printable(place->first, 200));
    }
  }

  const std::string& file_;
  ShardIndex* out_;
  State state_ = State::start;
  std::string tensor_;
  std::unordered_set<std::string> keys_;  // of the top object
  std::unordered_map<std::string, size_t> shard_ids_;
};

}  // namespace

ShardIndex parse_shard_index(std::string_view text, const std::string& file) {
  ShardIndex index;
  IndexReader handler(file, &index);
  read_json_events(text, file, ErrorKind::model, handler);
  if (index.shards.empty())
    fail_model("{}: weight_map is empty, expected at least one tensor", file);
  return index;
}

}  // namespace costeff::checkpoint
