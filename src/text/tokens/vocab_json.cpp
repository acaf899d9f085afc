#include "text/tokens/vocab_json.h"

#include <algorithm>

#include "base/fail.h"
#include "base/format.h"
#include "base/json/json_events.h"
#include "text/chars/decoded_text.h"

namespace costeff::text {
namespace {

// Collects the pairs while the text is parsed: building a tree of 50,000 nodes first takes several
// times as long.
struct PairReader {
  const std::string& place;
  std::vector<std::pair<std::string, int64_t>> pairs;
  std::string token;

  void on(const JsonEvent& e) {
    if (e.depth == 0) {
      if (e.kind == JsonKind::object_begin || e.kind == JsonKind::object_end) return;
      fail_model("{}: is {}, expected an object of token to id", place, value_text(e));
    }
    switch (e.kind) {
      case JsonKind::key:
        token = std::move(*e.text);
        return;
      case JsonKind::unsigned_int:
        add(static_cast<int64_t>(std::min<uint64_t>(e.unsigned_int, INT64_MAX)));
        return;
      case JsonKind::negative_int:
        add(e.negative_int);
        return;
      default:
        fail_model("{}: id of token {} is {}, expected an integer", place, in_quotes(token),
                   value_text(e));
    }
  }

 private:
  void add(int64_t id) { pairs.emplace_back(std::move(token), id); }

  static std::string value_text(const JsonEvent& e) {
    switch (e.kind) {
      case JsonKind::boolean:
        return e.boolean ? "true" : "false";
      case JsonKind::unsigned_int:
        return fmt::format("{}", e.unsigned_int);
      case JsonKind::negative_int:
        return fmt::format("{}", e.negative_int);
      case JsonKind::real:
        return shortest(e.real);
      case JsonKind::string:
        return in_quotes(*e.text);
      default:
        return json_event_text(e);
    }
  }
};

}  // namespace

Vocab parse_vocab_json(std::string_view text, const std::string& place) {
  if (text.empty()) fail_model("{}: empty, expected a JSON object of token to id", place);
  if (!is_utf8_fast(text)) fail_model("{}: not UTF-8, expected JSON in UTF-8", place);
  PairReader reader{place, {}, {}};
  // Every pair has a colon, and few tokens contain one.
  reader.pairs.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), ':')));
  read_json_events(text, place, ErrorKind::model, reader);
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
