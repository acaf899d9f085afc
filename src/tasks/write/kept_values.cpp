#include "tasks/write/kept_values.h"

#include "tasks/lines/row_id.h"

namespace costeff::tasks {

void write_kept_fields(const std::vector<std::string>& names, const std::vector<std::string>& kept,
                       JsonWriter* json) {
  for (size_t i = 0; i < names.size(); ++i) {
    json->key_text(names[i]);
    json->stored(i < kept.size() ? std::string_view(kept[i]) : std::string_view());
  }
}

void append_kept_fields(size_t count, const std::vector<std::string>& kept, char separator,
                        void (*append_field)(std::string_view, std::string*), std::string* out) {
  for (size_t i = 0; i < count; ++i) {
    out->push_back(separator);
    if (i < kept.size()) append_field(plain_id(kept[i]), out);
  }
}

}  // namespace costeff::tasks
