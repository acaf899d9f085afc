#pragma once

// vocab.json: an object of token to id.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tokens/vocab.h"

namespace costeff::text {

// Reads the text of a vocab.json. Throws Error(model) if it is not an object of integers, a token
// or an id occurs twice, a token is empty, or an id is outside [0, kMaxVocabTokens). `place` begins
// messages.
Vocab parse_vocab_json(std::string_view text, const std::string& place);

// The same from pairs, as a tokenizer.json holds them. Ids may leave gaps.
Vocab vocab_from_ids(const std::vector<std::pair<std::string, int64_t>>& tokens,
                     const std::string& place);

}  // namespace costeff::text
