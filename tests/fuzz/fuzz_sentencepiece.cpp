// Sentencepiece models over any text. The first byte chooses the kind of ids and what the input
// holds besides the text: a whole model, the normalisation table of a small model, or nothing (all
// of it is text then). The second chooses the truncation, the third the length of the text, which
// comes last.

#include <map>
#include <string>
#include <utility>

#include "fuzz/check_tokenizer.h"
#include "text/config/tokenizer_files.h"
#include "text/spm_bytes.h"

using namespace costeff;
using namespace costeff::text;

namespace {

// The pieces of XLM-R's layout, or of ALBERT's.
TestModel small_model_of(bool albert) {
  TestModel m = small_model();
  if (albert) {
    m.pieces[1].text = "[CLS]";
    m.pieces[2].text = "[SEP]";
    m.pieces.push_back({"9,", -3});
    m.pieces.push_back({"9", -4});
  }
  m.pieces.push_back({"<b>", 0, 4});
  m.charsmap = TestCharsmap('B', "ab").bytes();
  return m;
}

constexpr const char* kClasses[] = {"", "XLMRobertaTokenizer", "CamembertTokenizer",
                                    "BarthezTokenizer", "AlbertTokenizer"};

Tokenizer make(std::string model, uint8_t flags) {
  TokenizerOptions options;
  options.do_lower_case = (flags & 8) != 0;
  options.keep_accents = (flags & 16) != 0;
  const std::string config =
      std::string("{\"tokenizer_class\": \"") + kClasses[(flags & 7) % 5] + "\"}";
  return Tokenizer(TokenizerFiles("m", {{"sentencepiece.bpe.model", std::move(model)},
                                        {"tokenizer_config.json", config}}),
                   options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t flags = input.byte();
  const EncodeOptions options = fuzz::encode_options(input.byte());
  const size_t text_size = input.byte();
  const size_t body = size > 3 + text_size ? size - 3 - text_size : 0;
  TestModel model = small_model_of((flags & 7) % 5 == 4);
  model.model_type = flags & 128 ? 2 : 1;
  try {
    if (flags & 32) {
      const std::string bytes(input.take(body));
      fuzz::check_texts(make(bytes, flags), &input, options);
    } else if (flags & 64) {
      model.charsmap = input.take(body);
      fuzz::check_texts(make(model.bytes(), flags), &input, options);
    } else {
      static std::map<uint8_t, Tokenizer> made;  // by the flags
      auto it = made.find(flags);
      if (it == made.end()) it = made.emplace(flags, make(model.bytes(), flags)).first;
      fuzz::check_texts(it->second, &input, options);
    }
  } catch (const Error& e) {
    fuzz::check_error(e);
    fuzz::require(e.kind() == ErrorKind::model && (flags & 96) != 0);
  }
  return 0;
}
