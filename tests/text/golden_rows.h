#pragma once

// Reads the golden rows of ../shared/tokenizer and compares a tokenizer with them.

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace costeff::text {

inline std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Lines end at \n alone: texts hold U+2028 and the like.
inline std::vector<nlohmann::json> read_rows(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) rows.push_back(nlohmann::json::parse(line));
  }
  return rows;
}

inline std::string from_hex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

// The request of a row: text or hex, pair, max_length, truncation.
struct GoldenRequest {
  std::string text;
  std::optional<std::string> pair;
  EncodeOptions options;

  std::optional<std::string_view> pair_view() const {
    return pair ? std::optional<std::string_view>(*pair) : std::nullopt;
  }
};

inline GoldenRequest golden_request(const nlohmann::json& row) {
  GoldenRequest r;
  r.text = row.contains("hex") ? from_hex(row["hex"].get<std::string>())
                               : row["text"].get<std::string>();
  if (row.contains("pair") && !row["pair"].is_null()) r.pair = row["pair"].get<std::string>();
  if (row.contains("max_length") && !row["max_length"].is_null()) {
    r.options.max_length = row["max_length"].get<int64_t>();
  }
  const std::string truncation = row.value("truncation", "longest_first");
  if (truncation == "only_first") r.options.truncation = Truncation::only_first;
  if (truncation == "only_second") r.options.truncation = Truncation::only_second;
  return r;
}

inline Encoding encode_request(const Tokenizer& tokenizer, const GoldenRequest& r) {
  Encoding out;
  tokenizer.encode(r.text, r.pair_view(), r.options, &out);
  return out;
}

inline TokenizerOptions golden_options(const nlohmann::json& row) {
  TokenizerOptions options;
  const nlohmann::json& given = row["options"];
  const auto read = [&](const char* key, std::optional<bool>* to) {
    if (given.contains(key)) *to = given[key].get<bool>();
  };
  read("do_lower_case", &options.do_lower_case);
  read("strip_accents", &options.strip_accents);
  read("tokenize_chinese_chars", &options.tokenize_chinese_chars);
  read("add_prefix_space", &options.add_prefix_space);
  read("keep_accents", &options.keep_accents);
  return options;
}

using Ids = std::vector<int32_t>;

inline Ids ids_of(const nlohmann::json& row, const char* key) { return row[key].get<Ids>(); }

// Requests that leave no room for the special tokens are refused.
inline void expect_truncation_errors(const Tokenizer& tokenizer, const std::string& path) {
  int rows = 0;
  for (const auto& row : read_rows(path)) {
    ++rows;
    try {
      encode_request(tokenizer, golden_request(row));
      ADD_FAILURE() << "accepted: " << row.dump().substr(0, 400);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
    }
  }
  EXPECT_GT(rows, 0);
}

}  // namespace costeff::text
