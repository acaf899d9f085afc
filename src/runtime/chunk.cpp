#include "runtime/chunk.h"

#include <span>

namespace costeff::runtime {
namespace {

constexpr int64_t kChunkRows = 64;
constexpr int64_t kBytesPerToken =
    5;  // roughly, in English text: only the size of chunks depends on it

}  // namespace

bool fill_chunk(const Source& source, bool may_block, const std::atomic<bool>* stop, Chunk* chunk) {
  chunk->count = chunk->text_bytes = 0;
  chunk->error = nullptr;
  try {
    while (chunk->count < kChunkRows && chunk->text_bytes < kBytesPerToken * kChunkTokens) {
      if (stop && *stop) return false;
      if (chunk->rows.size() == static_cast<size_t>(chunk->count)) chunk->rows.emplace_back();
      Example& row = chunk->rows[static_cast<size_t>(chunk->count)];
      const ReadStatus status = source(row, may_block && chunk->count == 0);
      if (status == ReadStatus::end) return false;
      if (status == ReadStatus::would_block) return true;
      ++chunk->count;
      chunk->text_bytes +=
          static_cast<int64_t>(row.text_a.size() + row.input_ids.size() * kBytesPerToken +
                               (row.text_b ? row.text_b->size() : 0));
    }
  } catch (...) {
    chunk->error = std::current_exception();
    return false;
  }
  return true;
}

void end_chunk(Chunk* chunk, int64_t rows) {
  chunk->error = std::current_exception();
  chunk->count = rows;
}

void reset_result(Result* r) {
  r->exit_layer = r->label = r->tokens = 0;
  r->prob = r->entropy = 0;
  r->exits.clear();
  r->labels.clear();
  r->bad_utf8 = r->truncated = r->empty = false;
  r->error.clear();
}

void count_result(const Result& r, RunStats* s) {
  if (!r.error.empty()) {
    ++s->skipped_rows;
    return;
  }
  ++s->rows;
  s->windows += r.window_count;
  s->tokens += r.tokens;
  s->bad_utf8_rows += r.bad_utf8;
  s->truncated_rows += r.truncated;
  s->empty_rows += r.empty;
  ++s->exit_histogram[static_cast<size_t>(r.exit_layer - 1)];
}

void count_results(const Chunk& chunk, RunStats* s) {
  for (const Result& r : std::span(chunk.results).first(static_cast<size_t>(chunk.count)))
    count_result(r, s);
}

}  // namespace costeff::runtime
