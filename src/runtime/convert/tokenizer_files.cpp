#include "runtime/convert/tokenizer_files.h"

#include <array>

#include "base/files/file_bytes.h"
#include "base/files/file_writer.h"

namespace costeff::runtime {
namespace {

// What src/text reads. No other files are copied.
constexpr std::array<const char*, 11> kTokenizerFiles = {"vocab.txt",
                                                         "vocab.json",
                                                         "merges.txt",
                                                         "sentencepiece.bpe.model",
                                                         "spiece.model",
                                                         "spm.model",
                                                         "tokenizer.model",
                                                         "tokenizer.json",
                                                         "tokenizer_config.json",
                                                         "special_tokens_map.json",
                                                         "added_tokens.json"};

void copy_file(const std::string& from, const std::string& to) {
  const auto file = MappedFile::open(from, ErrorKind::model);
  FileWriter out(to);
  out.write(file->bytes());
  out.finish();
  file->check_unchanged();
}

}  // namespace

bool copy_tokenizer_files(const std::string& from, const std::string& to,
                          std::vector<std::string>* names, const std::atomic<bool>* stop) {
  for (const char* name : kTokenizerFiles) {
    if (stop && *stop) return false;
    const std::string path = join_path(from, name);
    if (!file_exists(path)) continue;
    copy_file(path, join_path(to, name));
    names->emplace_back(name);
  }
  return true;
}

}  // namespace costeff::runtime
