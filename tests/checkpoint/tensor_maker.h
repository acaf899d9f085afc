#pragma once

// Expectations about checkpoints made in memory.

#include <costeff/error.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/error_of.h"
#include "checkpoint/tensor_shapes.h"

namespace costeff::checkpoint {

inline std::string build_error(const Shapes& s, const Config& c = make_config()) {
  return error_of(ErrorKind::model, [&] { make_model(s, c); });
}

inline std::vector<int64_t> exit_layers(const model::Model& m) {
  std::vector<int64_t> layers;
  for (const model::Head& h : m.arch.heads) layers.push_back(h.layer);
  return layers;
}

inline std::vector<std::string> unused_names(const model::Model& m) {
  std::vector<std::string> names;
  for (const Tensor& t : m.provenance.unused) names.push_back(t.name);
  return names;
}

// Every tensor of `s` that the model uses, if it is missing or has a wrong shape, is an error that names
// it.
inline void expect_all_checked(const Shapes& s, const Config& c) {
  const model::Model whole = make_model(s, c);
  std::set<std::string> unused;
  for (const Tensor& t : whole.provenance.unused) unused.insert(t.name);
  for (const auto& [name, shape] : s.at) {
    if (unused.contains(name)) continue;
    Shapes less = s;
    less.at.erase(name);
    EXPECT_NE(build_error(less, c).find(name + ": is missing, expected shape ["), std::string::npos)
        << name << ": " << build_error(less, c);
    Shapes wrong = s;
    wrong.at[name].push_back(1);
    EXPECT_NE(
        build_error(wrong, c).find(name + ": shape " + shape_text(wrong.at[name]) + ", expected ["),
        std::string::npos)
        << name << ": " << build_error(wrong, c);
    Shapes empty = s;
    empty.at[name][0] = 0;
    EXPECT_NE(build_error(empty, c).find(": shape [0"), std::string::npos) << name;
    Shapes integers = s;
    integers.dtypes[name] = DType::i16;
    EXPECT_NE(build_error(integers, c).find(name + ": dtype I16, expected F32"), std::string::npos)
        << name;
  }
}

}  // namespace costeff::checkpoint
