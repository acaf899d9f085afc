#include "text/json/tokenizer_json.h"

#include "text/config/tokenizer_config.h"
#include "text/wordpiece/wordpiece.h"

namespace costeff::text {
namespace {

void read_added(const JsonPart& file, TokenizerJson* out) {
  if (!file.has("added_tokens")) return;
  for (const Json& value : file.list("added_tokens")) {
    const JsonPart part(value, file.place + ": added_tokens");
    AddedToken token = read_added_token(part.json, part.place);
    token.id = static_cast<int32_t>(part.integer("id", 0, kMaxId));
    out->added.push_back(std::move(token));
  }
}

}  // namespace

bool TokenizerJson::is_bert() const {
  return model.kind == ModelSpec::Kind::wordpiece && model.word.prefix == "##" &&
         model.word.max_chars == WordPiece::kMaxWordChars && !trim.trim && normalizer.size() == 1 &&
         normalizer[0].kind == NormalizerStep::Kind::bert && normalizer[0].clean_text &&
         pre_tokenizer.size() == 1 && pre_tokenizer[0].kind == PreTokenizerStep::Kind::bert;
}

bool TokenizerJson::is_byte_bpe() const {
  const CharBpeOptions& o = model.bpe;
  return model.kind == ModelSpec::Kind::bpe && o.prefix.empty() && o.suffix.empty() &&
         !o.byte_fallback && !o.ignore_merges && normalizer.empty() && pre_tokenizer.size() == 1 &&
         pre_tokenizer[0].kind == PreTokenizerStep::Kind::byte_level && pre_tokenizer[0].cuts;
}

TokenizerJson parse_tokenizer_json(std::string_view text, const std::string& place) {
  const Json json = parse_json_object(text, place, ErrorKind::model);
  const JsonPart file(json, place);
  TokenizerJson out;
  out.model = read_model(file);
  out.normalizer = read_normalizer(file);
  out.pre_tokenizer = read_pre_tokenizer(file);
  read_post_processor(file, &out);
  read_added(file, &out);
  const auto is = [&](const char* key, const char* type) {
    return file.has(key) && file.part(key).string("type") == type;
  };
  out.is_bert_normalizer = is("normalizer", "BertNormalizer");
  out.is_byte_level = is("pre_tokenizer", "ByteLevel");
  if (file.has("truncation")) {
    out.truncates_left = file.part("truncation").string_or("direction", "Right") == "Left";
  }
  return out;
}

}  // namespace costeff::text
