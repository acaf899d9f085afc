# Builds for 64-bit ARM on a machine of another kind, with GCC (clang: clang.cmake), and runs what was built
# under QEMU. The headers and libraries are those that sysroot.sh unpacked.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

# From the command line, or where neither CMake nor the caller passes it on (a project inside a test) from
# the environment.
set(COSTEFF_SYSROOT "$ENV{COSTEFF_SYSROOT}" CACHE PATH "Where sysroot.sh unpacked the arm64 packages")
if(NOT COSTEFF_SYSROOT)
  message(FATAL_ERROR "COSTEFF_SYSROOT is not set (tools/aarch64/sysroot.sh makes one)")
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES COSTEFF_SYSROOT)
set(CMAKE_SYSROOT ${COSTEFF_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

if(COSTEFF_CROSS_CLANG)
  # Before 16, clang does not capture structured bindings in lambdas.
  find_program(COSTEFF_CLANG NAMES clang++-19 clang++)
  set(CMAKE_CXX_COMPILER ${COSTEFF_CLANG})
  set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
else()
  set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
endif()
foreach(tool AR RANLIB NM OBJDUMP STRIP)
  string(TOLOWER ${tool} name)
  set(CMAKE_${tool} aarch64-linux-gnu-${name})
endforeach()

# The dynamic name is of the package qemu-user, the other of qemu-user-static.
find_program(COSTEFF_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(NOT COSTEFF_QEMU)
  message(FATAL_ERROR "qemu-aarch64 is not installed (Debian: qemu-user-static)")
endif()
set(CMAKE_CROSSCOMPILING_EMULATOR ${COSTEFF_QEMU} -cpu max -L ${COSTEFF_SYSROOT})
