#pragma once

// What is written is written beside its target, reaches the disk, and then takes the target's name.

#include <string>

namespace costeff {

// The directory that holds `path`: "." for a bare name.
std::string parent_of(const std::string& path);

// Six letters and digits, for a name that nobody has.
std::string random_suffix();

// A rename is on the disk once its directory is. File systems that cannot do it are none of our
// business.
void sync_directory(const std::string& path);

}  // namespace costeff
