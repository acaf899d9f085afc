#include "tasks/write/progress.h"

#include <gtest/gtest.h>

#include <limits>

namespace costeff::tasks {
namespace {

TEST(Progress, Line) {
  EXPECT_EQ(progress_line({}), "0 rows");
  EXPECT_EQ(progress_line({.rows = 1}), "1 row");
  EXPECT_EQ(progress_line({.rows = 5, .elapsed_s = 2}), "5 rows  2.5 rows/s");
  EXPECT_EQ(progress_line({.rows = 12345, .elapsed_s = 10}), "12,345 rows  1,234 rows/s");
  EXPECT_EQ(progress_line({.rows = 1000, .bytes_done = 250, .bytes_total = 1000, .elapsed_s = 10}),
            "1,000 rows  100 rows/s  25%  0:30 left");
  EXPECT_EQ(progress_line({.rows = 1000, .bytes_done = 1000, .bytes_total = 1000, .elapsed_s = 10}),
            "1,000 rows  100 rows/s  100%  0:00 left");
  EXPECT_EQ(progress_line({.rows = 0, .bytes_done = 0, .bytes_total = 1000, .elapsed_s = 1}),
            "0 rows  0%");
  EXPECT_EQ(progress_line({.rows = 100, .bytes_done = 1, .bytes_total = 3661, .elapsed_s = 1}),
            "100 rows  100 rows/s  0%  1:01:00 left");
  // A file that grew while it was read.
  EXPECT_EQ(progress_line({.rows = 100, .bytes_done = 20, .bytes_total = 10, .elapsed_s = 1}),
            "100 rows  100 rows/s  100%  0:00 left");
}

// 500 rows were there before: they are no part of the rate, nor of the time that is left.
TEST(Progress, LineOfARunThatGoesOn) {
  EXPECT_EQ(progress_line({.rows = 600, .elapsed_s = 10, .rows_total = 1000, .rows_before = 500}),
            "600 rows  10 rows/s  60%  0:40 left");
  EXPECT_EQ(progress_line({.rows = 600,
                           .bytes_done = 60,
                           .bytes_total = 100,
                           .elapsed_s = 10,
                           .rows_before = 500,
                           .bytes_before = 50}),
            "600 rows  10 rows/s  60%  0:40 left");
  EXPECT_EQ(progress_line({.rows = 500, .elapsed_s = 1, .rows_total = 1000, .rows_before = 500}),
            "500 rows  50%");
}

struct ShareCase {
  ProgressState state;
  const char* line;
};

// Rows that are under way are not done, though their bytes are read.
TEST(Progress, ShareIsOfRowsThatAreDone) {
  const ShareCase cases[] = {
      {{.rows = 364, .bytes_done = 1000, .bytes_total = 1000, .rows_read = 872},
       "364 rows  41%  0:00 left"},
      {{.rows = 872, .bytes_done = 1000, .bytes_total = 1000, .rows_read = 872},
       "872 rows  100%  0:00 left"},
      {{.rows = 0, .bytes_done = 1000, .bytes_total = 1000, .rows_read = 872}, "0 rows  0%"},
      {{.rows = 550,
        .bytes_done = 70,
        .bytes_total = 100,
        .elapsed_s = 1,
        .rows_before = 500,
        .bytes_before = 50,
        .rows_read = 100},
       "550 rows  50 rows/s  60%  0:04 left"},
      // --limit: the end of the rows, or of the file if that comes first.
      {{.rows = 50, .bytes_done = 10, .bytes_total = 1000, .elapsed_s = 1, .rows_limit = 100},
       "50 rows  50 rows/s  50%  0:01 left"},
      {{.rows = 50, .bytes_done = 900, .bytes_total = 1000, .elapsed_s = 9, .rows_limit = 1000},
       "50 rows  5.6 rows/s  90%  0:01 left"},
      {{.rows = 50, .elapsed_s = 1, .rows_limit = 200}, "50 rows  50 rows/s  25%  0:03 left"},
      // Other things than rows.
      {{.rows = 1, .elapsed_s = 2, .rows_total = 4, .one = "pass", .many = "passes"},
       "1 pass  0.5 passes/s  25%  0:06 left"},
      {{.rows = 2, .elapsed_s = 2, .rows_total = 4, .one = "pass", .many = "passes"},
       "2 passes  1.0 passes/s  50%  0:02 left"},
  };
  for (const ShareCase& c : cases) EXPECT_EQ(progress_line(c.state), c.line);
}

TEST(Progress, ErasesALineThatANarrowerWindowHasBroken) {
  const struct {
    int64_t drawn, columns;
    const char* text;
  } cases[] = {{0, 80, "\r\x1b[K"},         {79, 80, "\r\x1b[K"},
               {40, 40, "\r\x1b[K"},        {41, 40, "\r\x1b[1A\x1b[J"},
               {79, 20, "\r\x1b[3A\x1b[J"}, {79, 0, "\r\x1b[78A\x1b[J"}};
  for (const auto& c : cases) EXPECT_EQ(erase_text(c.drawn, c.columns), c.text) << c.drawn;
}

TEST(Progress, LineFits) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  for (int64_t width : {0, 10, 40, 80}) {
    EXPECT_LE(progress_line(
                  {.rows = most, .bytes_done = 1, .bytes_total = most, .elapsed_s = 1e-300}, width)
                  .size(),
              static_cast<size_t>(width));
  }
}

TEST(Progress, DisabledWritesNothing) {
  testing::internal::CaptureStderr();
  {
    Progress progress(false);
    progress.update(1, 1, 1, 1);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace costeff::tasks
