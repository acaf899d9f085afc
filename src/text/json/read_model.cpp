#include <array>
#include <charconv>
#include <cmath>

#include "base/fail.h"
#include "base/parse.h"
#include "text/bpe/byte_bpe.h"
#include "text/config/tokenizer_config.h"
#include "text/json/tokenizer_json.h"
#include "text/tokens/vocab.h"

namespace costeff::text {
namespace {

constexpr const char* kModels = "WordPiece, WordLevel, BPE or Unigram";

void read_vocab(const JsonPart& model, ModelSpec* out) {
  const JsonPart vocab = model.part("vocab");
  for (const auto& [token, id] : vocab.json.items()) {
    if (!id.is_number_integer()) {
      fail_model("{}: id of {} is {}, expected an integer", vocab.place, in_quotes(token),
                 json_text(id));
    }
    // A value above 2^63 would wrap; it is out of range anyway.
    const bool huge = id.is_number_unsigned() && id.get<uint64_t>() > uint64_t{kMaxVocabTokens};
    out->vocab.emplace_back(token, huge ? kMaxVocabTokens : id.get<int64_t>());
  }
}

void read_wordpiece(const JsonPart& model, ModelSpec* out) {
  read_vocab(model, out);
  out->word.unk_token = model.string("unk_token");
  out->word.prefix = model.string("continuing_subword_prefix");
  out->word.max_chars = model.integer("max_input_chars_per_word", 0, kMaxId);
}

void read_bpe(const JsonPart& model, ModelSpec* out) {
  read_vocab(model, out);
  CharBpeOptions& bpe = out->bpe;
  bpe.unk_token = model.string_or("unk_token", "");
  bpe.prefix = model.string_or("continuing_subword_prefix", "");
  bpe.suffix = model.string_or("end_of_word_suffix", "");
  bpe.fuse_unk = model.flag("fuse_unk", false);
  bpe.byte_fallback = model.flag("byte_fallback", false);
  bpe.ignore_merges = model.flag("ignore_merges", false);
  if (model.has("dropout") && model.json["dropout"] != 0) {
    model.unsupported("dropout " + json_text(model.json["dropout"]),
                      "null: it makes tokens random");
  }
  const Json& merges = model.list("merges");
  out->merges.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const Json& m = merges[i];
    // "a b" in files before 2024, ["a", "b"] since.
    if (m.is_array() && m.size() == 2 && m[0].is_string() && m[1].is_string()) {
      out->merges.emplace_back(m[0].get<std::string>(), m[1].get<std::string>());
      continue;
    }
    if (m.is_string() && m.get_ref<const std::string&>().starts_with("#version")) continue;
    BpeMerge merge;
    if (!m.is_string() || !split_merge(m.get_ref<const std::string&>(), &merge)) {
      fail_model("{}: merges[{}] is {}, expected two tokens", model.place, i, json_text(m));
    }
    out->merges.emplace_back(merge.left, merge.right);
  }
}

// The score as the Rust library reads it: serde_json takes the digits as one integer and divides it
// by a power of ten, which does not always give the nearest double. The last bit decides between
// cuts that are equally good otherwise (runs of one character).
double rust_number(double v) {
  std::array<char, 64> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), v, std::chars_format::scientific);
  uint64_t digits = 0;
  int after_point = 0;
  const char* at = text.data();
  bool negative = false, point = false;
  for (; error == std::errc() && at < end && *at != 'e'; ++at) {
    if (*at == '-') negative = true;
    if (*at == '.') point = true;
    if (*at < '0' || *at > '9') continue;
    digits = digits * 10 + static_cast<uint64_t>(*at - '0');
    after_point += point;
  }
  if (at == end) return v;  // not finite
  at += at[1] == '+' ? 2 : 1;
  const int64_t exponent = parse_int({at, end}).value_or(0) - after_point;
  if (exponent < -300 || exponent > 300) return v;
  const double power = std::pow(10.0, static_cast<double>(std::abs(exponent)));
  const auto f = static_cast<double>(digits);
  const double magnitude = exponent < 0 ? f / power : f * power;
  return negative ? -magnitude : magnitude;
}

void read_unigram(const JsonPart& model, ModelSpec* out) {
  const Json& vocab = model.list("vocab");
  if (vocab.empty()) fail_model("{}: vocab: no pieces", model.place);
  if (vocab.size() > static_cast<size_t>(kMaxVocabTokens)) {
    fail_model("{}: vocab: {} pieces, at most {} are supported", model.place, vocab.size(),
               kMaxVocabTokens);
  }
  out->pieces.reserve(vocab.size());
  for (size_t i = 0; i < vocab.size(); ++i) {
    const Json& piece = vocab[i];
    if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number()) {
      fail_model("{}: vocab[{}] is {}, expected [piece, score]", model.place, i, json_text(piece));
    }
    out->pieces.emplace_back(piece[0].get<std::string>(), rust_number(piece[1].get<double>()));
  }
  if (model.has("unk_id")) {
    const auto last = static_cast<int64_t>(vocab.size()) - 1;
    out->unk_id = static_cast<int32_t>(model.integer("unk_id", 0, last));
  }
  out->byte_fallback = model.flag("byte_fallback", false);
}

// Old files do not name the type.
std::string type_of(const JsonPart& model) {
  if (model.has("type")) return model.string("type");
  if (model.has("merges")) return "BPE";
  if (model.has("vocab") && model.json["vocab"].is_array()) return "Unigram";
  return model.has("continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

}  // namespace

ModelSpec read_model(const JsonPart& file) {
  const JsonPart model = file.part("model");
  const std::string type = type_of(model);
  ModelSpec out;
  if (type == "WordPiece") {
    out.kind = ModelSpec::Kind::wordpiece;
    read_wordpiece(model, &out);
  } else if (type == "WordLevel") {
    out.kind = ModelSpec::Kind::wordlevel;
    read_vocab(model, &out);
    out.word.unk_token = model.string("unk_token");
  } else if (type == "BPE") {
    out.kind = ModelSpec::Kind::bpe;
    read_bpe(model, &out);
  } else if (type == "Unigram") {
    out.kind = ModelSpec::Kind::unigram;
    read_unigram(model, &out);
  } else {
    model.unsupported("type " + type, kModels);
  }
  return out;
}

}  // namespace costeff::text
