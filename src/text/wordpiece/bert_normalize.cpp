#include "text/wordpiece/bert_normalize.h"

#include "base/utf8.h"

namespace costeff::text {

void bert_normalize(std::string_view text, const BertOptions& options, std::string* out,
                    std::vector<Span>* source) {
  struct Sink {
    std::string* out;
    void gap() { out->push_back(' '); }
    void add(uint32_t c) { append_utf8(c, out); }
  };
  out->clear();
  if (source) source->clear();
  bool bad = false;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    bert_normalize(next_code_point(text, &at, &bad), options, Sink{out});
    if (source)
      source->resize(out->size(), {static_cast<int32_t>(start), static_cast<int32_t>(at)});
  }
}

}  // namespace costeff::text
