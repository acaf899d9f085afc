#include "tasks/write/kept_values.h"

#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {

void append_kept_json(const std::vector<std::string>& names, const std::vector<std::string>& kept,
                      std::string* out) {
  for (size_t i = 0; i < names.size(); ++i) {
    out->push_back(',');
    append_json_string(names[i], out);
    out->push_back(':');
    append_stored_json(i < kept.size() ? std::string_view(kept[i]) : std::string_view(), out);
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
