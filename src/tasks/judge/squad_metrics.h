#pragma once

// Exact match and F1 of SQuAD, number for number as evaluate-v1.1.py and evaluate-v2.0.py give them
// (but as shares instead of percent).

#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// Lower case, without ASCII punctuation and articles (a, an, the), words separated by single
// blanks; as Python's str.lower, re's \b and str.split define them.
std::string normalize_answer(std::string_view text);

struct AnswerScore {
  double exact = 0, f1 = 0;
};

// The best score over the gold answers. version_2: gold answers that normalize_answer makes empty
// do not count, and without any other the right answer is "". Not version_2: a question without
// gold answers scores 0.
AnswerScore score_answer(std::string_view answer, const std::vector<std::string>& gold,
                         bool version_2);

}  // namespace costeff::tasks
