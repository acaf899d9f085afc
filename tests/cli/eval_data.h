#pragma once

// A tiny model with labelled rows, for the tests of costeff eval.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/expected_rows.h"

namespace costeff::cli {

using Json = nlohmann::json;
using Strings = std::vector<std::string>;

// Labelled rows of a tiny model's words; the labels go round.
inline std::string labelled_rows(const char* header, const Strings& texts, const Strings& labels) {
  std::string out = header;
  for (size_t i = 0; i < texts.size(); ++i)
    out += texts[i] + "\t" + labels[i % labels.size()] + "\n";
  return out;
}

inline Json eval_json(const Strings& args) {
  Strings all{"eval"};
  all.insert(all.end(), args.begin(), args.end());
  all.insert(all.end(), {"--format", "json"});
  const Finished f = run(all);
  EXPECT_EQ(f.exit_code, 0) << f.err;
  return f.exit_code == 0 ? Json::parse(f.out) : Json();
}

struct EvalCli : testing::Test {
  TinyModel model;
  TempDir dir;
  std::string data = dir.file("rows.tsv");
  Strings texts = tiny_texts(60, 5);
  EvalCli() { write_file(data, labelled_rows("text\tlabel\n", texts, {"0", "2", "1", "1"})); }
};

}  // namespace costeff::cli
