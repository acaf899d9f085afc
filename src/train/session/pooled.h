#pragma once

// Computes the pooled states that off-ramps read, for all rows, in memory or in a file.

#include <costeff/train.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/aligned.h"
#include "base/threads/team.h"
#include "grad/network.h"
#include "train/kept_states.h"
#include "train/loop.h"

namespace costeff::train {

class Pooled {
 public:
  // Room for the states that the off-ramps of `network` read. More than `budget` bytes go to a file in
  // `directory`, which has no name and so vanishes with the process. Throws Error(output) if there is no
  // room for it.
  Pooled(const grad::Network& network, int64_t rows, int64_t budget, const std::string& directory);
  ~Pooled();
  Pooled(const Pooled&) = delete;
  Pooled& operator=(const Pooled&) = delete;

  const KeptStates& states() const { return states_; }

  // Computes those of some rows, of which `at` is the number of the first.
  void compute(grad::Network* network, Team* team, std::span<const Row> rows, int64_t at);

 private:
  KeptStates states_;
  FloatBuffer memory_;
  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
};

// The exits of a network that are off-ramps.
class Ramps {
 public:
  explicit Ramps(const grad::Network& network);
  // The pass that computes what they read, and keeps nothing for gradients. Points into this.
  grad::ForwardOptions pass() const {
    return {.wanted = {wanted_.get(), count_}, .hidden = false, .keep = false};
  }

 private:
  size_t count_;
  std::unique_ptr<bool[]> wanted_;
};

// The largest batch of that pass over these rows.
grad::BatchShape largest_piece(std::span<const Row> rows);

// The bytes that Pooled holds.
int64_t pooled_bytes(const std::vector<model::Head>& heads, int64_t layers, int64_t hidden,
                     int64_t rows);

// All rows, batch by batch. Null if *stop became true.
std::unique_ptr<Pooled> compute_pooled(grad::Network* network, Team* team,
                                       std::span<const Row> rows, int64_t budget,
                                       const std::string& directory, const std::atomic<bool>* stop);

}  // namespace costeff::train
