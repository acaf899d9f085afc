#pragma once

#include <costeff/error.h>

namespace costeff::tasks {

// Labels are wanted, and the rows have none: no column, no field that could be it. Of JSON Lines each row
// without the field has this error.
struct NoLabels : Error {
  using Error::Error;
};

}  // namespace costeff::tasks
