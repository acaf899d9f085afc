#pragma once

// Exact match and F1 of SQuAD, number for number as evaluate-v1.1.py and evaluate-v2.0.py give them
// (as shares, where those print percent).

#include <string>
#include <string_view>
#include <vector>

namespace costeff::tasks {

// Lower case, no ASCII punctuation, no articles (a, an, the), words parted by single blanks; words
// and blanks as Python's str.lower, re's \b and str.split see them.
std::string normalize_answer(std::string_view text);

struct AnswerScore {
  double exact = 0, f1 = 0;
};

// The best over the gold answers. version_2: no gold answer means "" (an answer is then wrong), as
// do gold answers of which normalize_answer leaves nothing. Else a question without gold answers
// scores 0.
AnswerScore score_answer(std::string_view answer, const std::vector<std::string>& gold,
                         bool version_2);

}  // namespace costeff::tasks
