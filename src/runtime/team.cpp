#include "runtime/team.h"

namespace costeff::runtime {

Team::Team(int64_t size) : size_(size), gate_(size), inside_(size) {
  for (int64_t rank = 1; rank < size; ++rank) {
    threads_.emplace_back([this, rank] {
      while (true) {
        gate_.wait();
        if (!function_) return;
        function_(context_, {rank, size_, &inside_});
        gate_.wait();
      }
    });
  }
}

Team::~Team() {
  function_ = nullptr;
  if (size_ > 1) gate_.wait();
}

void Team::run(Function function, const void* context) {
  if (size_ == 1) return function(context, {});
  function_ = function;
  context_ = context;
  gate_.wait();
  function(context, {0, size_, &inside_});
  gate_.wait();
}

}  // namespace costeff::runtime
