#include "runtime/stream_worker.h"

#include <algorithm>
#include <chrono>

#include "runtime/encode_row.h"

namespace costeff::runtime {

StreamWorker::StreamWorker(const LoadedModel& model, const text::Tokenizer& tokenizer,
                           const StreamOptions& options, const ConveyorOptions& conveyor,
                           Team* team)
    : model_(model),
      tokenizer_(tokenizer),
      options_(options),
      conveyor_(model, options.plan, conveyor, team) {
  stats_.exit_histogram.resize(model.spec.arch.layers.size());
}

void StreamWorker::admit(Chunk* chunk) {
  chunk->results.resize(std::max(chunk->results.size(), static_cast<size_t>(chunk->count)));
  chunk->unanswered = 0;
  chunk->admitted = false;
  chunks_.push_back(chunk);
  model_.spec.parameters.storage.check_unchanged();
  for (int64_t number = 0; number < chunk->count; ++number) {
    const Example& row = chunk->rows[static_cast<size_t>(number)];
    Result& result = chunk->results[static_cast<size_t>(number)];
    reset_result(&result);
    const auto begin = Clock::now();
    if (!encode(row, chunk, number, &result)) continue;
    const auto now = Clock::now();
    stats_.tokenize_s += std::chrono::duration<double>(now - begin).count();
    const auto tokens = static_cast<int64_t>(encoding_.ids.size());
    result.tokens = tokens;
    result.bad_utf8 = encoding_.bad_utf8;
    result.truncated = encoding_.truncated;
    result.empty = has_no_text(tokenizer_, row, encoding_);
    if (!conveyor_.has_room(std::max(tokens, options_.pad_to))) conveyor_.start();
    ++chunk->unanswered;
    conveyor_.admit(encoding_, options_.pad_to, {&result, &chunk->unanswered, now});
  }
  chunk->admitted = true;
}

// Returns whether the row is in encoding_. Otherwise the row is skipped, or the chunk ends before it.
bool StreamWorker::encode(const Example& row, Chunk* chunk, int64_t number, Result* result) {
  try {
    encode_row(model_.spec, tokenizer_, row, options_.encode, options_.max_ids, &encoding_);
    return true;
  } catch (const Error& e) {
    if (options_.skip_bad_rows && e.kind() == ErrorKind::input) {
      result->error = e.what();
    } else {
      end_chunk(chunk, number);
    }
  } catch (...) {
    end_chunk(chunk, number);
  }
  return false;
}

void StreamWorker::fail(const std::exception_ptr& error) {
  for (Chunk* chunk : chunks_) {
    chunk->error = error;
    chunk->count = chunk->unanswered = 0;
    chunk->admitted = true;
  }
}

void StreamWorker::count_finished() {
  for (const Chunk* chunk : chunks_) {
    if (chunk->finished()) count_results(*chunk, &stats_);
  }
}

void StreamWorker::forget_finished() {
  std::erase_if(chunks_, [](const Chunk* c) { return c->finished(); });
}

void StreamWorker::add_to(RunStats* sum) const {
  sum->rows += stats_.rows;
  sum->windows += stats_.windows;
  sum->tokens += stats_.tokens;
  sum->bad_utf8_rows += stats_.bad_utf8_rows;
  sum->truncated_rows += stats_.truncated_rows;
  sum->empty_rows += stats_.empty_rows;
  sum->skipped_rows += stats_.skipped_rows;
  for (size_t i = 0; i < stats_.exit_histogram.size(); ++i)
    sum->exit_histogram[i] += stats_.exit_histogram[i];
  const StageTimes& times = conveyor_.times();
  sum->layer_tokens += times.layer_tokens;
  sum->tokenize_s += stats_.tokenize_s;
  sum->embed_s += times.embed_s;
  sum->attention_s += times.attention_s;
  sum->ffn_s += times.ffn_s;
  sum->exits_s += times.exits_s;
}

}  // namespace costeff::runtime
