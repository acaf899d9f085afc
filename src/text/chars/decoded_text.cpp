#include "text/chars/decoded_text.h"

#include <cstdint>
#include <cstring>

#include "base/utf8.h"

namespace costeff::text {

bool is_utf8_fast(std::string_view text) {
  bool bad = false;
  for (size_t at = 0; at < text.size() && !bad;) {
    while (text.size() - at >= 8) {
      uint64_t word;
      std::memcpy(&word, text.data() + at, 8);
      if (word & 0x8080808080808080u) break;
      at += 8;
    }
    if (at == text.size()) break;
    next_code_point(text, &at, &bad);
  }
  return !bad;
}

void decode_bad_utf8(std::string_view text, std::string* out, std::vector<Span>* source) {
  out->clear();
  if (source) source->clear();
  bool bad = false;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    append_utf8(next_code_point(text, &at, &bad), out);
    if (source)
      source->resize(out->size(), {static_cast<int32_t>(start), static_cast<int32_t>(at)});
  }
}

void map_spans(const std::vector<Span>& source, size_t first, std::vector<Span>* spans) {
  for (size_t i = first; i < spans->size(); ++i) {
    Span& s = (*spans)[i];
    // An empty span stays at its place.
    if (s.begin >= s.end) {
      const size_t at = static_cast<size_t>(s.begin);
      s.begin = s.end = at < source.size() ? source[at].begin
                        : source.empty()   ? 0
                                           : source.back().end;
    } else {
      s = {source[static_cast<size_t>(s.begin)].begin, source[static_cast<size_t>(s.end) - 1].end};
    }
  }
}

}  // namespace costeff::text
