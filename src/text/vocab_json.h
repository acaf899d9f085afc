#pragma once

// vocab.json: an object of token to id.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/vocab.h"

namespace costeff::text {

// The text of a vocab.json; `place` begins messages. Throws Error(model): not an object of
// integers, a token or an id that is there twice, an empty token, an id outside
// [0, kMaxVocabTokens).
Vocab parse_vocab_json(std::string_view text, const std::string& place);

// The same from pairs, as a tokenizer.json holds them. Ids may leave gaps.
Vocab vocab_from_ids(const std::vector<std::pair<std::string, int64_t>>& tokens,
                     const std::string& place);

}  // namespace costeff::text
