#pragma once

// What the program should print, built from the engine's answers by a second, plain way.

#include <costeff/engine.h>
#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/run_binary.h"
#include "tiny_checkpoint.h"

namespace costeff::cli {

// Four layers with off-ramps, three labels; w0 ... w99 are its words.
struct TinyModel {
  TempDir dir;
  explicit TinyModel(const TinyShape& shape = {}) { write_tiny_checkpoint(dir.path(), shape); }
  std::string path() const { return dir.path(); }
};

inline std::vector<Example> rows_of(const std::vector<std::string>& texts) {
  std::vector<Example> rows(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) rows[i].text_a = texts[i];
  return rows;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// Shortest form that reads back as the same float.
inline std::string number(float v) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, v).ptr);
}

// The TSV of rows numbered from 1, for a model whose labels are LABEL_i.
inline std::string expected_tsv(const std::vector<Result>& results) {
  std::string out = "id\tlabel\tprob\tentropy\texit_layer\n";
  for (size_t i = 0; i < results.size(); ++i) {
    const Result& r = results[i];
    out += fmt::format("{}\tLABEL_{}\t{}\t{}\t{}\n", i + 1, r.label, number(r.prob),
                       number(r.entropy), r.exit_layer);
  }
  return out;
}

inline std::vector<nlohmann::ordered_json> json_rows(const std::string& jsonl) {
  std::vector<nlohmann::ordered_json> rows;
  for (const std::string& line : lines_of(jsonl))
    rows.push_back(nlohmann::ordered_json::parse(line));
  return rows;
}

inline std::vector<std::string> keys_of(const nlohmann::ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// Column `at` of a TSV with a header, as it is written.
inline std::vector<std::string> column(const std::string& tsv, size_t at) {
  std::vector<std::string> values;
  for (const std::string& line : lines_of(tsv)) {
    size_t begin = 0;
    for (size_t i = 0; i < at; ++i) begin = line.find('\t', begin) + 1;
    values.push_back(line.substr(begin, line.find('\t', begin) - begin));
  }
  if (!values.empty()) values.erase(values.begin());
  return values;
}

}  // namespace costeff::cli
