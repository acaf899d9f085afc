#pragma once

// Whether this program, built for another CPU, runs under an emulator (tools/aarch64). All that needs to
// differ there asks this.
inline constexpr bool kEmulated = sizeof(COSTEFF_EMULATOR) > 1;
