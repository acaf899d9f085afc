// tokenizer.json and tokenizer_config.json of any bytes. The first byte chooses the options, the
// second the truncation; then, up to the separators: tokenizer.json, tokenizer_config.json (empty:
// not there), the text and perhaps a second one.

#include <map>
#include <string>

#include "fuzz/check_tokenizer.h"
#include "text/config/tokenizer_files.h"

using namespace costeff;
using namespace costeff::text;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t flags = input.byte();
  const EncodeOptions encode = fuzz::encode_options(input.byte());
  TokenizerOptions options;
  if (flags & 1) options.do_lower_case = (flags & 2) != 0;
  if (flags & 4) options.add_prefix_space = (flags & 8) != 0;
  try {
    std::map<std::string, std::string> files;
    files["tokenizer.json"] = input.part();
    if (const std::string_view config = input.part(); !config.empty()) {
      files["tokenizer_config.json"] = config;
    }
    const Tokenizer t(TokenizerFiles("m", files), options);
    fuzz::check_texts(t, &input, encode);
  } catch (const Error& e) {
    fuzz::check_error(e);
    fuzz::require(e.kind() == ErrorKind::model);
  }
  return 0;
}
