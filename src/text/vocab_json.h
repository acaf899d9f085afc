#pragma once

// vocab.json: an object of token to id.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "text/vocab.h"

namespace costeff::text {

// A vocab.json. Throws Error(model): not an object of integers, a token or an id that is there
// twice, an empty token, an id outside [0, kMaxVocabTokens).
Vocab read_vocab_json(const std::string& path);

// The same from pairs, as a tokenizer.json holds them. Ids may leave gaps. `place` begins messages.
Vocab vocab_from_ids(const std::vector<std::pair<std::string, int64_t>>& tokens,
                     const std::string& place);

}  // namespace costeff::text
