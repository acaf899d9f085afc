#pragma once

// Rows and errors of a reader over bytes, for the tests.

#include <costeff/error.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/read/reader.h"

namespace costeff::tasks {

struct ReadRows {
  std::vector<Example> rows;
  std::string error;  // what() of the Error that ended it, or ""
  ErrorKind kind = ErrorKind::internal;
};

inline ReadRows read_files(const std::vector<InputFile>& files, const InputOptions& options = {},
                           size_t chunk = 256u << 10) {
  ReadRows out;
  try {
    RowReader reader(files, options, nullptr, chunk);
    Example row;
    while (reader.next(row, true) == ReadStatus::row) {
      out.rows.push_back(row);
      out.rows.back().source = {};  // dies with the reader
    }
  } catch (const Error& e) {
    out.error = e.what();
    out.kind = e.kind();
  }
  return out;
}

inline ReadRows read_bytes(const std::string& name, std::string_view bytes,
                           const InputOptions& options = {}, size_t chunk = 256u << 10) {
  return read_files({{name, bytes}}, options, chunk);
}

// "text_a|text_b" of every row, no "|" where there is no pair.
inline std::vector<std::string> texts(const ReadRows& read) {
  std::vector<std::string> out;
  for (const Example& row : read.rows) {
    out.push_back(row.text_a + (row.text_b ? "|" + *row.text_b : ""));
  }
  return out;
}
inline std::vector<std::string> ids(const ReadRows& read) {
  std::vector<std::string> out;
  for (const Example& row : read.rows) out.push_back(row.id);
  return out;
}
inline std::vector<int64_t> lines(const ReadRows& read) {
  std::vector<int64_t> out;
  for (const Example& row : read.rows) out.push_back(row.line);
  return out;
}

// A directory of its own under the test's temporary directory, removed at the end.
struct TemporaryDirectory {
  std::filesystem::path path;
  TemporaryDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "costeff-tasks-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return file(name);
  }
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

using Strings = std::vector<std::string>;

}  // namespace costeff::tasks
