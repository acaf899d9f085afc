#pragma once

// Rows that travel through the stream together, with room for their answers.

#include <costeff/engine.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

namespace costeff::runtime {

// A chunk is much smaller than a file, so that all threads get their share even of a short one.
inline constexpr int64_t kChunkTokens = 256;
// Where texts are read in windows: a chunk ends when they have more bytes than this, however few tokens.
inline constexpr int64_t kChunkTextBytes = 1 << 20;

// It is used again and again, so that its memory is allocated once.
struct Chunk {
  std::vector<Example> rows;  // the first `count` are in use
  std::vector<Result> results;
  int64_t count = 0, text_bytes = 0;
  std::exception_ptr error;  // of the row after the last one in use
  int64_t unanswered = 0;    // rows that are under way
  bool admitted = false;     // all its rows are under way or answered
  bool finished() const { return admitted && unanswered == 0; }
};

// Fills a chunk with rows. Returns false if there is nothing more to read, or if *stop became true.
// An error of the source is kept in chunk->error, after the rows that were read before it.
// may_block: waits for the first row; otherwise the chunk may stay empty.
bool fill_chunk(const Source& source, bool may_block, const std::atomic<bool>* stop, Chunk* chunk);

// In a catch block: the chunk ends with the current exception, after its first `rows` rows.
void end_chunk(Chunk* chunk, int64_t rows);

// Prepares a result for the next row.
void reset_result(Result* result);

// Adds an answer to the counts of rows in *stats.
void count_result(const Result& result, RunStats* stats);
// Adds the answers of a finished chunk to the counts of rows in *stats.
void count_results(const Chunk& chunk, RunStats* stats);

}  // namespace costeff::runtime
