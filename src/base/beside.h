#pragma once

// Files and directories are written beside their target, synced, and then renamed to it.

#include <string>

namespace costeff {

// The directory that holds `path`: "." for a bare name.
std::string parent_of(const std::string& path);

// Six random letters and digits, for a temporary name.
std::string random_suffix();

// A rename is durable only when its directory is synced. File systems that cannot sync directories
// are ignored.
void sync_directory(const std::string& path);

}  // namespace costeff
