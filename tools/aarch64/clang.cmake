# As toolchain.cmake, with clang. Its assembler and C++ library are GCC's: g++-aarch64-linux-gnu is needed too.
set(COSTEFF_CROSS_CLANG ON)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
