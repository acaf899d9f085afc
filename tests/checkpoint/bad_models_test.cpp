// The malformed and hostile checkpoints of ../shared/bad. load_model detects all faults except those of
// tokenizers, and of values that are checked when a layer is first reached.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include "checkpoint/checkpoint.h"
#include "shared_data.h"
#include "tensor_maker.h"

namespace costeff::checkpoint {
namespace {

struct Case {
  std::string name, model, error_names, severity, kind;
};

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  std::stringstream in(line);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<Case> read_cases(const std::string& path) {
  std::vector<Case> cases;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line.rfind("case\tmodel\tdata\tas\twrong\terror_names\tseverity\tkind", 0), 0u);
  while (std::getline(in, line)) {
    std::vector<std::string> c = split(line, '\t');
    c.resize(9);
    cases.push_back({c[0], c[1], c[5], c[6], c[7]});
  }
  return cases;
}

// All of the regular expressions joined by " && " are found in the line.
bool names(const std::string& text, const std::string& patterns) {
  std::string rest = patterns;
  while (!rest.empty()) {
    const size_t at = rest.find(" && ");
    const std::regex pattern(rest.substr(0, at), std::regex::ECMAScript | std::regex::icase);
    if (!std::regex_search(text, pattern)) return false;
    rest = at == std::string::npos ? "" : rest.substr(at + 4);
  }
  return true;
}

bool begins(const std::string& text, const char* beginning) {
  return text.rfind(beginning, 0) == 0;
}

// Cases with faults outside this room, which must read them without a message.
bool elsewhere(const std::string& name) {
  // The tokenizer's files are read by the text room.
  if (begins(name, "tok_") || begins(name, "bpe_") || begins(name, "spm_")) return true;
  // Values that are not finite: found when a layer is converted, not by a scan at load.
  return name == "st_nan_weight" || name == "st_inf_weight" || name == "st_nan_classifier_bias" ||
         name == "st_nan_layernorm";
}

class BadModels : public testing::Test {
 protected:
  void SetUp() override {
    const std::string archive = shared_path("bad/bad.tar.xz");
    char name[] = "/tmp/costeff_bad_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    root_ = name;
    ASSERT_EQ(std::system(("tar -xJf '" + archive + "' -C '" + root_ + "'").c_str()), 0);
  }
  void TearDown() override {
    if (!root_.empty()) std::filesystem::remove_all(root_);  // does not follow links
  }
  std::string root_;
};

void expect_valid(const model::Model& m, const Case& c) {
  EXPECT_EQ(m.arch.hidden_size, 16);
  EXPECT_EQ(m.arch.layers.size(), 2u);
  EXPECT_EQ(exit_layers(m), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(m.arch.head_size, 8);
  EXPECT_EQ(m.arch.num_labels, 2);
  EXPECT_EQ(m.arch.max_length, c.name == "cfg_maxpos_smaller" ? 20 : 32);
  const std::vector<std::string> none = {"LABEL_0", "LABEL_1"}, both = {"negative", "positive"};
  EXPECT_EQ(m.provenance.labels, c.name == "cfg_no_labels_ok" ? none : both);
  EXPECT_EQ(m.arch.activation, model::Activation::gelu_erf);
}

TEST_F(BadModels, EveryModelCase) {
  int64_t errors = 0, accepted = 0, outside = 0;
  for (const Case& c : read_cases(root_ + "/bad/cases.tsv")) {
    // Bases and "ok" rows of the valid checkpoints have no kind.
    if (c.kind != "model" && !begins(c.name, "valid")) continue;
    SCOPED_TRACE(c.name);
    const auto start = std::chrono::steady_clock::now();
    std::string error;
    model::Model m;
    try {
      m = load_model(root_ + "/bad/" + c.model);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::model);
      error = e.what();
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    EXPECT_LT(spent.count(), 20) << "a read without bound";
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    if (elsewhere(c.name)) {
      EXPECT_EQ(error, "");
      ++outside;
      continue;
    }
    const bool may_load = c.severity == "ok" || c.severity == "either";
    if (error.empty()) {
      EXPECT_TRUE(may_load) << "loaded; the error should name " << c.error_names;
      if (may_load) expect_valid(m, c);
      ++accepted;
    } else {
      EXPECT_NE(c.severity, "ok") << error;
      EXPECT_TRUE(names(error, c.error_names)) << error << "\n  does not name " << c.error_names;
      ++errors;
    }
  }
  EXPECT_GT(errors, 200);
  EXPECT_GT(accepted, 20);
  EXPECT_GT(outside, 40);
}

// Accepted oddities have a note.
TEST_F(BadModels, OdditiesAreNoted) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"cfg_maxpos_smaller", "max_position_embeddings is 20"},
      {"cfg_maxpos_larger", "max_position_embeddings is 512"},
      {"cfg_num_labels_contradicts_id2label", "num_labels is 5"},
      {"cfg_quantized", "quantization_config"},
  };
  for (const auto& [name, text] : rows) {
    const model::Model m = load_model(root_ + "/bad/" + name);
    ASSERT_EQ(m.provenance.notes.size(), 1u) << name;
    EXPECT_NE(m.provenance.notes[0].find(text), std::string::npos) << m.provenance.notes[0];
  }
  for (const char* name :
       {"valid", "valid_bpe", "valid_spm", "cfg_defaults_ok", "cfg_unknown_keys_ok"}) {
    EXPECT_EQ(load_model(root_ + "/bad/" + name).provenance.notes, std::vector<std::string>{})
        << name;
  }
}

}  // namespace
}  // namespace costeff::checkpoint
