#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace costeff {

// A limit of this process, and of programs that it starts, for as long as this lives.
class ResourceLimit {
 public:
  ResourceLimit(int resource, rlim_t most) : resource_(resource) {
    EXPECT_EQ(::getrlimit(resource, &before_), 0);
    const rlimit low{most, before_.rlim_max};
    EXPECT_EQ(::setrlimit(resource, &low), 0);
  }
  ~ResourceLimit() { ::setrlimit(resource_, &before_); }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;

 private:
  int resource_;
  rlimit before_{};
};

}  // namespace costeff
