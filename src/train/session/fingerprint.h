#pragma once

#include <string>

#include "base/json/json.h"
#include "train/session/prepared.h"

namespace costeff::train {

// All that a run's bits depend on, by name: settings, the kernels, and hashes of the rows and of the
// weights as they are before the first step. A run goes on only from a state with the same ones.
nlohmann::ordered_json run_identity(const Prepared& prepared);

// Its hash.
std::string fingerprint(const nlohmann::ordered_json& identity);

// What two runs differ in: "batch 8 (now 4) and seed 1 (now 2)". Empty: nothing.
std::string difference(const nlohmann::ordered_json& saved, const nlohmann::ordered_json& now);

}  // namespace costeff::train
