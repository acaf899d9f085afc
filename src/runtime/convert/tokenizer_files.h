#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace costeff::runtime {

// Copies the files that tokenizers read from one directory to another that has none of them, and adds
// their names to *names. Returns false if *stop became true. Throws Error(model) for a file that cannot
// be read, and Error(output).
bool copy_tokenizer_files(const std::string& from, const std::string& to,
                          std::vector<std::string>* names, const std::atomic<bool>* stop = nullptr);

}  // namespace costeff::runtime
