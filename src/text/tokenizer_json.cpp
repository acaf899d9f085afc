#include "text/tokenizer_json.h"

#include <costeff/error.h>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer_config.h"
#include "text/vocab.h"
#include "text/wordpiece.h"

namespace costeff::text {
namespace {

constexpr int64_t kMaxTypeId = 255;

// An object of the file and what to call it: "m/tokenizer.json: model".
struct Part {
  const Json& json;
  std::string place;

  Part(const Json& value, std::string where) : json(value), place(std::move(where)) {
    if (!json.is_object()) throw_model(place + " is " + json_text(json) + ", expected an object");
  }
  bool has(const char* key) const { return json.contains(key) && !json[key].is_null(); }
  // Must be there.
  const Json& at(const char* key) const {
    if (!has(key)) throw_model(place + ": no \"" + key + "\"");
    return json[key];
  }
  Part part(const char* key) const { return {at(key), place + ": " + key}; }
  std::string string(const char* key) const {
    at(key);
    return *json_string(json, key, place, ErrorKind::model);
  }
  bool flag(const char* key, bool fallback) const {
    return has(key) ? json_bool(json, key, fallback, place, ErrorKind::model) : fallback;
  }
  int64_t integer(const char* key, int64_t low, int64_t high) const {
    at(key);
    return json_int(json, key, 0, low, high, place, ErrorKind::model);
  }
  const Json& list(const char* key) const {
    const Json& value = at(key);
    if (!value.is_array())
      throw_model(place + ": " + key + " is " + json_text(value) + ", expected a list");
    return value;
  }
  [[noreturn]] void unsupported(const std::string& what, const char* expected) const {
    throw_model(place + ": " + printable(what, 60) + " is not supported, expected " + expected);
  }
};

void read_vocab(const Part& model, TokenizerJson* out) {
  const Part vocab = model.part("vocab");
  for (const auto& [token, id] : vocab.json.items()) {
    if (!id.is_number_integer()) {
      throw_model(vocab.place + ": id of \"" + printable(token, 60) + "\" is " + json_text(id) +
                  ", expected an integer");
    }
    // Above 2^63 the value would wrap; it is out of range anyhow.
    const bool huge = id.is_number_unsigned() && id.get<uint64_t>() > uint64_t{kMaxVocabTokens};
    out->vocab.emplace_back(token, huge ? kMaxVocabTokens : id.get<int64_t>());
  }
}

void read_wordpiece(const Part& model, TokenizerJson* out) {
  read_vocab(model, out);
  out->unk_token = model.string("unk_token");
  if (const std::string prefix = model.string("continuing_subword_prefix"); prefix != "##") {
    model.unsupported("continuing_subword_prefix \"" + prefix + "\"", "\"##\"");
  }
  const int64_t limit = model.integer("max_input_chars_per_word", 0, kMaxId);
  if (limit != WordPiece::kMaxWordChars) {
    model.unsupported("max_input_chars_per_word " + std::to_string(limit), "100");
  }
}

void read_bpe(const Part& model, TokenizerJson* out) {
  out->is_bpe = true;
  read_vocab(model, out);
  if (model.has("unk_token")) out->unk_token = model.string("unk_token");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.has(key) && !model.string(key).empty()) model.unsupported(key, "none");
  }
  for (const char* key : {"fuse_unk", "byte_fallback", "ignore_merges"}) {
    if (model.flag(key, false)) model.unsupported(std::string(key) + " true", "false");
  }
  const Json& merges = model.list("merges");
  out->merges.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const Json& m = merges[i];
    // "a b" in files of before 2024, ["a", "b"] since.
    if (m.is_array() && m.size() == 2 && m[0].is_string() && m[1].is_string()) {
      out->merges.emplace_back(m[0].get<std::string>(), m[1].get<std::string>());
      continue;
    }
    BpeMerge merge;
    if (!m.is_string() || !split_merge(m.get_ref<const std::string&>(), &merge)) {
      throw_model(model.place + ": merges[" + std::to_string(i) + "] is " + json_text(m) +
                  ", expected two tokens");
    }
    out->merges.emplace_back(merge.left, merge.right);
  }
}

void read_model(const Part& file, TokenizerJson* out) {
  const Part model = file.part("model");
  // Old files name no type; merges tell.
  const std::string type = model.has("type")     ? model.string("type")
                           : model.has("merges") ? "BPE"
                                                 : "WordPiece";
  if (type == "WordPiece") return read_wordpiece(model, out);
  if (type == "BPE") return read_bpe(model, out);
  model.unsupported("type " + type, "WordPiece or BPE");
}

void read_normalizer(const Part& file, TokenizerJson* out) {
  if (!file.has("normalizer")) {
    if (!out->is_bpe) throw_model(file.place + ": no normalizer, expected a BertNormalizer");
    return;
  }
  const Part part = file.part("normalizer");
  const std::string type = part.string("type");
  if (out->is_bpe) part.unsupported(type, "none for a BPE model");
  if (type != "BertNormalizer") part.unsupported(type, "BertNormalizer");
  if (!part.flag("clean_text", true)) part.unsupported("clean_text false", "true");
  out->bert.lower_case = part.flag("lowercase", true);
  out->bert.split_ideographs = part.flag("handle_chinese_chars", true);
  out->bert.strip_accents = part.flag("strip_accents", out->bert.lower_case);
}

void read_pre_tokenizer(const Part& file, TokenizerJson* out) {
  const Part part = file.part("pre_tokenizer");
  const std::string type = part.string("type");
  if (!out->is_bpe) {
    if (type != "BertPreTokenizer") part.unsupported(type, "BertPreTokenizer");
    return;
  }
  if (type != "ByteLevel") part.unsupported(type, "ByteLevel");
  if (!part.flag("use_regex", true)) part.unsupported("use_regex false", "true");
  out->add_prefix_space = part.flag("add_prefix_space", true);
}

// ["[SEP]", 102]
int32_t named_id(const Part& part, const char* key) {
  const Json& pair = part.list(key);
  if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_unsigned() ||
      pair[1].get<uint64_t>() > uint64_t{kMaxId}) {
    throw_model(part.place + ": " + key + " is " + json_text(pair) + ", expected [token, id]");
  }
  return static_cast<int32_t>(pair[1].get<int64_t>());
}

// One list of a TemplateProcessing: each element {"Sequence": {"id": "A", "type_id": 0}} or
// {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, the latter a key of special_tokens.
std::vector<TemplatePiece> read_template(const Part& part, const char* key, int sequences) {
  std::vector<TemplatePiece> pieces;
  int seen_a = 0, seen_b = 0;
  for (const Json& element : part.list(key)) {
    const Part piece(element, part.place + ": " + key);
    const bool is_text = piece.has("Sequence");
    const Part inner = piece.part(is_text ? "Sequence" : "SpecialToken");
    const auto type_id = static_cast<int32_t>(inner.integer("type_id", 0, kMaxTypeId));
    const std::string id = inner.string("id");
    if (is_text) {
      if (id != "A" && id != "B") inner.unsupported("id " + id, "A or B");
      ++(id == "A" ? seen_a : seen_b);
      pieces.push_back({id == "A" ? TemplatePiece::text_a : TemplatePiece::text_b, 0, type_id});
      continue;
    }
    const Part special = part.part("special_tokens").part(id.c_str());
    for (const Json& value : special.list("ids")) {
      if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{kMaxId}) {
        throw_model(special.place + ": id " + json_text(value) + ", expected a token id");
      }
      pieces.push_back(
          {TemplatePiece::special, static_cast<int32_t>(value.get<int64_t>()), type_id});
    }
  }
  if (seen_a != 1 || seen_b != sequences - 1) {
    throw_model(part.place + ": " + key + " has A " + std::to_string(seen_a) + " times and B " +
                std::to_string(seen_b) + " times, expected " +
                (sequences == 1 ? "A once" : "each once"));
  }
  return pieces;
}

void read_post_processor(const Part& file, TokenizerJson* out) {
  const Part part = file.part("post_processor");
  const std::string type = part.string("type");
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const int32_t cls = named_id(part, "cls"), sep = named_id(part, "sep");
    out->form = type == "BertProcessing" ? bert_template(cls, sep) : roberta_template(cls, sep);
  } else if (type == "TemplateProcessing") {
    out->form.single = read_template(part, "single", 1);
    out->form.pair = read_template(part, "pair", 2);
  } else {
    part.unsupported(type, "BertProcessing, RobertaProcessing or TemplateProcessing");
  }
}

void read_added(const Part& file, TokenizerJson* out) {
  if (!file.has("added_tokens")) return;
  for (const Json& value : file.list("added_tokens")) {
    const Part part(value, file.place + ": added_tokens");
    AddedToken token = read_added_token(part.json, part.place);
    token.id = static_cast<int32_t>(part.integer("id", 0, kMaxId));
    out->added.push_back(std::move(token));
  }
}

}  // namespace

TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& place) {
  const Json json = parse_json_object(text, place, ErrorKind::model);
  const Part file(json, place);
  TokenizerJson out;
  read_model(file, &out);
  read_normalizer(file, &out);
  read_pre_tokenizer(file, &out);
  read_post_processor(file, &out);
  read_added(file, &out);
  return out;
}

}  // namespace costeff::text
