#pragma once

// Extractive question answering (SQuAD): plain data, open to every room. Engine::answer computes
// it.

#include <costeff/result.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costeff {

struct QaExample {
  std::string question, context;
  std::string id;     // passed through; its form is the caller's business
  std::string place;  // where it comes from, begins messages: "dev.jsonl:7"; may be empty

  std::string error = {};              // as Example::error
  std::vector<std::string> kept = {};  // passed through, as are the members below
  std::string raw = {};
  std::string_view source = {};
  int64_t line = 0;
};

// Names and meanings as in Hugging Face's run_qa.py.
struct QaOptions {
  int64_t max_length = 0;  // tokens of a window, question and specials included; 0: at most 384
  // Tokens that neighbouring windows of a long context share. -1: 128, or less where a window is
  // short: at most half of max_length, and half of what the question leaves of it.
  int64_t doc_stride = -1;
  int64_t max_answer_length = 30;  // tokens
  int64_t n_best = 20;             // likeliest starts, ends and spans that are looked at
  bool version_2 = false;          // SQuAD v2: a question may have no answer
  double null_threshold = 0;       // version_2: no answer where QaResult::null_odds is above it
  int64_t threads = 0;             // 0: as many as the process may use
  int64_t batch_tokens = 0;        // tokens that travel together at most; 0: the engine's choice
  bool skip_bad_rows = false;      // as RunOptions::skip_bad_rows, with QaResult::error
};

// A span of the context, as it stands there. "No answer" has no text, and 0 for all offsets.
struct QaAnswer {
  std::string text;
  int64_t begin = 0, end = 0;            // bytes [begin, end) of the context
  int64_t char_begin = 0, char_end = 0;  // the same in code points: Python's context[begin:end]
  float score = 0;                       // softmax of start + end logit over QaResult::n_best
  float start_logit = 0, end_logit = 0;
};

struct QaResult {
  QaAnswer answer;
  // Likeliest first, at most QaOptions::n_best, version_2: one more if "no answer" would be left
  // out. A span that two windows hold is there once, with its better window's logits. Equal scores:
  // the earlier window, then the earlier start, then the earlier end first. Empty if the context
  // has no token and version_2 is off.
  std::vector<QaAnswer> n_best;
  float null_score = 0;  // start + end logit of the first token, of the window where it is lowest
  float null_odds = 0;   // null_score less the best span's start + end logit; no span: infinity
  int64_t windows = 0;
  int64_t tokens = 0;     // of all windows
  bool bad_utf8 = false;  // question or context held bytes that are not UTF-8; read as U+FFFD
  bool empty = false;     // the question or the context has no text: nothing but white space
  std::string error;      // skip_bad_rows: why it was not answered; nothing else is set then
};

struct QaStats {
  int64_t questions = 0, windows = 0, bad_utf8_questions = 0, empty_questions = 0;
  int64_t skipped_questions = 0;  // not answered (QaResult::error), no part of the other numbers
  RunStats run;                   // its rows are windows
};

}  // namespace costeff
