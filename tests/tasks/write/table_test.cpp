#include "tasks/write/table.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace costeff::tasks {
namespace {

int64_t code_points(std::string_view text) {
  int64_t n = 0;
  bool bad = false;
  for (size_t at = 0; at < text.size(); ++n) next_code_point(text, &at, &bad);
  EXPECT_FALSE(bad);
  return n;
}

OutputOptions table_options() {
  OutputOptions o;
  o.format = OutputFormat::table;
  o.labels = {"negative", "positive"};
  o.num_layers = 6;
  return o;
}

Result positive_result() {
  Result r;
  r.exit_layer = 3;
  r.label = 1;
  r.prob = 0.99931264f;
  r.entropy = 0.0057f;
  return r;
}

std::string table_row(const Example& e, const OutputOptions& o) {
  std::string out;
  append_row(e, positive_result(), o, &out);
  return out;
}

TEST(Table, Rows) {
  std::string head;
  append_header(table_options(), &head);
  EXPECT_EQ(head, "     id  label        prob  entropy   exit  text\n");
  Example e;
  e.id = "12";
  e.text_a = "a good movie";
  EXPECT_EQ(table_row(e, table_options()),
            "     12  positive    0.999    0.006    3/6  a good movie\n");
  e.text_b = "indeed";
  EXPECT_EQ(table_row(e, table_options()),
            "     12  positive    0.999    0.006    3/6  a good movie | indeed\n");
  e.text_b.reset();
  e.has_ids = true;
  e.input_ids = {1, 2, 3};
  EXPECT_EQ(table_row(e, table_options()), "     12  positive    0.999    0.006    3/6  [3 ids]\n");
}

TEST(Table, LinesFitTheWidth) {
  Example e;
  e.id = "\"a-very-long-identifier";
  e.text_a = std::string(500, 'x');
  for (int64_t width : {0, 20, 40, 60, 80, 132}) {
    OutputOptions o = table_options();
    o.table_width = width;
    const std::string line = table_row(e, o);
    const int64_t n = code_points(line) - 1;
    EXPECT_EQ(n, width < 52 ? 42 : width) << line;
    e.text_b = std::string(500, 'y');
    EXPECT_LE(code_points(table_row(e, o)) - 1, std::max<int64_t>(width, 42));
    e.text_b.reset();
  }
}

TEST(Table, LongLabelsAreCut) {
  OutputOptions o = table_options();
  o.labels[1] = std::string(50, 'L');
  Example e;
  e.id = "1";
  EXPECT_EQ(table_row(e, o),
            "      1  " + std::string(19, 'L') + "\xE2\x80\xA6    0.999    0.006    3/6  \n");
}

TEST(Table, Regression) {
  OutputOptions o = table_options();
  o.problem = ProblemType::regression;
  Result r;
  r.logits = {-3.2501f};
  r.exit_layer = 12;
  o.num_layers = 12;
  Example e;
  e.id = "1";
  e.text_a = "x";
  std::string out;
  append_header(o, &out);
  append_row(e, r, o, &out);
  EXPECT_EQ(out, "     id    value   exit  text\n      1   -3.250  12/12  x\n");
}

}  // namespace
}  // namespace costeff::tasks
