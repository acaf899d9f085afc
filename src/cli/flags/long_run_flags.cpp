#include "cli/flags/long_run_flags.h"

#include "base/fail.h"
#include "base/parse.h"
#include "base/utf8.h"

namespace costeff::cli {

void add_long_run_flags(CLI::App* app, LongRunFlags* f) {
  const char* group = "Long runs";
  app->add_option("--shard", f->shard,
                  "Score the K-th of N consecutive parts of the rows. The outputs of all parts, "
                  "joined with cat, equal those of one run: only part 1 has a header")
      ->type_name("K/N")
      ->group(group);
  app->add_flag("--resume", f->resume,
                "Keep finished rows in FILE.partial (of --output FILE) if the run is interrupted; "
                "the same command goes on from there")
      ->group(group);
}

Shard parse_shard(const std::string& text) {
  if (text.empty()) return {};
  constexpr int64_t kMaxParts = 1000000;
  const auto parts = split_at(text, '/');
  const auto n = parse_int(parts.back(), 1, kMaxParts);
  const auto k = n ? parse_int(parts.front(), 1, *n) : std::nullopt;
  if (parts.size() != 2 || !k) {
    fail_usage("--shard \"{}\", expected K/N with K from 1 to N: 2/8", printable(text, 40));
  }
  return {.part = *k, .parts = *n};
}

}  // namespace costeff::cli
