// Byte-level BPE over any text, with a small vocabulary or any other. The first byte chooses the
// options, the second the truncation; then, up to the separators, vocab.json and merges.txt (if the
// first byte asks for them), the text and perhaps a second one.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json/json.h"
#include "base/utf8.h"
#include "fuzz/check_tokenizer.h"
#include "text/bpe/bpe_split.h"
#include "text/bpe/byte_bpe.h"
#include "text/chars/char_tables.h"
#include "text/config/tokenizer_files.h"

using namespace costeff;
using namespace costeff::text;

namespace {

// As written in vocab.json: source openai/gpt-2 encoder.py, bytes_to_unicode.
std::vector<std::string> byte_spellings() {
  std::vector<std::string> spellings(256);
  uint32_t other = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool itself = (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD);
    append_utf8(itself ? b : other++, &spellings[b]);
  }
  return spellings;
}

struct Files {
  std::string vocab, merges;
};

Files small_files() {
  Json vocab = {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}};
  Files files;
  const auto add = [&](const std::string& token) { vocab[token] = vocab.size(); };
  for (const std::string& spelling : byte_spellings()) add(spelling);
  const std::string g = "\xC4\xA0";  // the space
  const std::pair<std::string, std::string> merges[] = {{"t", "h"},
                                                        {g, "th"},
                                                        {g + "th", "e"},
                                                        {"a", "b"},
                                                        {"b", "c"},
                                                        {"ab", "ab"},
                                                        {g, "a"},
                                                        {"a", "a"},
                                                        {"aa", "aa"},
                                                        {"aaaa", "a"},
                                                        {g + "a", "b"},
                                                        {"'", "s"},
                                                        {"\xC3\x83", "\xC2\xA9"},
                                                        {"1", "1"},
                                                        {g, g}};
  files.merges = "#version: 0.2\n";
  for (const auto& [left, right] : merges) {
    add(left + right);
    files.merges += left + " " + right + "\n";
  }
  files.vocab = vocab.dump();
  return files;
}

// The words as a backtracking matcher finds them:
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::vector<size_t> word_ends(std::string_view text) {
  std::vector<BpeClass> classes;
  std::vector<size_t> at;
  for (size_t i = 0; i < text.size();) {
    at.push_back(i);
    bool bad = false;
    classes.push_back(bpe_class(next_code_point(text, &i, &bad)));
  }
  at.push_back(text.size());
  const auto run = [&](size_t i) {
    size_t end = i;
    while (end < classes.size() && classes[end] == classes[i]) ++end;
    return end;
  };
  std::vector<size_t> ends;
  for (size_t i = 0; i < classes.size();) {
    size_t end = i;
    for (const std::string_view s : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      if (end == i && text.substr(at[i]).starts_with(s)) end = i + s.size();
    }
    const size_t word = i + (text[at[i]] == ' ' ? 1 : 0);
    if (end == i && word < classes.size() && classes[word] != BpeClass::space) end = run(word);
    if (end == i) {
      end = run(i);
      if (end < classes.size() && end > i + 1) --end;
    }
    ends.push_back(at[end]);
    i = end;
  }
  return ends;
}

// The tokens of a word by the definition: join the leftmost pair of the earliest rule, again and
// again.
using Rules = std::map<std::pair<std::string, std::string>, size_t>;
std::vector<std::string> by_definition(std::string_view word, const Rules& rules) {
  static const std::vector<std::string> spellings = byte_spellings();
  std::vector<std::string> symbols;
  for (const char c : word) symbols.push_back(spellings[static_cast<uint8_t>(c)]);
  while (true) {
    size_t best = symbols.size(), rank = rules.size();
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto it = rules.find({symbols[i], symbols[i + 1]});
      if (it == rules.end() || it->second >= rank) continue;
      best = i;
      rank = it->second;
    }
    if (best == symbols.size()) return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

Rules parse_rules(std::string_view merges) {
  Rules rules;
  for (size_t line = 0; !merges.empty(); ++line) {
    std::string_view rule = merges.substr(0, merges.find('\n'));
    merges.remove_prefix(std::min(rule.size() + 1, merges.size()));
    if (rule.ends_with('\r')) rule.remove_suffix(1);
    BpeMerge m;
    if ((line == 0 && rule.starts_with("#version")) || !split_merge(rule, &m)) continue;
    rules.emplace(std::pair(std::string(m.left), std::string(m.right)), rules.size());
  }
  return rules;
}

void check_definition(const ByteBpe& bpe, const Rules& rules, std::string_view text) {
  if (text.size() > 300 || !is_utf8(text)) return;
  std::vector<int32_t> expected;
  const int32_t unk = bpe.vocab().find("<unk>");
  size_t begin = 0;
  for (const size_t end : word_ends(text)) {
    fuzz::require(bpe_word_end(text, begin) == end);
    for (const std::string& token : by_definition(text.substr(begin, end - begin), rules)) {
      const int32_t id = bpe.vocab().find(token);
      expected.push_back(id < 0 ? unk : id);
    }
    begin = end;
  }
  static ByteBpe::Scratch scratch;  // of all models, as each thread has it
  TokenSink sink;
  for (int call = 0; call < 2; ++call) {  // the second one finds its words in the cache
    sink.reset(1 << 20, false, false);
    bpe.encode(text, 0, &scratch, &sink);
    fuzz::require(sink.ids == expected);
  }
}

struct BpeModel {
  ByteBpe bpe;
  Rules rules;
  Tokenizer tokenizer;

  BpeModel(const Files& files, bool add_prefix_space)
      : bpe(ByteBpe::parse(files.vocab, files.merges, {}, "m/vocab.json", "m/merges.txt")),
        rules(parse_rules(files.merges)),
        tokenizer(TokenizerFiles("m", {{"vocab.json", files.vocab}, {"merges.txt", files.merges}}),
                  {.add_prefix_space = add_prefix_space}) {}
};

void check(const BpeModel& model, fuzz::Input input, const EncodeOptions& options) {
  fuzz::Input texts = input;
  check_definition(model.bpe, model.rules, texts.part());
  fuzz::check_texts(model.tokenizer, &input, options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const BpeModel small(small_files(), false), small_prefixed(small_files(), true);
  fuzz::Input input(data, size);
  const uint8_t flags = input.byte();
  const bool prefix = (flags & 1) != 0;
  const EncodeOptions options = fuzz::encode_options(input.byte());
  if (!(flags & 16)) {
    check(prefix ? small_prefixed : small, input, options);
    return 0;
  }
  try {
    Files files;
    files.vocab = input.part();
    files.merges = input.part();
    check(BpeModel(files, prefix), input, options);
  } catch (const Error& e) {
    fuzz::check_error(e);
    fuzz::require(e.kind() == ErrorKind::model);
  }
  return 0;
}
