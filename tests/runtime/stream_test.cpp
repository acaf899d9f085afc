// The stream's promises to its source and its sink, for one thread, several, and a team: order,
// bounded memory, where it stops.

#include "runtime/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "tiny_checkpoint.h"

namespace costeff::runtime {
namespace {

struct Way {
  int64_t threads;
  Mode mode;
};
const Way kWays[] = {{1, Mode::throughput}, {3, Mode::throughput}, {2, Mode::latency}};

// A tiny model of four layers, and streams of numbered rows through it.
class RunStream : public testing::TestWithParam<Way> {
 protected:
  RunStream() {
    write_tiny_checkpoint(dir_.path(), {});
    model_ = std::make_unique<LoadedModel>(checkpoint::load_model(dir_.path()), kernels::kPortable,
                                           kernels::Precision::float32);
    tokenizer_ = std::make_unique<text::Tokenizer>(dir_.path());
    options_.plan = make_plan(model_->spec, {}, false);
    options_.encode.max_length = model_->spec.arch.max_length;
    options_.threads = GetParam().threads;
    options_.mode = GetParam().mode;
    options_.batch_tokens = 64;
  }

  static void fill_row(Example* row, int64_t number) {
    *row = {};
    row->id = fmt::format("{}", number);
    row->text_a = fmt::format("w{}", number % 100);
  }
  // Gives rows 0 to count - 1.
  Source count_to(int64_t count) {
    return [this, count](Example& row, bool) {
      if (read_ == count) return ReadStatus::end;
      fill_row(&row, read_++);
      return ReadStatus::row;
    };
  }
  // Checks that rows come in order, with their results.
  Sink in_order() {
    return [this](std::span<const Example> rows, std::span<const Result> results) {
      ASSERT_EQ(rows.size(), results.size());
      ASSERT_FALSE(rows.empty());
      for (size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i].id, fmt::format("{}", answered_++));
        EXPECT_EQ(results[i].exit_layer, 4);
        EXPECT_EQ(results[i].tokens, 3);  // [CLS] w0 [SEP]
      }
    };
  }
  RunStats run(const Source& source, const Sink& sink, const std::atomic<bool>* stop = nullptr) {
    return run_stream(*model_, *tokenizer_, source, sink, options_, stop);
  }

  TempDir dir_;
  std::unique_ptr<LoadedModel> model_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  StreamOptions options_;
  std::atomic<int64_t> read_ = 0, answered_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Ways, RunStream, testing::ValuesIn(kWays), [](const auto& way) {
  return fmt::format("{}{}", way.param.mode == Mode::latency ? "latency_" : "throughput_",
                     way.param.threads);
});

TEST_P(RunStream, NoRows) {
  const RunStats stats = run(count_to(0), [](auto, auto) { FAIL() << "there is nothing"; });
  EXPECT_EQ(stats.rows, 0);
  EXPECT_EQ(stats.tokens, 0);
}

TEST_P(RunStream, RowsComeInOrderAndAreCounted) {
  for (int64_t count : {1, 63, 64, 65, 1000}) {
    read_ = answered_ = 0;
    const RunStats stats = run(count_to(count), in_order());
    EXPECT_EQ(answered_, count);
    EXPECT_EQ(stats.rows, count);
    EXPECT_EQ(stats.tokens, 3 * count);
    EXPECT_EQ(stats.layer_tokens, 4 * 3 * count);
    EXPECT_EQ(stats.exit_histogram, (std::vector<int64_t>{0, 0, 0, count}));
    EXPECT_EQ(stats.threads, GetParam().threads);
  }
}

// Rows that have been read and not been answered are bounded, however long the stream.
TEST_P(RunStream, ReadsNoFurtherAheadThanItsRing) {
  constexpr int64_t kRows = 7000;  // a ring and a half of the most threads
  int64_t furthest = 0;
  const Sink sink = in_order();
  run(count_to(kRows), [&](auto rows, auto results) {
    furthest = std::max<int64_t>(furthest, read_ - answered_);
    sink(rows, results);
  });
  EXPECT_EQ(answered_, kRows);
  // 24 chunks of 64 rows a thread, those of a full ring and one that is filled.
  EXPECT_LE(furthest, 24 * 64 * GetParam().threads + 64);
}

// Between bursts no row waits for rows that have not come: all that were read are answered before the
// source is asked to block.
TEST_P(RunStream, AnswersBeforeItBlocks) {
  int64_t bursts = 0;
  const RunStats stats = run(
      [&](Example& row, bool may_block) {
        if (read_ == 500) return ReadStatus::end;
        if (read_ % 50 == 0 && read_ > 0 && bursts < read_ / 50) {
          if (!may_block) return ReadStatus::would_block;
          EXPECT_EQ(answered_, read_);
          ++bursts;
        }
        fill_row(&row, read_++);
        return ReadStatus::row;
      },
      in_order());
  EXPECT_EQ(stats.rows, 500);
  EXPECT_EQ(bursts, 9);
}

// Rows before an error of the source are answered, and then the error comes out.
TEST_P(RunStream, RowsBeforeAnErrorAreAnswered) {
  const Source source = count_to(1000);
  EXPECT_THROW(run(
                   [&](Example& row, bool may_block) {
                     if (read_ == 321) throw std::runtime_error("disk");
                     return source(row, may_block);
                   },
                   in_order()),
               std::runtime_error);
  EXPECT_EQ(answered_, 321);
}

// The same for a row that cannot be encoded; it is named, and the rows after it are not answered.
TEST_P(RunStream, RowsBeforeABadRowAreAnswered) {
  const Source source = count_to(1000);
  try {
    run(
        [&](Example& row, bool may_block) {
          const ReadStatus status = source(row, may_block);
          if (row.id == "130") {
            row.has_ids = true;
            row.input_ids = {1, 1 << 30};
          }
          return status;
        },
        in_order());
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::input) << e.what();
  }
  EXPECT_EQ(answered_, 130);
}

// An error of the sink ends the run: it gets nothing more.
TEST_P(RunStream, AnErrorOfTheSinkIsTheLast) {
  int64_t calls = 0;
  EXPECT_THROW(run(count_to(1000),
                   [&](auto, auto) {
                     ++calls;
                     throw std::runtime_error("full");
                   }),
               std::runtime_error);
  EXPECT_EQ(calls, 1);
}

// After a stop it neither reads nor computes; whole chunks have been delivered, in order.
TEST_P(RunStream, StopsWhenAsked) {
  std::atomic<bool> stop = false;
  const Sink sink = in_order();
  const RunStats stats = run(
      count_to(1'000'000),
      [&](auto rows, auto results) {
        sink(rows, results);
        if (answered_ >= 100) stop = true;
      },
      &stop);
  EXPECT_GE(answered_, 100);
  EXPECT_LT(read_, 1'000'000);
  EXPECT_GE(stats.rows, answered_);
}

}  // namespace
}  // namespace costeff::runtime
