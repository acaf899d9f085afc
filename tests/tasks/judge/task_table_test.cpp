#include "tasks/judge/task_table.h"

#include <costeff/error.h>
#include <gtest/gtest.h>

#include "base/error_of.h"

namespace costeff::tasks {
namespace {

TEST(TaskTable, Names) {
  EXPECT_EQ(find_task("sst-2").name, "sst-2");
  EXPECT_EQ(find_task("SST2").name, "sst-2");
  EXPECT_EQ(find_task("sts_b").name, "sts-b");
  EXPECT_EQ(task_table().size(), 10u);
  for (const Task& task : task_table()) {
    EXPECT_EQ(&find_task(task.name), &task);
    EXPECT_FALSE(task.names.empty());
    EXPECT_FALSE(task.label.empty());
  }
  EXPECT_EQ(error_of(ErrorKind::usage, [] { find_task("imdb"); }),
            "task \"imdb\" is not known, expected one of sst-2, cola, mrpc, rte, qnli, qqp, sts-b, "
            "mnli, wnli, ax");
}

}  // namespace
}  // namespace costeff::tasks
