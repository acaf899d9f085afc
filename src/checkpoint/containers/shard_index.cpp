#include "checkpoint/containers/shard_index.h"

#include <costeff/error.h>

#include <unordered_set>
#include <utility>

#include "base/utf8.h"
#include "checkpoint/containers/json_events.h"

namespace costeff::checkpoint {
namespace {

constexpr size_t kMaxShards = 99'999;  // what "model-00001-of-99999" can count
constexpr int kMaxDepth = 64;

// A name that stays in the directory. The user's own links are followed; this is the checkpoint's
// text.
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
          throw_model(file_ + ": is " + json_event_text(e) + ", expected a JSON object");
        }
        state_ = State::top;
        return;
      case State::top:
        if (e.kind == JsonKind::object_end) {
          if (!keys_.contains("weight_map")) throw_model(file_ + ": has no weight_map");
          return;
        }
        state_ = *e.text == "weight_map" ? State::map : State::other;
        if (!keys_.insert(*e.text).second) {
          throw_model(file_ + ": \"" + printable(*e.text, 80) +
                      "\" is given twice (duplicate key)");
        }
        return;
      case State::other:
        skip(e);
        return;
      case State::map:
        if (e.kind != JsonKind::object_begin) {
          throw_model(file_ + ": weight_map is " + json_event_text(e) +
                      ", expected an object that maps tensors to files");
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
        if (e.kind != JsonKind::string) bad("is in " + json_event_text(e));
        add(*e.text);
        state_ = State::tensor;
        return;
    }
  }

 private:
  enum class State { start, top, other, map, tensor, shard };

  [[noreturn]] void bad(const std::string& what) const {
    throw_model(file_ + ": weight_map: tensor " + printable(tensor_, 200) + " " + what +
                ", expected the name of a file in the same directory");
  }

  // A value under a key that does not matter ("metadata").
  void skip(const JsonEvent& e) {
    if (e.kind == JsonKind::object_begin || e.kind == JsonKind::array_begin) {
      if (++depth_ > kMaxDepth) {
        throw_model(file_ + ": JSON nested deeper than " + std::to_string(kMaxDepth) + " levels");
      }
    } else if (e.kind == JsonKind::object_end || e.kind == JsonKind::array_end) {
      --depth_;
    }
    if (depth_ == 0 && e.kind != JsonKind::key) state_ = State::top;
  }

  void add(std::string& shard) {
    if (!is_plain_file_name(shard)) bad("is in \"" + printable(shard, 200) + "\"");
    const auto [it, fresh] = shard_ids_.emplace(std::move(shard), out_->shards.size());
    if (fresh) {
      if (out_->shards.size() == kMaxShards) {
        throw_model(file_ + ": weight_map names more than " + std::to_string(kMaxShards) +
                    " files");
      }
      out_->shards.push_back(it->first);
    }
    const auto [place, first] = out_->shard_of.emplace(std::move(tensor_), it->second);
    if (!first) {
      throw_model(file_ + ": weight_map: tensor " + printable(place->first, 200) +
                  " is given twice (duplicate key)");
    }
  }

  const std::string& file_;
  ShardIndex* out_;
  State state_ = State::start;
  int depth_ = 0;  // inside a skipped value
  std::string tensor_;
  std::unordered_set<std::string> keys_;  // of the top object
  std::unordered_map<std::string, size_t> shard_ids_;
};

}  // namespace

ShardIndex parse_shard_index(std::string_view text, const std::string& file) {
  ShardIndex index;
  IndexReader handler(file, &index);
  read_json_events(text, file + ": ", handler);
  if (index.shards.empty())
    throw_model(file + ": weight_map is empty, expected at least one tensor");
  return index;
}

}  // namespace costeff::checkpoint
