#pragma once

// The data that tests read: that of tests/data, unpacked in the build tree, or the larger
// collection that it is a part of. The tests `larger_*` name that in the environment.
//
// What only the larger collection has (the weights of sst2-deebert, say) is for suites whose names
// begin with "Larger": they are run where it is, and not at all without it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

inline std::string shared_path(const std::string& name) {
  const char* larger = std::getenv("COSTEFF_TEST_DATA");
  return std::string(larger ? larger : COSTEFF_TEST_DATA) + "/" + name;
}

// What PyTorch answers with the bundled model, which is not of the larger collection.
inline std::string bundled_path(const std::string& name) {
  return std::string(COSTEFF_TEST_DATA) + "/bundled/" + name;
}
inline const std::string kBundledModel = COSTEFF_SOURCE_DIR "/models/sst2-slender";

// Nothing is skipped in silence: what a test needs and tests/data has not is added there.
#define COSTEFF_NEED_SHARED(name)                         \
  ASSERT_TRUE(std::filesystem::exists(shared_path(name))) \
      << "no " << shared_path(name) << ": tests/data/README.md says how it is added"
