#include "train/session/pooled.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fail.h"

namespace costeff::train {
namespace {

constexpr int64_t kTokensAtOnce = 4096;  // of a batch whose states are pooled

std::vector<KeptStates::Slot> slots_of(const std::vector<model::Head>& heads, int64_t layers) {
  std::vector<KeptStates::Slot> slots;
  for (const model::Head& head : heads) {
    if (head.layer >= layers) continue;
    for (int64_t i = head.layer - head.last_n_hidden + 1; i <= head.layer; ++i) {
      if (KeptStates::find(slots, head.pooling, i) == slots.size())
        slots.push_back({head.pooling, i});
    }
  }
  return slots;
}

// A file of so many bytes without a name. Blocks are reserved, as a full disk must not show later, when
// the mapping is written to.
void* map_new_file(const std::string& directory, size_t bytes) {
  std::string path = directory + "/pooled.XXXXXX";
  const int fd = ::mkstemp(path.data());
  if (fd < 0) fail_output("{}: {}", path, std::strerror(errno));
  ::unlink(path.c_str());
  const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  void* at =
      error == 0 ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int why = error == 0 ? errno : error;
  ::close(fd);
  if (at == MAP_FAILED) {
    fail_output("{}: no room for {} bytes of pooled states: {}; fewer exits (--exits) need less",
                directory, bytes, std::strerror(why));
  }
  return at;
}

}  // namespace

Ramps::Ramps(const grad::Network& network)
    : count_(network.heads().size()), wanted_(std::make_unique<bool[]>(count_)) {
  for (size_t e = 0; e < count_; ++e) wanted_[e] = network.heads()[e].layer < network.layers();
}

int64_t pooled_bytes(const std::vector<model::Head>& heads, int64_t layers, int64_t hidden,
                     int64_t rows) {
  return static_cast<int64_t>(slots_of(heads, layers).size()) * rows * hidden *
         static_cast<int64_t>(sizeof(float));
}

Pooled::Pooled(const grad::Network& network, int64_t rows, int64_t budget,
               const std::string& directory) {
  states_.slots = slots_of(network.heads(), network.layers());
  states_.rows = rows;
  states_.hidden = network.weights().arch().hidden_size;
  const auto bytes = states_.floats() * static_cast<int64_t>(sizeof(float));
  if (bytes <= budget) {
    states_.data = memory_.reserve(states_.floats());
    return;
  }
  mapped_bytes_ = static_cast<size_t>(bytes);
  mapping_ = map_new_file(directory, mapped_bytes_);
  states_.data = static_cast<float*>(mapping_);
}

Pooled::~Pooled() {
  if (mapping_) ::munmap(mapping_, mapped_bytes_);
}

void Pooled::compute(grad::Network* network, Team* team, std::span<const Row> rows, int64_t at) {
  const Ramps ramps(*network);
  const grad::ForwardOptions options = ramps.pass();
  const grad::Batch batch = batch_of(rows, network->weights().arch());
  network->reserve(batch, team->size(), options);
  team->run([&](const Crew& crew) { network->forward(batch, {}, crew, options); });
  for (size_t s = 0; s < states_.slots.size(); ++s) {
    const KeptStates::Slot& slot = states_.slots[s];
    std::copy_n(network->pooled(slot.pooling, slot.layer), batch.rows() * states_.hidden,
                states_.row(s, at));
  }
}

grad::BatchShape largest_piece(std::span<const Row> rows) {
  grad::BatchShape largest;
  while (!rows.empty()) {
    const std::span<const Row> piece = first_rows(rows, kTokensAtOnce);
    rows = rows.subspan(piece.size());
    grad::BatchShape shape;
    for (const Row& row : piece) shape.add_row(static_cast<int64_t>(row.ids.size()));
    largest.cover(shape);
  }
  return largest;
}

std::unique_ptr<Pooled> compute_pooled(grad::Network* network, Team* team,
                                       std::span<const Row> rows, int64_t budget,
                                       const std::string& directory,
                                       const std::atomic<bool>* stop) {
  auto pooled =
      std::make_unique<Pooled>(*network, static_cast<int64_t>(rows.size()), budget, directory);
  const Ramps ramps(*network);
  network->make_room(largest_piece(rows), team->size(), ramps.pass());
  for (size_t begin = 0; begin < rows.size();) {
    if (stop && *stop) return nullptr;
    const std::span<const Row> piece = first_rows(rows.subspan(begin), kTokensAtOnce);
    pooled->compute(network, team, piece, static_cast<int64_t>(begin));
    begin += piece.size();
  }
  return pooled;
}

}  // namespace costeff::train
