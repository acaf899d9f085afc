#pragma once

// Whether this program checks threads or memory as it runs, which takes ten times as long: tests that
// draw at random then draw less.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
