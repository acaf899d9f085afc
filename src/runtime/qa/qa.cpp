#include "runtime/qa/qa.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>

#include "base/fail.h"
#include "runtime/encode_row.h"
#include "runtime/qa/spans.h"
#include "runtime/qa/windows.h"
#include "runtime/window_queue.h"

namespace costeff::runtime {
namespace {

constexpr int64_t kDefaultMaxLength = 384;  // run_squad's
constexpr int64_t kMaxBest = 1000;

// A question with windows under way.
struct PendingQuestion : PendingWindows {
  QaExample example;
  SpanSearch search;
};

class Questions {
 public:
  Questions(const model::Model& model, const text::Tokenizer& tokenizer, const QaSource& source,
            const QaSink& sink, const QaOptions& options)
      : model_(model), tokenizer_(tokenizer), source_(source), sink_(sink), options_(options) {}

  ReadStatus next_window(Example& row, bool may_block) {
    return queue_.next_window(
        may_block, [this](PendingQuestion* p, bool wait) { return read(p, wait); },
        [](const PendingQuestion& p) {
          return static_cast<int64_t>(p.example.question.size() + p.example.context.size());
        },
        &row);
  }

  // Adds windows to the answers of their questions. They come in the order in which they were made.
  void join(std::span<const Result> windows) {
    examples_.clear();
    results_.clear();
    for (const Result& window : windows) {
      PendingQuestion& p = queue_.front();
      const int64_t k = p.joined++;
      if (!p.error.empty()) {
        finish(&p);
        continue;
      }
      const auto width = static_cast<size_t>(p.text.end(k) - p.text.begin(k));
      search_window(window.token_logits, p.text.head, {p.text.spans(k), width}, options_,
                    &p.search);
      tokens_ += window.tokens;
      if (p.joined == p.text.windows.count) finish(&p);
    }
    if (!examples_.empty()) sink_(examples_, results_);
  }

  int64_t questions() const { return questions_; }
  int64_t bad_utf8() const { return bad_utf8_; }
  int64_t empty() const { return empty_; }
  int64_t skipped() const { return skipped_; }

 private:
  ReadStatus read(PendingQuestion* p, bool may_block) const {
    const ReadStatus status = source_(p->example, may_block);
    if (status != ReadStatus::row) return status;
    p->cut_or_skip(options_.skip_bad_rows,
                   [&] { encode_question(model_, tokenizer_, p->example, options_, &p->text); });
    return status;
  }

  void finish(PendingQuestion* p) {
    QaResult& r = results_.emplace_back();
    if (p->error.empty()) {
      finish_search(p->search, p->example.context, options_, &r);
      r.windows = p->text.windows.count;
      r.tokens = tokens_;
      r.bad_utf8 = p->text.whole.bad_utf8;
      r.empty = is_blank(p->example.question) || is_blank(p->example.context);
      ++questions_;
      bad_utf8_ += r.bad_utf8;
      empty_ += r.empty;
    } else {
      r.error = std::move(p->error);
      ++skipped_;
    }
    tokens_ = 0;
    examples_.push_back(std::move(p->example));
    queue_.pop_front();
  }

  const model::Model& model_;
  const text::Tokenizer& tokenizer_;
  const QaSource& source_;
  const QaSink& sink_;
  const QaOptions& options_;

  WindowQueue<PendingQuestion> queue_;

  // Used by the threads that deliver, one at a time.
  std::vector<QaExample> examples_;
  std::vector<QaResult> results_;
  int64_t tokens_ = 0;  // of the first question's joined windows
  int64_t questions_ = 0, bad_utf8_ = 0, empty_ = 0, skipped_ = 0;
};

void check_range(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  fail_usage("{} {}, expected {} to {}", name, value, low, high);
}

}  // namespace

QaOptions resolve_qa(const QaOptions& options, const model::Model& m, int64_t default_max_length) {
  if (!m.arch.question_answering) {
    fail_usage("the model has no question answering head (qa_outputs): it is {}",
               m.provenance.dialect);
  }
  QaOptions o = options;
  if (o.max_length == 0) o.max_length = std::min(kDefaultMaxLength, default_max_length);
  check_range("max length", o.max_length, 1, m.arch.max_length);
  check_range("document stride", o.doc_stride, -1, m.arch.max_length);
  check_range("max answer length", o.max_answer_length, 1, int64_t{1} << 30);
  check_range("n-best", o.n_best, 1, kMaxBest);
  if (std::isnan(o.null_threshold)) throw_usage("null threshold is not a number");
  return o;
}

QaStats run_qa(const LoadedModel& model, const text::Tokenizer& tokenizer, const QaSource& source,
               const QaSink& sink, const QaOptions& options, const StreamOptions& stream,
               const std::atomic<bool>* stop) {
  Questions questions(model.spec, tokenizer, source, sink, options);
  StreamOptions windows = stream;
  windows.encode.max_length = windows.max_ids = options.max_length;
  windows.skip_bad_rows = options.skip_bad_rows;
  QaStats stats;
  stats.run = run_stream(
      model, tokenizer,
      [&](Example& row, bool may_block) { return questions.next_window(row, may_block); },
      [&](std::span<const Example>, std::span<const Result> results) { questions.join(results); },
      windows, stop);
  stats.questions = questions.questions();
  stats.windows = stats.run.rows;
  stats.bad_utf8_questions = questions.bad_utf8();
  stats.empty_questions = questions.empty();
  stats.skipped_questions = questions.skipped();
  return stats;
}

}  // namespace costeff::runtime
