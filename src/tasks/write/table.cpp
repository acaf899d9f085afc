#include "tasks/write/table.h"

#include <algorithm>

#include "base/format.h"
#include "tasks/lines/label_list.h"
#include "tasks/lines/row_id.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr int64_t kIdWidth = 7, kNumberWidth = 7, kExitWidth = 5, kGap = 2;
constexpr int64_t kMinKeptWidth = 8, kMaxKeptWidth = 16;
constexpr int64_t kMaxLabelWidth = 20;  // longer names are cut
constexpr int64_t kMinTextWidth = 8;    // with less room the text is left out
constexpr size_t kTextLimit = 1024;     // bytes of a text: more than any line shows

void append_gap(std::string* out) { out->append(kGap, ' '); }

// The width of the columns between the id and the exit.
int64_t answer_width(const OutputOptions& options, int64_t* label_width) {
  if (is_regression(options)) return kNumberWidth + kGap;
  *label_width = 5;  // "label"
  if (is_multi_label(options)) *label_width = kMaxLabelWidth;
  for (const std::string& label : options.labels) {
    *label_width = std::max<int64_t>(*label_width, static_cast<int64_t>(label.size()));
  }
  *label_width = std::min(*label_width, kMaxLabelWidth);
  return *label_width + 2 * kNumberWidth + 3 * kGap;
}

// The width of a kept column, by its name; values are cut.
int64_t kept_width(const std::string& name) {
  return std::clamp(static_cast<int64_t>(name.size()), kMinKeptWidth, kMaxKeptWidth);
}

// What is left of the line after the exit's column and its gap.
int64_t width_left(const OutputOptions& options, int64_t answer) {
  return options.table_width - (kIdWidth + kGap + answer + kExitWidth + kGap);
}

// Appends the kept columns that fit; cell(i) is the text of column i. Returns the room that is left
// for the text, or 0.
template <typename Cell>
int64_t append_kept_cells(const OutputOptions& options, int64_t left, Cell cell, std::string* out) {
  for (size_t i = 0; i < options.kept.size(); ++i) {
    const int64_t width = kept_width(options.kept[i]);
    if (width > left) return 0;
    append_gap(out);
    append_cell(cell(i), width, Align::left, true, out);
    left -= width + kGap;
  }
  return left < kMinTextWidth ? 0 : left;
}

void append_number_cell(float value, std::string* out) {
  const size_t begin = out->size();
  append_fixed(value, 3, out);
  const auto length = static_cast<int64_t>(out->size() - begin);
  if (length < kNumberWidth) out->insert(begin, static_cast<size_t>(kNumberWidth - length), ' ');
}

// The text, cut. The two texts of a pair share the room.
void append_text(const Example& row, int64_t width, std::string* out) {
  const auto head = [](std::string_view text) { return text.substr(0, kTextLimit); };
  if (row.has_ids) {
    append_cell(fmt::format("[{} ids]", row.input_ids.size()), width, Align::left, false, out);
  } else if (!row.text_b) {
    append_cell(head(row.text_a), width, Align::left, false, out);
  } else {
    const int64_t half = (width - 3) / 2;
    append_cell(head(row.text_a), half, Align::left, false, out);
    out->append(" | ");
    append_cell(head(*row.text_b), half, Align::left, false, out);
  }
}

std::string answer_text(const Result& result, const OutputOptions& options) {
  std::string text;
  if (is_multi_label(options)) {
    append_label_list(options.labels, result.labels, &text);
  } else if (result.label >= 0 && result.label < static_cast<int64_t>(options.labels.size())) {
    text = options.labels[result.label];
  }
  return text;
}

}  // namespace

void append_table_header(const OutputOptions& options, std::string* out) {
  int64_t label_width = 0;
  const int64_t answer = answer_width(options, &label_width);
  append_cell("id", kIdWidth, Align::right, true, out);
  append_gap(out);
  if (is_regression(options)) {
    append_cell("value", kNumberWidth, Align::right, true, out);
  } else {
    append_cell("label", label_width, Align::left, true, out);
    append_gap(out);
    append_cell("prob", kNumberWidth, Align::right, true, out);
    append_gap(out);
    append_cell("entropy", kNumberWidth, Align::right, true, out);
  }
  append_gap(out);
  append_cell("exit", kExitWidth, Align::right, true, out);
  const auto name = [&](size_t i) { return std::string_view(options.kept[i]); };
  if (append_kept_cells(options, width_left(options, answer), name, out) > 0) {
    append_gap(out);
    out->append("text");
  }
  out->push_back('\n');
}

void append_table_row(const Example& row, const Result& result, const OutputOptions& options,
                      std::string* out) {
  int64_t label_width = 0;
  const int64_t answer = answer_width(options, &label_width);
  append_cell(plain_id(row.id), kIdWidth, Align::right, true, out);
  append_gap(out);
  if (is_regression(options)) {
    append_number_cell(result.logits.empty() ? 0.0f : result.logits[0], out);
  } else {
    append_cell(answer_text(result, options), label_width, Align::left, true, out);
    append_gap(out);
    append_number_cell(result.prob, out);
    append_gap(out);
    append_number_cell(result.entropy, out);
  }
  append_gap(out);
  append_cell(fmt::format("{}/{}", result.exit_layer, options.num_layers), kExitWidth, Align::right,
              true, out);
  const auto value = [&](size_t i) {
    return i < row.kept.size() ? plain_id(row.kept[i]).substr(0, kTextLimit) : std::string_view();
  };
  if (const int64_t width = append_kept_cells(options, width_left(options, answer), value, out);
      width > 0) {
    append_gap(out);
    append_text(row, width, out);
  }
  out->push_back('\n');
}

}  // namespace costeff::tasks
