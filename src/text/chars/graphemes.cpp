#include "text/chars/graphemes.h"

#include "base/utf8.h"
#include "text/chars/char_class.h"

namespace costeff::text {
namespace {

bool is_control(Break k) { return k == Break::control || k == Break::cr || k == Break::lf; }

// GB6 to GB8: jamo that make one syllable.
bool joins_syllable(Break before, Break after) {
  switch (before) {
    case Break::l:
      return after == Break::l || after == Break::v || after == Break::lv || after == Break::lvt;
    case Break::lv:
    case Break::v:
      return after == Break::v || after == Break::t;
    case Break::lvt:
    case Break::t:
      return after == Break::t;
    default:
      return false;
  }
}

}  // namespace

size_t cluster_end(std::string_view text, size_t at) {
  bool bad = false;
  size_t end = at;
  BreakClass before = break_class(next_code_point(text, &end, &bad));
  // GB11: a pictograph, extenders, a joiner; GB12: an odd number of regional indicators.
  bool pictograph = before.pictograph, joined = false;
  bool odd_regional = before.of == Break::regional;
  while (end < text.size()) {
    size_t next = end;
    const BreakClass after = break_class(next_code_point(text, &next, &bad));
    bool joins = false;
    if (before.of == Break::cr && after.of == Break::lf) {
      joins = true;
    } else if (is_control(before.of) || is_control(after.of)) {
      joins = false;
    } else {
      joins = after.of == Break::extend || after.of == Break::zwj ||
              after.of == Break::spacing_mark || before.of == Break::prepend ||
              joins_syllable(before.of, after.of) || (joined && after.pictograph) ||
              (odd_regional && before.of == Break::regional && after.of == Break::regional);
    }
    if (!joins) break;
    joined = pictograph && after.of == Break::zwj;
    if (after.of != Break::extend && after.of != Break::zwj) pictograph = after.pictograph;
    odd_regional = after.of == Break::regional && !(odd_regional && before.of == Break::regional);
    before = after;
    end = next;
  }
  return end;
}

}  // namespace costeff::text
