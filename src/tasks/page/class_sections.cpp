#include "tasks/page/class_sections.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/format.h"
#include "tasks/page/page.h"
#include "tasks/page/svg.h"
#include "tasks/write/format_text.h"

namespace costeff::tasks {
namespace {

constexpr int64_t kMaxMatrix = 20;     // labels in a matrix
constexpr size_t kMaxConfusions = 20;  // lines of a list

std::string label_name(const SweepReport& r, int64_t label) {
  const auto i = static_cast<size_t>(label);
  return html_text(i < r.labels.size() ? r.labels[i] : fmt::format("{}", label));
}

std::string point_name(const SweepReport& r, const AnswerCounts& a) {
  return a.point == 0 ? "full depth" : escape_html(r.points[a.point].text);
}

Cell share_cell(double share) { return {percent(share, 1), share}; }

void append_scores(const SweepReport& r, std::string* out) {
  Table t;
  t.heads = {"Label", "Rows"};
  for (const AnswerCounts& a : r.answers) {
    for (const char* score : {"Precision", "Recall", "F1"})
      t.heads.push_back(fmt::format("{}, {}", score, point_name(r, a)));
  }
  for (size_t label = 0; label < r.answers.front().by_label.size(); ++label) {
    const int64_t rows = r.answers.front().by_label[label].gold;
    auto& row = t.rows.emplace_back();
    row.emplace_back(label_name(r, static_cast<int64_t>(label)));
    row.emplace_back(grouped(rows), static_cast<double>(rows));
    for (const AnswerCounts& a : r.answers) {
      const LabelCounts& c = a.by_label[label];
      for (const double v : {c.precision(), c.recall(), c.f1()}) row.push_back(share_cell(v));
    }
  }
  append_table(t, out);
}

void append_matrix(const SweepReport& r, const AnswerCounts& a, std::string* out) {
  append_format(out, "<h3>Answers at {}</h3>\n", point_name(r, a));
  const Confusion& c = a.confusion;
  Table t;
  t.heads = {r.labelled ? "Label in the data" : "Answer of full depth"};
  for (int64_t j = 0; j < c.classes; ++j) t.heads.push_back("Answer " + label_name(r, j));
  for (int64_t i = 0; i < c.classes; ++i) {
    int64_t sum = 0;
    for (int64_t j = 0; j < c.classes; ++j) sum += c.at(i, j);
    auto& row = t.rows.emplace_back();
    row.emplace_back(label_name(r, i));
    for (int64_t j = 0; j < c.classes; ++j) {
      Cell& cell =
          row.emplace_back(grouped(c.at(i, j)), static_cast<double>(c.at(i, j)) /
                                                    static_cast<double>(std::max<int64_t>(1, sum)));
      cell.bar = true;
    }
  }
  append_table(t, out);
}

// The most frequent of the confusions, where a matrix would be too large.
void append_confusions(const SweepReport& r, const AnswerCounts& a, std::string* out) {
  struct Pair {
    int64_t gold, answer, rows;
  };
  std::vector<Pair> pairs;
  for (int64_t i = 0; i < a.confusion.classes; ++i) {
    for (int64_t j = 0; j < a.confusion.classes; ++j) {
      if (i != j && a.confusion.at(i, j) > 0) pairs.push_back({i, j, a.confusion.at(i, j)});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& x, const Pair& y) { return x.rows > y.rows; });
  if (pairs.size() > kMaxConfusions) pairs.resize(kMaxConfusions);
  append_format(out, "<h3>Most frequent wrong answers at {}</h3>\n", point_name(r, a));
  Table t;
  t.heads = {r.labelled ? "Label in the data" : "Answer of full depth", "Answer", "Rows"};
  for (const Pair& p : pairs) {
    t.rows.push_back({{label_name(r, p.gold)},
                      {label_name(r, p.answer)},
                      {grouped(p.rows), static_cast<double>(p.rows)}});
  }
  append_table(t, out);
}

}  // namespace

void append_classes(const SweepReport& r, std::string* out) {
  if (is_regression(r) || r.answers.empty()) return;
  append_format(
      out, "<h2>Label by label</h2>\n<p>Each label against the rest, {}.</p>\n",
      r.labelled ? "judged by the labels in the data" : "judged by the answers of full depth");
  append_scores(r, out);
  if (is_multi_label(r)) return;
  for (const AnswerCounts& a : r.answers) {
    if (a.confusion.classes <= kMaxMatrix) {
      append_matrix(r, a, out);
    } else {
      append_confusions(r, a, out);
    }
  }
}

}  // namespace costeff::tasks
