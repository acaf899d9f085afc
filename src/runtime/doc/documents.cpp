#include "runtime/doc/documents.h"

#include <algorithm>
#include <utility>

#include "exit/window_join.h"
#include "runtime/chunk.h"
#include "runtime/encode_row.h"
#include "runtime/window_queue.h"

namespace costeff::runtime {
namespace {

// A row with windows under way.
struct PendingText : PendingWindows {
  Example example;
  bool empty = false;
  Result result;                           // of the windows so far
  exits::JoinedAnswer answer;              // of the exits by which they left
  std::vector<exits::JoinedAnswer> exits;  // [E] with all_exits
};

class Documents {
 public:
  Documents(const LoadedModel& model, const text::Tokenizer& tokenizer, const Source& source,
            const Sink& sink, const DocumentOptions& options, const StreamOptions& stream)
      : arch_(model.spec.arch),
        tokenizer_(tokenizer),
        cutter_(model.spec, tokenizer, stream.encode, stream.max_ids, options),
        source_(source),
        sink_(sink),
        options_(options),
        stream_(stream),
        scoring_{arch_.problem, stream.plan.label_thresholds} {
    stats_.exit_histogram.resize(arch_.layers.size());
  }

  ReadStatus next_window(Example& row, bool may_block) {
    row.text_a.clear();
    row.text_b.reset();
    return queue_.next_window(
        may_block, [this](PendingText* p, bool wait) { return read(p, wait); },
        [](const PendingText& p) {
          const Example& e = p.example;
          return static_cast<int64_t>(e.text_a.size() + (e.text_b ? e.text_b->size() : 0));
        },
        &row);
  }

  // Adds windows to the answers of their rows. They come in the order in which they were made.
  void join(std::span<const Result> windows) {
    examples_.clear();
    results_.clear();
    for (const Result& window : windows) {
      PendingText& p = queue_.front();
      ++p.joined;
      if (p.error.empty()) add(window, &p);
      if (p.joined == p.text.windows.count) finish(&p);
    }
    if (!examples_.empty()) sink_(examples_, results_);
  }

  const RunStats& stats() const { return stats_; }

 private:
  ReadStatus read(PendingText* p, bool may_block) const {
    const ReadStatus status = source_(p->example, may_block);
    if (status != ReadStatus::row) return status;
    p->cut_or_skip(stream_.skip_bad_rows, [&] {
      cutter_.cut(p->example, &p->text);
      p->empty = has_no_text(tokenizer_, p->example, p->text.whole);
    });
    return status;
  }

  std::span<const float> numbers(const std::vector<float>& logits,
                                 const std::vector<float>& probs) const {
    return is_regression(arch_) ? std::span(logits) : std::span(probs);
  }

  void add(const Result& window, PendingText* p) const {
    Result& r = p->result;
    if (p->text.windows.count == 1) {
      r = window;
      if (options_.keep_windows) r.windows.push_back(window);
      return;
    }
    if (p->joined == 1) {
      p->answer = exits::JoinedAnswer(arch_.num_labels);
      p->exits.assign(window.exits.size(), exits::JoinedAnswer(arch_.num_labels));
      r.exits.resize(window.exits.size());
    }
    r.exit_layer = std::max(r.exit_layer, window.exit_layer);
    r.tokens += window.tokens;
    p->answer.add(options_.join, numbers(window.logits, window.probs));
    for (size_t e = 0; e < window.exits.size(); ++e) {
      r.exits[e].layer = window.exits[e].layer;
      r.exits[e].uncertainty = std::max(r.exits[e].uncertainty, window.exits[e].uncertainty);
      p->exits[e].add(options_.join, numbers(window.exits[e].logits, window.exits[e].probs));
    }
    if (options_.keep_windows) r.windows.push_back(window);
  }

  exits::ExitScore take(const exits::JoinedAnswer& joined, std::vector<float>* probs,
                        std::vector<float>* logits) const {
    probs->resize(static_cast<size_t>(arch_.num_labels));
    logits->resize(probs->size());
    const exits::ExitScore s = joined.finish(scoring_, options_.join, *probs, *logits);
    if (is_regression(arch_)) probs->clear();
    return s;
  }

  void finish_windows(PendingText* p) const {
    Result& r = p->result;
    const exits::ExitScore s = take(p->answer, &r.probs, &r.logits);
    r.label = s.label;
    r.prob = s.prob;
    r.entropy = s.entropy;
    if (is_multi_label(arch_)) {
      r.label = 0;
      exits::choose_labels(scoring_, r.probs, &r.labels);
    }
    for (size_t e = 0; e < p->exits.size(); ++e)
      r.exits[e].entropy = take(p->exits[e], &r.exits[e].probs, &r.exits[e].logits).entropy;
  }

  void finish(PendingText* p) {
    Result& r = p->result;
    if (p->error.empty()) {
      r.window_count = p->text.windows.count;
      if (r.window_count > 1) finish_windows(p);
      r.truncated = p->text.whole.truncated;
      r.bad_utf8 = p->text.whole.bad_utf8;
      r.empty = p->empty;
    } else {
      r = {};
      r.error = std::move(p->error);
    }
    count_result(r, &stats_);
    results_.push_back(std::move(r));
    examples_.push_back(std::move(p->example));
    queue_.pop_front();
  }

  const model::Architecture& arch_;
  const text::Tokenizer& tokenizer_;
  const DocumentCutter cutter_;
  const Source& source_;
  const Sink& sink_;
  const DocumentOptions& options_;
  const StreamOptions& stream_;
  const exits::Scoring scoring_;

  WindowQueue<PendingText> queue_;

  // Used by the threads that deliver, one at a time.
  std::vector<Example> examples_;
  std::vector<Result> results_;
  RunStats stats_;
};

}  // namespace

RunStats run_documents(const LoadedModel& model, const text::Tokenizer& tokenizer,
                       const Source& source, const Sink& sink, const DocumentOptions& options,
                       const StreamOptions& stream, const std::atomic<bool>* stop) {
  Documents documents(model, tokenizer, source, sink, options, stream);
  const RunStats of_windows = run_stream(
      model, tokenizer,
      [&](Example& row, bool may_block) { return documents.next_window(row, may_block); },
      [&](std::span<const Example>, std::span<const Result> results) { documents.join(results); },
      stream, stop);
  RunStats stats = of_windows;
  const RunStats& rows = documents.stats();
  stats.rows = rows.rows;
  stats.windows = rows.windows;
  stats.tokens = rows.tokens;
  stats.bad_utf8_rows = rows.bad_utf8_rows;
  stats.truncated_rows = rows.truncated_rows;
  stats.empty_rows = rows.empty_rows;
  stats.skipped_rows = rows.skipped_rows;
  stats.exit_histogram = rows.exit_histogram;
  return stats;
}

}  // namespace costeff::runtime
