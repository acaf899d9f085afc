#include "text/pipeline/unicode_form.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/chars/char_class.h"
#include "text/chars/char_tables.h"

namespace costeff::text {
namespace {

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<uint8_t>(c) >= 0x80; });
}

// Composes code points in canonical order (UAX 15). It holds the last starter back until it is
// known what joins it, and after it the marks that did not.
class Composer {
 public:
  Composer(Rewrite* out, std::vector<FormChar>* blocked) : out_(out), blocked_(blocked) {
    blocked_->clear();
  }
  void put(const FormChar& x) {
    if (!has_starter_) {
      if (x.combining != 0) return out_->put(x.c, x.change);
      begin(x);
      return;
    }
    // A mark joins if no mark between has its class or a higher one; a starter only right after.
    const bool reaches = blocked_->empty() || blocked_->back().combining < x.combining;
    if (reaches) {
      if (const uint32_t joined = compose(starter_.c, x.c); joined != 0) {
        starter_.c = joined;
        starter_.change += x.change - 1;
        return;
      }
    }
    if (x.combining != 0) {
      blocked_->push_back(x);
      return;
    }
    flush();
    begin(x);
  }
  void flush() {
    if (has_starter_) out_->put(starter_.c, starter_.change);
    for (const FormChar& x : *blocked_) out_->put(x.c, x.change);
    blocked_->clear();
    has_starter_ = false;
  }

 private:
  void begin(const FormChar& x) {
    starter_ = x;
    has_starter_ = true;
  }
  Rewrite* out_;
  std::vector<FormChar>* blocked_;
  FormChar starter_{};
  bool has_starter_ = false;
};

// Sorts marks by combining class; equal ones stay in order. There are nearly always one or two.
void sort_marks(std::vector<FormChar>* marks) {
  const auto less = [](const FormChar& a, const FormChar& b) { return a.combining < b.combining; };
  if (marks->size() > 32) {
    std::stable_sort(marks->begin(), marks->end(), less);
    return;
  }
  for (auto it = marks->begin(); it != marks->end(); ++it) {
    std::rotate(std::upper_bound(marks->begin(), it, *it, less), it, it + 1);
  }
}

}  // namespace

void to_form(UnicodeForm form, AlignedText* text, AlignedText* spare, FormScratch* scratch) {
  if (is_ascii(text->text)) return;
  const bool composes = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  const bool compatible = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  Rewrite out(text, spare);
  Composer composer(&out, &scratch->blocked);
  std::vector<FormChar>& pending = scratch->pending;
  pending.clear();
  const auto flush = [&] {
    sort_marks(&pending);
    for (const FormChar& x : pending) {
      if (composes) {
        composer.put(x);
      } else {
        out.put(x.c, x.change);
      }
    }
    pending.clear();
  };
  const auto put = [&](uint32_t c, bool first) {
    const FormChar x{c, first ? 0 : 1, combining_class(c)};
    if (x.combining == 0) flush();
    pending.push_back(x);
    if (x.combining == 0) flush();
  };
  bool bad = false;
  for (size_t at = 0; at < text->text.size();) {
    const uint32_t c = next_code_point(text->text, &at, &bad);
    if (c >= kHangulFirst && c <= kHangulLast) {
      uint32_t jamo[3];
      const uint32_t n = split_hangul(c, jamo);
      for (uint32_t i = 0; i < n; ++i) put(jamo[i], i == 0);
      continue;
    }
    const Decomposed d = decompose(c, compatible);
    if (d.length == 0) put(c, true);
    for (uint32_t i = 0; i < d.length; ++i) put(d.code_points[i], i == 0);
  }
  flush();
  if (composes) composer.flush();
  out.finish();
}

}  // namespace costeff::text
