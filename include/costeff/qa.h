#pragma once

// Extractive question answering (SQuAD): plain data, which every room may use. Engine::answer computes
// the answers.

#include <costeff/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

struct QaExample {
  std::string question, context;
  std::string id;     // passed through, in any form
  std::string place;  // where it comes from, with which messages begin: "dev.jsonl:7"; may be empty

  std::string error = {};              // as Example::error
  std::vector<std::string> kept = {};  // passed through, as are the members below
  std::string raw = {};
  std::string_view source = {};
  int64_t line = 0;
};

// Names and meanings as in Hugging Face's run_qa.py.
struct QaOptions {
  int64_t max_length = 0;  // tokens of a window, with question and special tokens; 0: at most 384
  // Tokens that neighbouring windows of a long context share. -1: 128, but at most half of max_length,
  // and half of what the question leaves of it.
  int64_t doc_stride = -1;
  int64_t max_answer_length = 30;  // tokens
  int64_t n_best = 20;         // how many of the likeliest starts, ends and spans are considered
  bool version_2 = false;      // SQuAD v2: a question may have no answer
  double null_threshold = 0;   // version_2: no answer if QaResult::null_odds is above it
  int64_t threads = 0;         // 0: as many as the process may use
  int64_t batch_tokens = 0;    // as RunOptions::batch_tokens
  bool skip_bad_rows = false;  // as RunOptions::skip_bad_rows, with QaResult::error
};

// A span of the context, verbatim. "No answer" has no text, and all its offsets are 0.
struct QaAnswer {
  std::string text;
  int64_t begin = 0, end = 0;            // bytes [begin, end) of the context
  int64_t char_begin = 0, char_end = 0;  // the same in code points: Python's context[begin:end]
  float score = 0;                       // softmax of start + end logit over QaResult::n_best
  float start_logit = 0, end_logit = 0;
};

struct QaResult {
  QaAnswer answer;
  // Likeliest first, at most QaOptions::n_best, and with version_2 one more if "no answer" would be
  // left out. A span in two windows is listed once, with the logits of the better window. Of equal
  // scores the earlier window goes first, then the earlier start, then the earlier end. Empty if the
  // context has no token and version_2 is off.
  std::vector<QaAnswer> n_best;
  float null_score = 0;  // start + end logit of the first token, in the window where it is lowest
  float null_odds = 0;   // null_score minus the best span's start + end logit; no span: infinity
  int64_t windows = 0;
  int64_t tokens = 0;     // of all windows
  bool bad_utf8 = false;  // question or context had bytes that are not UTF-8, read as U+FFFD
  bool empty = false;     // the question or the context is only white space
  std::string error;      // skip_bad_rows: why it was not answered; then nothing else is set
};

struct QaStats {
  int64_t questions = 0, windows = 0, bad_utf8_questions = 0, empty_questions = 0;
  int64_t skipped_questions = 0;  // not answered (QaResult::error), not in the other numbers
  RunStats run;                   // its rows are windows
};

}  // namespace costeff
