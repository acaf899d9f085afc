#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/fail.h"
#include "text/json/tokenizer_json.h"
#include "text/tokenizer_impl.h"
#include "text/tokens/vocab_json.h"

namespace costeff::text {
namespace {

// The Rust library gives a token that is not in the vocabulary the next free id, whatever the file
// says. If these differ, the file does not mean what it seems to.
void check_added_ids(const std::vector<AddedToken>& tokens, const Vocab& vocab, int64_t model_size,
                     const std::string& place) {
  std::unordered_map<std::string_view, int64_t> ids;
  int64_t largest = -1;
  for (const AddedToken& token : tokens) {
    if (token.content.empty() || ids.contains(token.content)) continue;
    int64_t id = vocab.find(token.content);
    if (id < 0) {
      id = std::max(largest + 1, model_size);
      if (id != token.id) {
        fail_model(
            "{}: added_tokens: {} has id {}, and its place after the {} tokens of the model is {}, "
            "which the tokenizers library gives it",
            place, in_quotes(token.content), token.id, model_size, id);
      }
    }
    largest = std::max(largest, id);
    ids.emplace(token.content, id);
  }
}

const char* model_kind(ModelSpec::Kind kind) {
  switch (kind) {
    case ModelSpec::Kind::wordpiece:
      return "wordpiece (tokenizer.json)";
    case ModelSpec::Kind::wordlevel:
      return "wordlevel (tokenizer.json)";
    case ModelSpec::Kind::bpe:
      return "bpe (tokenizer.json)";
    case ModelSpec::Kind::unigram:
      break;
  }
  return "unigram (tokenizer.json)";
}

Pipeline::Model make_model(ModelSpec* spec, const std::string& path) {
  const std::string place = path + ": model";
  if (spec->kind == ModelSpec::Kind::unigram) {
    return UnigramModel(spec->pieces, spec->unk_id, spec->byte_fallback, place);
  }
  Vocab vocab = vocab_from_ids(spec->vocab, path);
  if (spec->kind == ModelSpec::Kind::bpe) {
    return CharBpe(std::move(vocab), spec->merges, spec->bpe, place);
  }
  const bool pieces = spec->kind == ModelSpec::Kind::wordpiece;
  return WordModel(std::move(vocab), pieces, spec->word, place);
}

// Puts over the file what BERT's and RoBERTa's classes do: tokenizer_config.json, and their own
// defaults for what it does not set. Other classes take the file as it is. `options` go before all.
void put_over(const TokenizerConfig& config, ClassFamily family, const TokenizerOptions& options,
              TokenizerJson* json) {
  if (json->is_bert_normalizer) {
    TokenizerConfig over = config;
    BertOptions& bert = json->normalizer[0].bert;
    if (family != ClassFamily::bert) {
      over.do_lower_case = bert.lower_case;
      if (!options.do_lower_case) over.strip_accents = bert.strip_accents;
      over.tokenize_chinese_chars = bert.split_ideographs;
    }
    bert = bert_options(over, options);
  }
  if (json->is_byte_level) {
    bool* prefix = &json->pre_tokenizer[0].add_prefix_space;
    if (family == ClassFamily::byte_bpe) *prefix = config.add_prefix_space.value_or(false);
    *prefix = options.add_prefix_space.value_or(*prefix);
    if (family == ClassFamily::byte_bpe) json->trim.add_prefix_space = *prefix;
  }
}

}  // namespace

void Tokenizer::Impl::load_json(const TokenizerFiles& files, TokenizerConfig config,
                                ClassFamily family, const TokenizerOptions& options) {
  const std::string path = files.path("tokenizer.json");
  vocab_file = path;
  TokenizerJson json =
      parse_tokenizer_json(files.read("tokenizer.json", kMaxTokenizerJsonBytes), path);
  put_over(config, family, options, &json);
  truncates_left = config.truncates_left.value_or(json.truncates_left);
  form = json.form;
  const auto model_size = static_cast<int64_t>(json.model.vocab.size() + json.model.pieces.size());
  const std::vector<AddedToken> own = json.added;
  // Tokens that both files have keep the flags of tokenizer_config.json.
  std::unordered_set<std::string> named;
  for (const AddedToken& token : config.added) named.insert(token.content);
  for (AddedToken& token : json.added) {
    if (named.insert(token.content).second) config.added.push_back(std::move(token));
  }
  if (family == ClassFamily::bert) set_bert_roles(&config);
  if (family == ClassFamily::byte_bpe) set_roberta_roles(&config);
  const auto check_ids = [&](const Vocab& tokens) {
    check_added_ids(own, tokens, model_size, path);
  };
  if (json.is_bert()) {
    model = Kind::wordpiece;
    vocab = vocab_from_ids(json.model.vocab, path);
    vocab_size = vocab.size();
    check_ids(vocab);
    set_wordpiece(config, json.normalizer[0].bert,
                  unk_token_id(vocab, json.model.word.unk_token, path + ": model"));
  } else if (json.is_byte_bpe() && (json.model.bpe.unk_token.empty() || !json.model.bpe.fuse_unk)) {
    kind = "byte-level bpe";
    std::vector<BpeMerge> merges;
    for (const auto& [left, right] : json.model.merges) {
      merges.push_back({left, right, static_cast<int64_t>(merges.size())});
    }
    Vocab tokens = vocab_from_ids(json.model.vocab, path);
    check_ids(tokens);
    set_byte_bpe(std::move(tokens), merges,
                 {.add_prefix_space = json.pre_tokenizer[0].add_prefix_space,
                  .unk_token = json.model.bpe.unk_token,
                  .trim_offsets = json.trim.trim,
                  .keep_first_space = json.trim.add_prefix_space},
                 path, path + ": merges");
    set_added(config);
  } else {
    model = Kind::pipeline;
    kind = model_kind(json.model.kind);
    pipeline = Pipeline(std::move(json.normalizer), std::move(json.pre_tokenizer),
                        make_model(&json.model, path), json.trim);
    vocab_size = pipeline.vocab().size();
    check_ids(pipeline.vocab());
    set_added(config);
  }
  for (const auto* pieces : {&form.single, &form.pair}) {
    for (const TemplatePiece& piece : *pieces) {
      if (piece.what != TemplatePiece::special || !token_name(piece.id).empty()) continue;
      fail_model("{}: post_processor: no token has id {}", path, piece.id);
    }
  }
}

}  // namespace costeff::text
