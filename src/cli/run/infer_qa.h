#pragma once

// costeff infer --task qa: questions and contexts in, answers out.

#include "cli/flags/infer_flags.h"

namespace costeff::cli {

// Returns the exit code.
int infer_qa(const InferFlags& flags);

}  // namespace costeff::cli
