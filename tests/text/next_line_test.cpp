#include "text/tokens/next_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace costeff::text {
namespace {

TEST(NextLine, EndsAreDropped) {
  const struct {
    std::string_view text;
    std::vector<std::string> lines;
  } kCases[] = {
      {"", {}},
      {"a", {"a"}},
      {"a\n", {"a"}},
      {"\n", {""}},
      {"a\n\nb", {"a", "", "b"}},
      {"a\r\nb\r", {"a", "b"}},
      {"a\rb\r\r\n", {"a\rb\r"}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.text);
    std::string_view rest = c.text;
    std::vector<std::string> lines;
    while (!rest.empty()) lines.emplace_back(next_line(&rest));
    EXPECT_EQ(lines, c.lines);
  }
}

}  // namespace
}  // namespace costeff::text
