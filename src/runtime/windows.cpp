#include "runtime/windows.h"

#include <algorithm>

namespace costeff::runtime {

Windows cut_windows(int64_t context, int64_t width, int64_t stride) {
  Windows w{1, width, width - stride};
  if (context > width) w.count = 1 + (context - width + w.step - 1) / w.step;
  return w;
}

int64_t WindowedText::begin(int64_t window) const {
  return from_end ? std::max<int64_t>(end(window) - windows.width, 0) : window * windows.step;
}

int64_t WindowedText::end(int64_t window) const {
  if (from_end) return context - window * windows.step;
  return std::min(begin(window) + windows.width, context);
}

void fill_window(const WindowedText& e, int64_t window, Example* row) {
  const auto copy = [&](const std::vector<int32_t>& from, std::vector<int32_t>* to) {
    const auto context = from.begin() + e.head;
    to->assign(from.begin(), context);
    to->insert(to->end(), context + e.begin(window), context + e.end(window));
    to->insert(to->end(), context + e.context, from.end());
  };
  copy(e.whole.ids, &row->input_ids);
  copy(e.whole.type_ids, &row->token_type_ids);
  row->has_ids = true;
  row->error.clear();
}

}  // namespace costeff::runtime
