# Toolchain file: builds for 64-bit Arm on another machine, with Debian's cross compiler and the
# libraries that cmake/aarch64.sh laid out in BLOK_ARM64_ROOT. Test programs run under qemu-user.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(BLOK_ARM64_ROOT "" CACHE PATH "What cmake/aarch64.sh made")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BLOK_ARM64_ROOT)
set(arm64_libraries ${BLOK_ARM64_ROOT}/usr/lib/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${BLOK_ARM64_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Headers that differ from machine to machine (jconfig.h).
set(CMAKE_C_FLAGS_INIT "-isystem ${BLOK_ARM64_ROOT}/usr/include/aarch64-linux-gnu")
# The loader and libc where Debian keeps them for cross builds, so that qemu need not pretend that
# another folder is the root.
set(arm64_libc /usr/aarch64-linux-gnu/lib)
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,-rpath-link,${arm64_libraries} -Wl,--dynamic-linker=${arm64_libc}/ld-linux-aarch64.so.1")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,-rpath-link,${arm64_libraries}")
set(CMAKE_CROSSCOMPILING_EMULATOR
    qemu-aarch64-static -E LD_LIBRARY_PATH=${arm64_libc}:${arm64_libraries} -E BLOK_TEST_EMULATED=1)
