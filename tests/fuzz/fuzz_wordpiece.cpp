// WordPiece over any text, with a small vocabulary or any other. The first byte chooses the
// options, the second the truncation; then, up to the separators, vocab.txt (if the first byte
// asks for it), the text and perhaps a second one.

#include <string>
#include <vector>

#include "base/utf8.h"
#include "fuzz/check_tokenizer.h"
#include "text/config/tokenizer_files.h"
#include "text/wordpiece/wordpiece.h"

using namespace costeff;
using namespace costeff::text;

namespace {

constexpr const char* kVocab =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\na\nab\n##b\n##bc\n##c\nun\n##aff\n##able\n"
    "\xC3\xA9\n##\xCC\x81\ne\n##e\nA\n!\n,\n[\n]\n1\n##1\n\xE4\xB8\x80\n\xEA\xB0\x80\n\xE1\x84"
    "\x80\n##\xE1\x85\xA1\n\xCF\x83\n##\xCF\x82\n##\xCF\x83\nss\n##s\n";

// The tokens of `text` by the definition: normalise all of it, cut it into words, take the longest
// piece that fits, again and again.
std::vector<int32_t> by_definition(std::string_view text, const Vocab& vocab,
                                   const BertOptions& options, int32_t unk) {
  std::string normalised;
  bert_normalize(text, options, &normalised, nullptr);
  std::vector<std::vector<std::string>> words(1);  // of characters
  for (size_t at = 0; at < normalised.size();) {
    const size_t start = at;
    bool bad = false;
    const uint32_t c = next_code_point(normalised, &at, &bad);
    fuzz::require(!bad);
    const bool punctuation = bert_class(c) == BertClass::punctuation;
    if (c == ' ' || punctuation) words.emplace_back();
    if (c != ' ') words.back().push_back(normalised.substr(start, at - start));
    if (punctuation) words.emplace_back();
  }
  std::vector<int32_t> ids;
  for (const auto& word : words) {
    std::vector<int32_t> pieces;
    for (size_t begin = 0; begin < word.size();) {
      int32_t found = -1;
      size_t end = word.size();
      for (; end > begin && word.size() <= WordPiece::kMaxWordChars; --end) {
        std::string piece = begin == 0 ? "" : "##";
        for (size_t i = begin; i < end; ++i) piece += word[i];
        if (found = vocab.find(piece); found >= 0) break;
      }
      if (found < 0) {
        pieces = {unk};
        break;
      }
      pieces.push_back(found);
      begin = end;
    }
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  }
  return ids;
}

void check_definition(std::string_view text, const Vocab& vocab, const BertOptions& options) {
  const int32_t unk = vocab.find("[UNK]");
  if (unk < 0 || text.size() > 2000 || !is_utf8(text)) return;
  TokenSink sink;
  sink.reset(1 << 20, false, false);
  WordPiece(&vocab, options, unk).encode(text, 0, &sink);
  fuzz::require(sink.ids == by_definition(text, vocab, options, unk));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t flags = input.byte();
  const EncodeOptions encode = fuzz::encode_options(input.byte());
  TokenizerOptions options;
  options.do_lower_case = (flags & 1) != 0;
  if (flags & 2) options.strip_accents = (flags & 4) != 0;
  options.tokenize_chinese_chars = (flags & 8) != 0;
  try {
    const std::string vocab_txt(flags & 16 ? input.part() : kVocab);
    const Vocab vocab = Vocab::parse(vocab_txt, "m/vocab.txt");
    fuzz::Input texts = input;
    check_definition(texts.part(), vocab,
                     {.lower_case = *options.do_lower_case,
                      .strip_accents = options.strip_accents.value_or(*options.do_lower_case),
                      .split_ideographs = *options.tokenize_chinese_chars});
    const Tokenizer t(TokenizerFiles("m", {{"vocab.txt", vocab_txt}}), options);
    fuzz::check_texts(t, &input, encode);
  } catch (const Error& e) {
    fuzz::check_error(e);
    fuzz::require(e.kind() == ErrorKind::model && (flags & 16) != 0);
  }
  return 0;
}
