#pragma once

// The pre-tokeniser of GPT-2 and RoBERTa.

#include <cstddef>
#include <string_view>

namespace costeff::text {

// The end of the word that begins at text[at], at < text.size(), as the leftmost match of
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// gives it. The words tile the text. Time: O(bytes of the word).
// Source: openai/gpt-2 encoder.py, with the character classes of the fast tokenizer
// (char_tables.h).
size_t bpe_word_end(std::string_view text, size_t at);

}  // namespace costeff::text
