#include "text/vocab_json.h"

#include <costeff/error.h>

#include <algorithm>

#include "base/json.h"
#include "base/utf8.h"
#include "text/decoded_text.h"

namespace costeff::text {
namespace {

// Takes the pairs as the parser meets them: building a DOM of 50,000 nodes first takes several
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
    if (!inside) throw_model(place + ": is " + found + ", expected an object of token to id");
    throw_model(place + ": id of token " + in_quotes(token) + " is " + found +
                ", expected an integer");
  }
  bool null() { not_an_id("null"); }
  bool boolean(bool v) { not_an_id(v ? "true" : "false"); }
  bool number_float(number_float_t, const string_t& text) { not_an_id(printable(text, 40)); }
  bool string(string_t& v) { not_an_id(in_quotes(v)); }
  bool binary(binary_t&) { not_an_id("binary"); }
  bool start_array(size_t) { not_an_id("a list"); }
  bool end_array() { return true; }
  bool number_integer(number_integer_t v) {
    if (!inside) not_an_id(std::to_string(v));
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
    throw_model(place + ": not valid JSON at byte " + std::to_string(byte) +
                ", expected an object of token to id");
  }
};

}  // namespace

Vocab parse_vocab_json(std::string_view text, const std::string& place) {
  if (text.empty()) throw_model(place + ": empty, expected a JSON object of token to id");
  // The parser takes a NUL for the end of the text.
  if (text.find('\0') != text.npos) throw_model(place + ": holds a NUL byte, expected JSON");
  if (!is_utf8_fast(text)) throw_model(place + ": not UTF-8, expected JSON in UTF-8");
  PairReader reader{place, {}, {}, false};
  // Every pair has a colon, and little else has one.
  reader.pairs.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), ':')));
  Json::sax_parse(text.begin(), text.end(), &reader);
  return vocab_from_ids(reader.pairs, place);
}

Vocab vocab_from_ids(const std::vector<std::pair<std::string, int64_t>>& tokens,
                     const std::string& place) {
  if (tokens.empty()) throw_model(place + ": no tokens, expected an object of token to id");
  int64_t largest = 0;
  for (const auto& [token, id] : tokens) {
    if (id < 0 || id >= kMaxVocabTokens) {
      throw_model(place + ": id of token " + in_quotes(token) + " is " + std::to_string(id) +
                  ", expected one from 0 to " + std::to_string(kMaxVocabTokens - 1));
    }
    if (token.empty()) throw_model(place + ": an empty token (id " + std::to_string(id) + ")");
    largest = std::max(largest, id);
  }
  std::vector<std::string_view> by_id(static_cast<size_t>(largest) + 1);
  for (const auto& [token, id] : tokens) {
    std::string_view& slot = by_id[static_cast<size_t>(id)];
    if (!slot.empty()) {
      throw_model(place + ": tokens " + in_quotes(slot) + " and " + in_quotes(token) +
                  " both have id " + std::to_string(id));
    }
    slot = token;
  }
  Vocab vocab = Vocab::from_tokens(by_id, place);
  if (vocab.distinct() == static_cast<int64_t>(tokens.size())) return vocab;
  for (const auto& [token, id] : tokens) {
    if (vocab.find(token) != id)
      throw_model(place + ": token " + in_quotes(token) + " is there twice");
  }
  return vocab;
}

}  // namespace costeff::text
