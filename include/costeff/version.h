#pragma once

namespace costeff {
inline constexpr const char* kVersion = "0.1.0";
}
