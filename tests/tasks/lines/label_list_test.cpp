#include "tasks/lines/label_list.h"

#include <gtest/gtest.h>

namespace costeff::tasks {
namespace {

using Strings = std::vector<std::string>;

TEST(LabelList, NamesReadBack) {
  struct Case {
    Strings names;
    const char* cell;
  };
  const Case cases[] = {{{}, ""},
                        {{"joy"}, "joy"},
                        {{"joy", "anger"}, "joy|anger"},
                        {{"a|b", "c\\d", "|"}, "a\\|b|c\\\\d|\\|"},
                        {{"", "x"}, "|x"},
                        {{"ends with \\"}, "ends with \\\\"}};
  for (const Case& c : cases) {
    std::vector<int32_t> all;
    for (size_t i = 0; i < c.names.size(); ++i) all.push_back(static_cast<int32_t>(i));
    std::string cell;
    append_label_list(c.names, all, &cell);
    EXPECT_EQ(cell, c.cell);
    EXPECT_EQ(split_label_list(c.cell), c.names);
  }
  EXPECT_EQ(split_label_list("C:\\temp|x"), (Strings{"C:\\temp", "x"}));  // not an escape
}

}  // namespace
}  // namespace costeff::tasks
