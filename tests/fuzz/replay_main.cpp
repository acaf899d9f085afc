// Runs fuzz targets without libFuzzer: every file of the corpus, then seeded mutations of them, so
// that ordinary builds keep the targets alive.
//   fuzz_replay NAME [-runs=N] [-seed=S] [-only=I] FILE|DIRECTORY...
// -only replays mutation I of a run that died, which prints this number. COSTEFF_TEST_SEED sets the
// seed too.

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fuzz/replay.h"

// Present in sanitizer builds.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Bytes = std::vector<uint8_t>;

char g_where[512] = "start";  // what a dying run prints

void say_where(const std::string& where) {
  const size_t size = where.copy(g_where, sizeof g_where - 1);
  g_where[size] = '\0';
}

void print_where() {
  const char head[] = "\nfuzz replay died at ";
  (void)!write(2, head, sizeof head - 1);
  (void)!write(2, g_where, std::strlen(g_where));
  (void)!write(2, "\n", 1);
}

void on_signal(int signal) {
  print_where();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(const ReplayTarget& target, const Bytes& input) {
  const Bytes exact(input);  // without spare capacity, so that sanitizers see the end
  target.run(exact.data(), exact.size());
}

// Values that lengths, offsets and counts go wrong at.
constexpr uint64_t kInteresting[] = {
    0,          1,          2,          0x7f,       0x80,         0xff,       0x7fff,
    0x8000,     0xffff,     0x7fffffff, 0x80000000, 0xfffffff0,   0xffffffff, 0x100000000,
    1ull << 53, 1ull << 61, 1ull << 62, 1ull << 63, ~0ull - 0xff, ~0ull - 7,  ~0ull};

void mutate(Bytes* b, const std::vector<Bytes>& corpus, std::mt19937_64& random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : static_cast<size_t>(random() % n); };
  const size_t at = below(b->size());
  const auto here = b->begin() + static_cast<ptrdiff_t>(at);
  const size_t length = std::min(b->size() - at, 1 + below(16));
  const auto until = here + static_cast<ptrdiff_t>(length);
  switch (random() % 8) {
    case 0:  // one bit
      if (!b->empty()) *here = static_cast<uint8_t>(*here ^ (1u << (random() % 8)));
      return;
    case 1:  // one byte
      if (!b->empty()) *here = static_cast<uint8_t>(random());
      return;
    case 2: {  // an integer of 1, 2, 4 or 8 bytes
      const uint64_t v = kInteresting[below(std::size(kInteresting))];
      const size_t size = std::min<size_t>(size_t{1} << (random() % 4), b->size() - at);
      for (size_t i = 0; i < size; ++i) (*b)[at + i] = static_cast<uint8_t>(v >> (8 * i));
      return;
    }
    case 3:  // less
      b->erase(here, until);
      return;
    case 4: {  // some bytes twice
      const Bytes part(here, until);
      b->insert(here, part.begin(), part.end());
      return;
    }
    case 5:  // cut
      if (random() % 4 == 0) b->resize(at);
      return;
    case 6: {  // bytes of another file
      const Bytes& other = corpus[below(corpus.size())];
      const size_t from = below(other.size());
      const size_t count = std::min(other.size() - from, 1 + below(32));
      const auto begin = other.begin() + static_cast<ptrdiff_t>(from);
      b->insert(here, begin, begin + static_cast<ptrdiff_t>(count));
      return;
    }
    default: {  // some bytes moved
      const Bytes part(here, until);
      const size_t to = below(b->size());
      for (size_t i = 0; i < part.size() && to + i < b->size(); ++i) (*b)[to + i] = part[i];
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 0, seed = 1, only = ~0ull;
  if (const char* s = std::getenv("COSTEFF_TEST_SEED")) seed = std::strtoull(s, nullptr, 10);
  const auto& targets = replay_targets();
  const auto target = std::find_if(targets.begin(), targets.end(), [&](const ReplayTarget& t) {
    return argc > 1 && t.name == argv[1];
  });
  if (target == targets.end()) {
    fmt::print(stderr, "the first argument is the target:");
    for (const ReplayTarget& t : targets) fmt::print(stderr, " {}", t.name);
    fmt::print(stderr, "\n");
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (int i = 2; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.starts_with("-runs=")) {
      runs = std::strtoull(arg.c_str() + 6, nullptr, 10);
    } else if (arg.starts_with("-seed=")) {
      seed = std::strtoull(arg.c_str() + 6, nullptr, 10);
    } else if (arg.starts_with("-only=")) {
      only = std::strtoull(arg.c_str() + 6, nullptr, 10);
    } else if (std::filesystem::is_directory(arg)) {
      for (const auto& entry : std::filesystem::directory_iterator(arg)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else {
      files.push_back(arg);
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    fmt::print(stderr, "no corpus files\n");
    return 2;
  }
  for (int s : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) std::signal(s, on_signal);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(print_where);

  std::vector<Bytes> corpus;
  for (const auto& path : files) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    say_where(path.string());
    run(*target, corpus.back());
  }
  const bool one = only != ~0ull;
  for (uint64_t i = one ? only : 0; i < (one ? only + 1 : runs); ++i) {
    say_where(fmt::format("-seed={} -only={}", seed, i));
    std::mt19937_64 random(seed * 0x9e3779b97f4a7c15ull + i);
    Bytes input = corpus[static_cast<size_t>(random() % corpus.size())];
    for (uint64_t n = 1 + random() % 6; n > 0; --n) mutate(&input, corpus, random);
    run(*target, input);
  }
  fmt::print("{} files, {} mutations, seed {}\n", corpus.size(), runs, seed);
  return 0;
}
