#include "text/tokens/vocab_json.h"

#include <algorithm>

#include "base/fail.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/chars/decoded_text.h"

namespace costeff::text {
namespace {

// Collects the pairs while the text is parsed: building a DOM of 50,000 nodes first takes several
// times as long. The names of the members are nlohmann's.
struct PairReader {
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  const std::string& place;
  std::vector<std::pair<std::string, int64_t>> pairs;
  std::string token;
  bool inside = false;

  [[noreturn]] void not_an_id(const std::string& found) const {
    if (!inside) fail_model("{}: is {}, expected an object of token to id", place, found);
    fail_model("{}: id of token {} is {}, expected an integer", place, in_quotes(token), found);
  }
  bool null() { not_an_id("null"); }
  bool boolean(bool v) { not_an_id(v ? "true" : "false"); }
  bool number_float(number_float_t, const string_t& text) { not_an_id(printable(text, 40)); }
  bool string(string_t& v) { not_an_id(in_quotes(v)); }
  bool binary(binary_t&) { not_an_id("binary"); }
  bool start_array(size_t) { not_an_id("a list"); }
  bool end_array() { return true; }
  bool number_integer(number_integer_t v) {
    if (!inside) not_an_id(fmt::format("{}", v));
    pairs.emplace_back(std::move(token), v);
    return true;
  }
  bool number_unsigned(number_unsigned_t v) {
    return number_integer(static_cast<int64_t>(std::min<uint64_t>(v, INT64_MAX)));
  }
  bool start_object(size_t) {
    if (inside) not_an_id("an object");
    inside = true;
    return true;
  }
  bool key(string_t& k) {
    token = std::move(k);
    return true;
  }
  bool end_object() { return true; }
  bool parse_error(size_t byte, const std::string&, const Json::exception&) {
    fail_model("{}: not valid JSON at byte {}, expected an object of token to id", place, byte);
  }
};

}  // namespace

Vocab parse_vocab_json(std::string_view text, const std::string& place) {
  if (text.empty()) fail_model("{}: empty, expected a JSON object of token to id", place);
  // The parser would take a NUL for the end of the text.
  if (text.find('\0') != text.npos) fail_model("{}: holds a NUL byte, expected JSON", place);
  if (!is_utf8_fast(text)) fail_model("{}: not UTF-8, expected JSON in UTF-8", place);
  PairReader reader{place, {}, {}, false};
  // Every pair has a colon, and few tokens contain one.
  reader.pairs.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), ':')));
  Json::sax_parse(text.begin(), text.end(), &reader);
  return vocab_from_ids(reader.pairs, place);
}

Vocab vocab_from_ids(const std::vector<std::pair<std::string, int64_t>>& tokens,
                     const std::string& place) {
  if (tokens.empty()) fail_model("{}: no tokens, expected an object of token to id", place);
  int64_t largest = 0;
  for (const auto& [token, id] : tokens) {
    if (id < 0 || id >= kMaxVocabTokens) {
      fail_model("{}: id of token {} is {}, expected one from 0 to {}", place, in_quotes(token), id,
                 kMaxVocabTokens - 1);
    }
    if (token.empty()) fail_model("{}: an empty token (id {})", place, id);
    largest = std::max(largest, id);
  }
  std::vector<std::string_view> by_id(static_cast<size_t>(largest) + 1);
  for (const auto& [token, id] : tokens) {
    std::string_view& slot = by_id[static_cast<size_t>(id)];
    if (!slot.empty()) {
      fail_model("{}: tokens {} and {} both have id {}", place, in_quotes(slot), in_quotes(token),
                 id);
    }
    slot = token;
  }
  Vocab vocab = Vocab::from_tokens(by_id, place);
  if (vocab.distinct() == static_cast<int64_t>(tokens.size())) return vocab;
  for (const auto& [token, id] : tokens) {
    if (vocab.find(token) != id) fail_model("{}: token {} occurs twice", place, in_quotes(token));
  }
  return vocab;
}

}  // namespace costeff::text
