#include "tasks/write/json_writer.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "tasks/lines/row_id.h"

namespace costeff::tasks {

void JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  out_->append(nlohmann::json(number).dump());
}

void JsonWriter::break_line() {
  out_->push_back('\n');
  out_->append(static_cast<size_t>(depth_ * indent_), ' ');
}

void JsonWriter::stored(std::string_view stored) {
  if (is_text_id(stored)) {
    value(plain_id(stored));
  } else {
    raw(stored.empty() ? "null" : stored);
  }
}

}  // namespace costeff::tasks
