#include <costeff/error.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "text/tokenizer_impl.h"
#include "text/tokenizer_json.h"
#include "text/vocab_json.h"

namespace costeff::text {
namespace {

constexpr std::array<const char*, 4> kSpmFiles = {"sentencepiece.bpe.model", "spiece.model",
                                                  "spm.model", "tokenizer.model"};

// Classes whose files look like a supported kind's and which are not.
constexpr std::array<std::string_view, 14> kUnsupported = {
    "BertJapaneseTokenizer", "BertweetTokenizer", "BigBirdTokenizer", "CLIPTokenizer",
    "CTRLTokenizer",         "DebertaTokenizer",  "FunnelTokenizer",  "GPT2Tokenizer",
    "HerbertTokenizer",      "MPNetTokenizer",    "PhobertTokenizer", "RoFormerTokenizer",
    "XLMTokenizer",          "FlaubertTokenizer"};

std::string without_fast(std::string name) {
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

// What a class needs, for the message when it is not there; empty: not said.
const char* files_of_class(const std::string& name) {
  if (name == "BertTokenizer" || name == "DistilBertTokenizer" || name == "ElectraTokenizer") {
    return "vocab.txt";
  }
  if (name == "RobertaTokenizer" || name == "LongformerTokenizer" || name == "BartTokenizer") {
    return "vocab.json and merges.txt";
  }
  if (name == "XLMRobertaTokenizer" || name == "CamembertTokenizer" || name == "BarthezTokenizer") {
    return "sentencepiece.bpe.model";
  }
  return name == "AlbertTokenizer" ? "spiece.model" : nullptr;
}

}  // namespace

namespace {

BertOptions bert_options(const TokenizerConfig& config, const TokenizerOptions& options) {
  BertOptions bert;
  bert.lower_case = options.do_lower_case.value_or(config.do_lower_case.value_or(true));
  // Unset, strip_accents goes with the case.
  const std::optional<bool> strip =
      options.strip_accents ? options.strip_accents : config.strip_accents;
  bert.strip_accents = strip.value_or(bert.lower_case);
  bert.split_ideographs =
      options.tokenize_chinese_chars.value_or(config.tokenize_chinese_chars.value_or(true));
  return bert;
}

}  // namespace

int32_t Tokenizer::Impl::id_of(const TokenizerConfig& config, Role role) const {
  return required_id(
      config, role, added, [this](std::string_view t) { return find(t); }, vocab_file);
}

void Tokenizer::Impl::set_wordpiece(const TokenizerConfig& config, const BertOptions& bert) {
  kind = bert.lower_case ? "wordpiece (uncased)" : "wordpiece (cased)";
  wordpiece = WordPiece(&vocab, bert, 0);  // set_added normalises with it
  set_added(config);
  wordpiece = WordPiece(&vocab, bert, id_of(config, Role::unk));
}

void Tokenizer::Impl::load_wordpiece(const TokenizerFiles& files, TokenizerConfig config,
                                     const TokenizerOptions& options) {
  model = Kind::wordpiece;
  vocab_file = files.path("vocab.txt");
  vocab = Vocab::parse(files.read("vocab.txt", kMaxVocabBytes), vocab_file);
  vocab_size = vocab.size();
  config.set_default(Role::unk, "[UNK]");
  config.set_default(Role::sep, "[SEP]");
  config.set_default(Role::pad, "[PAD]");
  config.set_default(Role::cls, "[CLS]");
  config.set_default(Role::mask, "[MASK]");

  const BertOptions bert = bert_options(config, options);
  set_wordpiece(config, bert);
  form = bert_template(id_of(config, Role::cls), id_of(config, Role::sep));
}

void Tokenizer::Impl::load_bpe(const TokenizerFiles& files, TokenizerConfig config,
                               const TokenizerOptions& options) {
  model = Kind::bpe;
  kind = "byte-level bpe";
  vocab_file = files.path("vocab.json");
  config.set_default(Role::bos, "<s>");
  config.set_default(Role::eos, "</s>");
  config.set_default(Role::unk, "<unk>");
  config.set_default(Role::sep, "</s>");
  config.set_default(Role::pad, "<pad>");
  config.set_default(Role::cls, "<s>");
  config.set_default(Role::mask, "<mask>", true);
  const bool prefix = options.add_prefix_space.value_or(config.add_prefix_space.value_or(false));
  bpe = ByteBpe::parse(
      files.read("vocab.json", kMaxVocabBytes), files.read("merges.txt", kMaxVocabBytes),
      {.add_prefix_space = prefix, .unk_token = config.role(Role::unk)->token.content}, vocab_file,
      files.path("merges.txt"));
  vocab_size = bpe.vocab().size();
  set_added(config);
  form = roberta_template(id_of(config, Role::cls), id_of(config, Role::sep));
}

void Tokenizer::Impl::load_sentencepiece(const TokenizerFiles& files, const std::string& name,
                                         TokenizerConfig config, const TokenizerOptions& options) {
  model = Kind::sentencepiece;
  vocab_file = files.path(name);
  SpmFile file = check_spm_bytes(files.read(name, kMaxSpmBytes), vocab_file);
  const SpmKind spm_form =
      spm_kind(says_nothing(config.tokenizer_class) ? spm_class_of_model(config.model_type)
                                                    : config.tokenizer_class,
               file);
  config.set_default(Role::bos, spm_form.cls);
  config.set_default(Role::eos, spm_form.sep);
  config.set_default(Role::unk, spm_form.unk_token);
  config.set_default(Role::sep, spm_form.sep);
  config.set_default(Role::pad, spm_form.pad);
  config.set_default(Role::cls, spm_form.cls);
  config.set_default(Role::mask, spm_form.mask, true);
  AlbertOptions albert;
  albert.lower_case = options.do_lower_case.value_or(config.do_lower_case.value_or(true));
  albert.remove_space = config.remove_space.value_or(true);
  albert.keep_accents = options.keep_accents.value_or(config.keep_accents.value_or(false));
  kind = std::string("sentencepiece (") + spm_form.name + ")";
  spm = SentencePieceModel(std::move(file), spm_form, albert);
  vocab_size = spm.vocab_size();
  set_added(config);
  const int32_t cls = id_of(config, Role::cls), sep = id_of(config, Role::sep);
  form = spm_form.albert ? bert_template(cls, sep) : roberta_template(cls, sep);
}

// Hugging Face's Bert and Roberta classes put tokenizer_config.json, and their own defaults where
// it says nothing, over what this file says; the plain PreTrainedTokenizerFast does not.
void Tokenizer::Impl::load_json(const TokenizerFiles& files, TokenizerConfig config,
                                const TokenizerOptions& options) {
  const std::string path = files.path("tokenizer.json");
  vocab_file = path;
  TokenizerJson json =
      parse_tokenizer_json(files.read("tokenizer.json", kMaxTokenizerJsonBytes), path);
  // Tokens that both files have keep the flags of the first.
  std::unordered_set<std::string> named;
  for (const AddedToken& token : config.added) named.insert(token.content);
  for (AddedToken& token : json.added) {
    if (named.insert(token.content).second) config.added.push_back(std::move(token));
  }
  if (!json.unk_token.empty()) config.set_default(Role::unk, json.unk_token.c_str());
  const bool plain =
      config.tokenizer_class.empty() || config.tokenizer_class.starts_with("PreTrained");
  form = json.form;
  if (json.is_bpe) {
    model = Kind::bpe;
    kind = "byte-level bpe";
    if (plain && !config.add_prefix_space) config.add_prefix_space = json.add_prefix_space;
    std::vector<BpeMerge> merges;
    for (const auto& [left, right] : json.merges) {
      merges.push_back({left, right, static_cast<int64_t>(merges.size())});
    }
    const bool prefix = options.add_prefix_space.value_or(config.add_prefix_space.value_or(false));
    bpe =
        ByteBpe(vocab_from_ids(json.vocab, path), merges,
                {.add_prefix_space = prefix, .unk_token = json.unk_token}, path, path + ": merges");
    vocab_size = bpe.vocab().size();
    set_added(config);
  } else {
    model = Kind::wordpiece;
    if (plain) {
      if (!config.do_lower_case) config.do_lower_case = json.bert.lower_case;
      if (!config.strip_accents && !options.do_lower_case)
        config.strip_accents = json.bert.strip_accents;
      if (!config.tokenize_chinese_chars)
        config.tokenize_chinese_chars = json.bert.split_ideographs;
    }
    vocab = vocab_from_ids(json.vocab, path);
    vocab_size = vocab.size();
    set_wordpiece(config, bert_options(config, options));
  }
  for (const auto* pieces : {&form.single, &form.pair}) {
    for (const TemplatePiece& piece : *pieces) {
      if (piece.what != TemplatePiece::special || !token_name(piece.id).empty()) continue;
      throw_model(path + ": post_processor: no token has id " + std::to_string(piece.id));
    }
  }
}

void Tokenizer::Impl::set_added(const TokenizerConfig& config) {
  added = collect_added_tokens(config, vocab_size, [this](std::string_view t) { return find(t); });
  std::vector<AddedToken> raw, normalised;
  std::string content;
  for (const AddedToken& token : added) {
    vocab_size = std::max<int64_t>(vocab_size, int64_t{token.id} + 1);
    if (!token.normalized) {
      raw.push_back(token);
      continue;
    }
    normalised.push_back(token);
    if (model == Kind::wordpiece) {
      bert_normalize(token.content, wordpiece.options(), &normalised.back().content, nullptr);
    }
  }
  raw_tokens = TokenFinder(raw, config.file);
  normalised_tokens = TokenFinder(normalised, config.file);
}

Tokenizer::Tokenizer(const std::string& dir, const TokenizerOptions& options)
    : Tokenizer(TokenizerFiles(dir), options) {}

Tokenizer::Tokenizer(const TokenizerFiles& files, const TokenizerOptions& options)
    : impl_(std::make_unique<Impl>()) {
  const TokenizerConfig config = read_tokenizer_config(files);
  const std::string name = without_fast(config.tokenizer_class);
  if (std::find(kUnsupported.begin(), kUnsupported.end(), name) != kUnsupported.end()) {
    throw_model(config.class_file + ": tokenizer_class " + name + " is not supported");
  }
  impl_->model_max_length = config.model_max_length;
  const auto has = [&](const char* file) { return files.has(file); };
  // Where there are files of two kinds the class decides.
  const std::string needs = files_of_class(name) ? files_of_class(name) : "";
  const auto may_be = [&](const char* kind) { return needs.empty() || needs == kind; };
  const auto spm_file = std::find_if(kSpmFiles.begin(), kSpmFiles.end(), has);
  const bool spm_class = needs.ends_with(".model");
  if (has("vocab.txt") && may_be("vocab.txt")) {
    impl_->load_wordpiece(files, config, options);
    return;
  }
  if ((has("vocab.json") || has("merges.txt")) && may_be("vocab.json and merges.txt")) {
    impl_->load_bpe(files, config, options);
    return;
  }
  if (spm_file != kSpmFiles.end() && (needs.empty() || spm_class)) {
    impl_->load_sentencepiece(files, *spm_file, config, options);
    return;
  }
  if (has("tokenizer.json")) {
    impl_->load_json(files, config, options);
    return;
  }
  if (!needs.empty()) {
    throw_model(files.dir() + ": no " + needs + ", which tokenizer_class " + name + " of " +
                config.class_file + " needs");
  }
  throw_model(files.dir() +
              ": no tokenizer: neither vocab.txt, nor vocab.json and merges.txt, nor " +
              "sentencepiece.bpe.model or spiece.model, nor tokenizer.json");
}

}  // namespace costeff::text
