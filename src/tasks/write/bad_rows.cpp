#include "tasks/write/bad_rows.h"

#include "tasks/lines/delimited.h"
#include "tasks/write/json_writer.h"

namespace costeff::tasks {
namespace {

constexpr size_t kBufferBytes = 1u << 16;

// The error without the place at its beginning.
std::string_view reason_of(std::string_view error, std::string_view place) {
  if (!place.empty() && error.starts_with(place) && error.substr(place.size()).starts_with(": ")) {
    error.remove_prefix(place.size() + 2);
  }
  return error;
}

}  // namespace

BadRows::BadRows(const std::string& path, const std::atomic<bool>* stop) {
  if (!path.empty()) file_.emplace(path, stop);
}

WriteStatus BadRows::add(const Example& row, const std::string& error) {
  return add({place_text(row.source, row.line), row.source, error, row.raw, row.line});
}

WriteStatus BadRows::add(const QaExample& row, const std::string& error) {
  return add({row.place, row.source.empty() ? row.place : row.source, error, row.raw, row.line});
}

WriteStatus BadRows::add(const Row& row) {
  if (count_ == 0) first_ = row.error;
  ++count_;
  if (!file_) return WriteStatus::ok;
  JsonWriter json(&text_);
  json.begin_object();
  json.field("source", row.source);
  json.key("line");
  row.line > 0 ? json.value(row.line) : json.null();
  json.field("reason", reason_of(row.error, row.place));
  json.field("text", row.text);
  json.end_object();
  text_ += '\n';
  return text_.size() < kBufferBytes ? WriteStatus::ok : flush();
}

WriteStatus BadRows::flush() {
  const WriteStatus status = file_->write(text_);
  text_.clear();
  return status;
}

WriteStatus BadRows::commit() {
  if (!file_) return WriteStatus::ok;
  const WriteStatus status = flush();
  if (status == WriteStatus::ok) file_->commit();
  return status;
}

}  // namespace costeff::tasks
