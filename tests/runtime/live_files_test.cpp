// Weights that change under a loaded model: no answer computed after that is delivered.

#include <costeff/convert.h>
#include <costeff/diff.h>
#include <costeff/engine.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/format.h"
#include "file_changes.h"

namespace costeff {
namespace {

struct Change {
  const char* name;
  void (*make)(const std::string& weights);
  bool harmless;
};

const Change kChanges[] = {
    {"nothing", [](const std::string&) {}, true},
    {"another renamed over it", [](const std::string& p) { rename_over(p, "another"); }, true},
    {"removed", [](const std::string& p) { std::filesystem::remove(p); }, true},
    {"hard link", [](const std::string& p) { std::filesystem::create_hard_link(p, p + ".2"); },
     true},
    {"overwritten at its end",
     [](const std::string& p) {
       overwrite(p, "\1\1\1", static_cast<int64_t>(std::filesystem::file_size(p)) - 3);
     },
     false},
    {"overwritten and its time set back",
     [](const std::string& p) { overwrite_and_set_time_back(p, read_whole_file(p)); }, false},
    {"touched", [](const std::string& p) { touch(p); }, false},
    {"cut", [](const std::string& p) { cut(p, 100); }, false},
    {"cut to nothing", [](const std::string& p) { cut(p); }, false},
    {"appended to", [](const std::string& p) { append_text(p, "x"); }, false},
};

std::vector<Example> rows_of_text(int64_t count) {
  std::vector<Example> rows(static_cast<size_t>(count));
  const auto texts = tiny_texts(count, 5);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].text_a = texts[i];
  return rows;
}

// The rows that a run delivers if the file is changed after `before` rows.
struct Handed {
  std::vector<Result> results;
  std::string error;
};
Handed run_with_change(const Engine& engine, const std::vector<Example>& rows, size_t before,
                       const RunOptions& options, const std::function<void()>& change) {
  Handed handed;
  size_t next = 0;
  bool changed = false;
  handed.error = error_of(ErrorKind::model, [&] {
    engine.run(
        [&](Example& row, bool may_block) {
          if (next == before && !changed) {
            // Those before are answered while the source makes the engine wait.
            if (!may_block) return ReadStatus::would_block;
            EXPECT_EQ(handed.results.size(), before);
            change();
            changed = true;
          }
          if (next == rows.size()) return ReadStatus::end;
          row = rows[next++];
          return ReadStatus::row;
        },
        [&](std::span<const Example>, std::span<const Result> results) {
          handed.results.insert(handed.results.end(), results.begin(), results.end());
        },
        options);
  });
  return handed;
}

ExitPolicy leave_at(int64_t layer) {
  ExitPolicy p;
  p.kind = PolicyKind::fixed;
  p.layer = layer;
  return p;
}

// leave: all rows leave at the first exit before the change, so that the layers after it are not packed
// yet; otherwise all is packed, and only word vectors are read from the file.
void check_changes(bool leave, const RunOptions& options) {
  const auto rows = rows_of_text(24);
  for (const Change& change : kChanges) {
    for (const size_t before : {size_t{0}, size_t{9}}) {
      const TempDir dir;
      write_tiny_checkpoint(dir.path(), {});
      const std::string weights = dir.file("model.safetensors");
      const Engine engine(dir.path());
      RunOptions first = options, then = options;
      first.policy = leave_at(leave ? 1 : 4);
      then.policy = leave_at(4);
      engine.score(rows, first);
      const Handed handed =
          run_with_change(engine, rows, before, then, [&] { change.make(weights); });
      const std::string what = fmt::format("{} after {}", change.name, before);
      if (change.harmless) {
        EXPECT_EQ(handed.error, "") << what;
        EXPECT_EQ(handed.results.size(), rows.size()) << what;
        continue;
      }
      EXPECT_EQ(handed.results.size(), before) << what;
      EXPECT_TRUE(handed.error.starts_with(weights + ": ")) << what << ": " << handed.error;
      EXPECT_NE(handed.error.find("expected a file that stays as it is"), std::string::npos);
      // It stays an error.
      EXPECT_EQ(error_of(ErrorKind::model, [&] { engine.score(rows, first); }), handed.error)
          << what;
    }
  }
}

TEST(LiveFiles, NoAnswerOfChangedWeights) {
  struct Case {
    bool leave;
    int64_t threads;
    Mode mode;
  };
  for (const Case& c : {Case{false, 1, Mode::throughput}, Case{true, 1, Mode::latency},
                        Case{true, 3, Mode::throughput}, Case{false, 2, Mode::latency}}) {
    RunOptions options;
    options.threads = c.threads;
    options.mode = c.mode;
    options.batch_tokens = 64;
    check_changes(c.leave, options);
  }
}

TEST(LiveFiles, AnswersAfterARenameAreThoseOfTheLoadedWeights) {
  const TempDir dir, kept;
  write_tiny_checkpoint(dir.path(), {});
  write_tiny_checkpoint(kept.path(), {});
  const auto rows = rows_of_text(50);
  const auto expected = Engine(kept.path()).score(rows);
  const Engine engine(dir.path());
  const Handed handed = run_with_change(engine, rows, 10, {}, [&] {
    write_tiny_checkpoint(kept.path(), {.seed = 2});
    rename_over(dir.file("model.safetensors"), read_whole_file(kept.file("model.safetensors")));
  });
  ASSERT_EQ(handed.results.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(handed.results[i].logits, expected[i].logits);
}

TEST(LiveFiles, DiffNoticesBothModels) {
  for (const bool second : {false, true}) {
    const TempDir a, b;
    write_tiny_checkpoint(a.path(), {});
    write_tiny_checkpoint(b.path(), {});
    const std::string changed = (second ? b : a).file("model.safetensors");
    const auto rows = rows_of_text(3);
    size_t next = 0;
    const std::string error = error_of(ErrorKind::model, [&] {
      diff_checkpoints(a.path(), b.path(),
                       [&](Example& row, bool) {
                         if (next == rows.size()) return ReadStatus::end;
                         if (next == 1) touch(changed);
                         row = rows[next++];
                         return ReadStatus::row;
                       },
                       {});
    });
    EXPECT_TRUE(error.starts_with(changed + ": was written to")) << error;
  }
}

}  // namespace
}  // namespace costeff
