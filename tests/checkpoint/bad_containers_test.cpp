// The malformed and hostile weight files of ../shared/bad, if the containers detect the fault: the error
// that cases.tsv demands, or the tensors of the valid file, bit for bit. Faults that only show when a
// model is built from the tensors (missing ones, wrong shapes) are in bad_models_test.cpp.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "checkpoint/container_bytes.h"
#include "checkpoint/containers/weights.h"
#include "shared_data.h"

namespace costeff::checkpoint {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string name, model, error_names, severity;
};

std::vector<Case> read_cases(const fs::path& table) {
  std::ifstream in(table);
  std::string line;
  std::getline(in, line);  // names of columns
  std::vector<Case> cases;
  while (std::getline(in, line)) {
    std::vector<std::string> columns;
    std::stringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) columns.push_back(cell);
    columns.resize(9);
    cases.push_back({columns[0], columns[1], columns[5], columns[6]});
  }
  return cases;
}

bool begins_with_any(const std::string& s, std::initializer_list<const char*> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const char* b) { return s.starts_with(b); });
}

bool is_container_case(const Case& c) {
  return c.name == "valid" || c.name == "no_weights" ||
         begins_with_any(c.name, {"st_", "idx_", "link_", "bin_", "zip", "pkl_", "leg_", "model_"});
}

// The container is right, but it has wrong tensors, shapes, dtypes or values.
bool is_right_container(const Case& c) {
  if (c.name.starts_with("st_missing_")) {
    return !begins_with_any(c.name, {"st_missing_dtype", "st_missing_shape", "st_missing_offsets"});
  }
  return begins_with_any(
      c.name, {"st_dtype_i16", "st_zero_", "st_scalar", "st_nan_", "st_inf_", "st_wrong_rank",
               "st_transposed", "st_hidden_differs", "st_bias_wrong", "st_layer_", "st_labels_",
               "st_qkv_", "st_extra_", "st_gamma_beta", "link_config"});
}

bool names_all(const std::string& message, const std::string& patterns) {
  for (size_t at = 0; at <= patterns.size();) {
    const size_t end = std::min(patterns.find(" && ", at), patterns.size());
    const std::regex pattern(patterns.substr(at, end - at),
                             std::regex::ECMAScript | std::regex::icase);
    if (!std::regex_search(message, pattern)) return false;
    at = end + 4;
  }
  return true;
}

// "" when every tensor of `base` is in `set` with the same shape and, as float32, the same bits.
std::string difference(const TensorSet& base, const TensorSet& set) {
  for (const Tensor& b : base.tensors) {
    const Tensor* t = set.find(b.name);
    if (!t) return b.name + " is missing";
    if (t->shape != b.shape) return b.name + ": shape " + shape_text(t->shape);
    const std::vector<float> expected = test::floats(b), found = test::floats(*t);
    if (std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)) != 0) {
      return b.name + ": other values";
    }
  }
  return "";
}

class BadContainers : public testing::Test {
 protected:
  void SetUp() override {
    const std::string archive = shared_path("bad/bad.tar.xz");
    std::string name = testing::TempDir() + "costeff_bad_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    ASSERT_TRUE(run("tar -xJf '" + archive + "' -C '" + name + "'"));
  }
  void TearDown() override {
    if (!root.empty()) fs::remove_all(root);
  }
  static bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

  void check(const Case& c, const fs::path& dir, const TensorSet& base) {
    SCOPED_TRACE(c.name);
    TensorSet set;
    const std::string error = error_of(ErrorKind::model, [&] {
      set = read_weights(dir.string());
      if (set.check_bytes) set.check_bytes(set);
    });
    for (char byte : error) EXPECT_GE(static_cast<unsigned char>(byte), 0x20) << error;
    if (is_right_container(c)) {
      EXPECT_EQ(error, "");
    } else if (c.severity == "ok" || (c.severity == "either" && error.empty())) {
      EXPECT_EQ(error, "");
      EXPECT_EQ(difference(base, set), "");
    } else {
      EXPECT_NE(error, "");
      EXPECT_TRUE(names_all(error, c.error_names)) << error << "\nexpected: " << c.error_names;
    }
  }

  fs::path root;
};

TEST_F(BadContainers, ErrorsOfTheTable) {
  const fs::path bad = root / "bad";
  const TensorSet base = read_weights((bad / "valid").string());
  ASSERT_EQ(base.tensors.size(), 49u);
  int count = 0;
  for (const Case& c : read_cases(bad / "cases.tsv")) {
    if (!is_container_case(c)) continue;
    check(c, bad / c.model, base);
    ++count;
  }
  EXPECT_GE(count, 200);
  for (const auto& file : fs::directory_iterator(fs::current_path())) {
    EXPECT_FALSE(file.path().filename().string().starts_with("PWNED"));
  }
}

// Cases too large to store. Those that take disk are made in memory by the unit tests of the
// readers.
TEST_F(BadContainers, SparseAndSpecialFiles) {
  const fs::path bad = root / "bad", out = root / "large";
  ASSERT_TRUE(run("python3 '" + (bad / "make_large.py").string() + "' '" + out.string() +
                  "' large_st_tail large_st_header_8g large_st_1e12 large_st_deep large_zip_8g "
                  "large_legacy_8g special_ 2>'" +
                  (root / "log").string() + "'"))
      << "cannot make sparse files: python3 and a file system with holes are needed";
  const TensorSet base = read_weights((bad / "valid").string());
  int count = 0;
  for (const Case& c : read_cases(out / "cases.tsv")) {
    SCOPED_TRACE(c.name);
    ++count;
    if (c.name == "large_zip_8g" || c.name == "large_legacy_8g") {
      // Valid containers with one tensor of 8 GiB, which is not read; the others are missing.
      const TensorSet set = read_weights((out / c.model).string());
      ASSERT_EQ(set.tensors.size(), 1u);
      EXPECT_EQ(set.tensors[0].bytes(), int64_t{8} << 30);
    } else if (c.name == "large_st_1e12_sparse") {
      EXPECT_EQ(read_weights((out / c.model).string()).tensors.size(), base.tensors.size());
    } else {
      check(c, out / c.model, base);
    }
  }
  EXPECT_GE(count, 10);
}

}  // namespace
}  // namespace costeff::checkpoint
