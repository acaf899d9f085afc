#pragma once

// Flags of --task qa: questions and contexts in, answers out.

#include <costeff/qa.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace costeff::cli {

struct QaFlags {
  int64_t max_answer_length = 30, n_best = 0;
  bool version_2 = false;
  double null_threshold = 0;
};
// The verb has the input flags already: its --task then knows qa too.
void add_qa_flags(CLI::App* verb, QaFlags* flags);

bool is_qa_task(const std::string& task);

// Throws Error(usage) for a flag of infer that says nothing with this task.
void check_qa_flags(const CLI::App& infer, const std::string& task);

// The options that these flags and --doc-stride set; the others keep their defaults.
QaOptions qa_options(const QaFlags& flags, int64_t doc_stride);

}  // namespace costeff::cli
