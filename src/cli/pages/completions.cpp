#include "cli/pages/completions.h"

namespace costeff::cli {

std::string short_text(std::string_view text) {
  constexpr size_t kBytes = 70;
  for (const std::string_view end : {". ", "; ", ": "}) text = text.substr(0, text.find(end));
  if (text.size() > kBytes) text = text.substr(0, text.rfind(' ', kBytes));
  while (!text.empty() && (text.back() == ',' || text.back() == '.')) text.remove_suffix(1);
  return std::string(text);
}

std::string with_blanks(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace costeff::cli
