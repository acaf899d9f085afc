#include <algorithm>
#include <array>

#include "base/fail.h"
#include "text/config/tokenizer_class.h"
#include "text/tokenizer_impl.h"
#include "text/tokens/vocab_json.h"

namespace costeff::text {
namespace {

constexpr std::array<const char*, 4> kSpmFiles = {"sentencepiece.bpe.model", "spiece.model",
                                                  "spm.model", "tokenizer.model"};

}  // namespace

BertOptions bert_options(const TokenizerConfig& config, const TokenizerOptions& options) {
  BertOptions bert;
  bert.lower_case = options.do_lower_case.value_or(config.do_lower_case.value_or(true));
  // Without a setting, accents go if the case goes.
  const std::optional<bool> strip =
      options.strip_accents ? options.strip_accents : config.strip_accents;
  bert.strip_accents = strip.value_or(bert.lower_case);
  bert.split_ideographs =
      options.tokenize_chinese_chars.value_or(config.tokenize_chinese_chars.value_or(true));
  return bert;
}

void set_bert_roles(TokenizerConfig* config) {
  config->set_default(Role::unk, "[UNK]");
  config->set_default(Role::sep, "[SEP]");
  config->set_default(Role::pad, "[PAD]");
  config->set_default(Role::cls, "[CLS]");
  config->set_default(Role::mask, "[MASK]");
}

void set_roberta_roles(TokenizerConfig* config) {
  config->set_default(Role::bos, "<s>");
  config->set_default(Role::eos, "</s>");
  config->set_default(Role::unk, "<unk>");
  config->set_default(Role::sep, "</s>");
  config->set_default(Role::pad, "<pad>");
  config->set_default(Role::cls, "<s>");
  config->set_default(Role::mask, "<mask>", true);
}

int32_t Tokenizer::Impl::id_of(const TokenizerConfig& config, Role role) const {
  return required_id(
      config, role, added, [this](std::string_view t) { return find(t); }, vocab_file);
}

void Tokenizer::Impl::set_wordpiece(const TokenizerConfig& config, const BertOptions& bert,
                                    std::optional<int32_t> unk) {
  kind = bert.lower_case ? "wordpiece (uncased)" : "wordpiece (cased)";
  wordpiece = WordPiece(&vocab, bert, 0);  // set_added normalises with it
  set_added(config);
  wordpiece = WordPiece(&vocab, bert, unk ? *unk : id_of(config, Role::unk));
}

void Tokenizer::Impl::load_wordpiece(const TokenizerFiles& files, TokenizerConfig config,
                                     const TokenizerOptions& options) {
  model = Kind::wordpiece;
  vocab_file = files.path("vocab.txt");
  vocab = Vocab::parse(files.read("vocab.txt", kMaxVocabBytes), vocab_file);
  vocab_size = vocab.size();
  set_bert_roles(&config);
  const BertOptions bert = bert_options(config, options);
  set_wordpiece(config, bert, std::nullopt);
  form = bert_template(id_of(config, Role::cls), id_of(config, Role::sep));
}

void Tokenizer::Impl::load_bpe(const TokenizerFiles& files, TokenizerConfig config,
                               const TokenizerOptions& options) {
  kind = "byte-level bpe";
  vocab_file = files.path("vocab.json");
  set_roberta_roles(&config);
  const bool prefix = options.add_prefix_space.value_or(config.add_prefix_space.value_or(false));
  const std::string merges_file = files.path("merges.txt");
  Vocab tokens = parse_vocab_json(files.read("vocab.json", kMaxVocabBytes), vocab_file);
  const std::string merges_text = files.read("merges.txt", kMaxVocabBytes);
  const std::vector<BpeMerge> merges = parse_merges(merges_text, merges_file);
  // Python's tokenizer gives bytes without a token the id of <unk>, and has no answer if the
  // vocabulary lacks that too.
  set_byte_bpe(std::move(tokens), merges,
               {.add_prefix_space = prefix, .unk_token = config.role(Role::unk)->token.content},
               vocab_file, merges_file);
  set_added(config);
  form = roberta_template(id_of(config, Role::cls), id_of(config, Role::sep));
}

// The fast path needs a token for every byte, or an unknown token for those without.
void Tokenizer::Impl::set_byte_bpe(Vocab tokens, const std::vector<BpeMerge>& merges,
                                   const BpeOptions& options, const std::string& vocab_place,
                                   const std::string& merges_place) {
  if (options.unk_token.empty() && !has_all_bytes(tokens)) {
    model = Kind::pipeline;
    PreTokenizerStep step;
    step.kind = PreTokenizerStep::Kind::byte_level;
    step.add_prefix_space = options.add_prefix_space;
    std::vector<std::pair<std::string, std::string>> rules;
    rules.reserve(merges.size());
    for (const BpeMerge& m : merges) rules.emplace_back(m.left, m.right);
    pipeline = Pipeline(
        {}, {step}, CharBpe(std::move(tokens), rules, {}, vocab_place),
        {options.trim_offsets, options.keep_first_space.value_or(options.add_prefix_space)});
    vocab_size = pipeline.vocab().size();
    return;
  }
  model = Kind::bpe;
  bpe = ByteBpe(std::move(tokens), merges, options, vocab_place, merges_place);
  vocab_size = bpe.vocab().size();
}

void Tokenizer::Impl::load_sentencepiece(const TokenizerFiles& files, const std::string& name,
                                         TokenizerConfig config, const TokenizerOptions& options) {
  model = Kind::sentencepiece;
  vocab_file = files.path(name);
  SpmFile file = parse_spm_bytes(files.read(name, kMaxSpmBytes), vocab_file);
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
  kind = fmt::format("sentencepiece ({})", spm_form.name);
  spm = SentencePieceModel(std::move(file), spm_form, albert);
  vocab_size = spm.vocab_size();
  set_added(config);
  const int32_t cls = id_of(config, Role::cls), sep = id_of(config, Role::sep);
  form = spm_form.albert ? bert_template(cls, sep) : roberta_template(cls, sep);
}

void Tokenizer::Impl::set_added(const TokenizerConfig& config) {
  added = collect_added_tokens(
      config, [this](std::string_view t) { return find(t); },
      [this](int32_t id) { return token_name(id); });
  std::vector<AddedToken> raw, normalised, ordered = added;
  // Of tokens with the same text, special ones go first.
  std::stable_partition(ordered.begin(), ordered.end(),
                        [](const AddedToken& token) { return token.special; });
  for (const AddedToken& token : ordered) {
    vocab_size = std::max<int64_t>(vocab_size, int64_t{token.id} + 1);
    if (!token.normalized) {
      raw.push_back(token);
      continue;
    }
    normalised.push_back(token);
    std::string* content = &normalised.back().content;
    if (model == Kind::wordpiece) {
      bert_normalize(token.content, wordpiece.options(), content, nullptr);
    } else if (model == Kind::pipeline) {
      *content = pipeline.normalised(token.content);
      if (content->empty() && !token.content.empty()) {
        fail_model(
            "{}: added token {} is looked for after normalisation, which leaves nothing of it",
            vocab_file, in_quotes(token.content));
      }
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
  const TokenizerClass named = tokenizer_class(config);
  impl_->model_max_length = config.model_max_length;
  impl_->truncates_left = config.truncates_left.value_or(false);
  const auto has = [&](const char* file) { return files.has(file); };
  const bool has_json = has("tokenizer.json");
  const bool has_bpe = has("vocab.json") || has("merges.txt");
  const auto* spm_file = std::find_if(kSpmFiles.begin(), kSpmFiles.end(), has);
  const bool has_spm = spm_file != kSpmFiles.end();
  // An unknown class may do anything; only a tokenizer.json says what.
  if (named.family == ClassFamily::other) {
    const bool alone = !has("vocab.txt") && !has_bpe && !has_spm;
    if (!has_json || (!named.is_fast && !alone)) refuse_class(config);
  }
  const bool json_decides = named.family == ClassFamily::json || named.family == ClassFamily::other;
  // If there are files of several kinds, the class decides. A class that only config.json's
  // model_type implies matters only if there is a tokenizer.json.
  const bool implied = config.tokenizer_class.empty() || named.family == ClassFamily::none;
  const auto may_be = [&](ClassFamily family) {
    if (json_decides) return !has_json && family == ClassFamily::spm;
    return named.family == family || named.family == ClassFamily::none || (implied && !has_json);
  };
  if (has("vocab.txt") && may_be(ClassFamily::bert)) {
    impl_->load_wordpiece(files, config, options);
  } else if (has_bpe && may_be(ClassFamily::byte_bpe)) {
    impl_->load_bpe(files, config, options);
  } else if (has_spm && may_be(ClassFamily::spm)) {
    impl_->load_sentencepiece(files, *spm_file, config, options);
  } else if (has_json) {
    impl_->load_json(files, config, named.family, options);
  } else if (!config.tokenizer_class.empty() && (named.files || json_decides)) {
    fail_model("{}: no {}, which tokenizer_class {} of {} needs", files.dir(),
               named.files ? named.files : "tokenizer.json", config.tokenizer_class,
               config.class_file);
  } else {
    fail_model(
        "{}: no tokenizer: neither vocab.txt, nor vocab.json and merges.txt, nor "
        "sentencepiece.bpe.model or spiece.model, nor tokenizer.json",
        files.dir());
  }
}

}  // namespace costeff::text
