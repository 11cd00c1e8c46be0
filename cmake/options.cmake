# What can be chosen when Blok is built, the compiler flags, and the libraries found.

option(BLOK_WERROR "Warnings are errors" OFF)
option(BLOK_DEBUG_ARENA "Every arena block is an allocation of its own, for valgrind and ASan" OFF)
option(BLOK_SMALL "All but the kernels is compiled for size, library and program are stripped" OFF)
option(BLOK_TOOLS "Build the program blok" ON)
option(BLOK_TESTS "Build the tests" ON)
option(BLOK_FUZZ "Build the libFuzzer targets of fuzz/ (clang)" OFF)
option(BLOK_PNG "The program reads PNG pictures (libpng)" ON)
option(BLOK_JPEG "The program reads JPEG pictures (libjpeg)" ON)
set(BLOK_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo, Debug" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set_property(GLOBAL PROPERTY TARGET_MESSAGES OFF)  # no "Built target" lines

set(BLOK_X86 OFF)
set(BLOK_ARM64 OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(BLOK_X86 ON)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(BLOK_ARM64 ON)
endif()

set(BLOK_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wdouble-promotion
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Wcast-qual
    -Wcast-align -Wformat=2 -Wpointer-arith -Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough
    -Wnull-dereference -Wredundant-decls)
if(BLOK_WERROR)
  list(APPEND BLOK_WARNINGS -Werror)
endif()

# The same numbers from every compiler: no contraction, no fast maths.
add_compile_options(-ffp-contract=off)

# Relative relocations packed take a fifteenth of their room; a loader of glibc 2.36 or newer reads them.
set(BLOK_SIZE_OPTIONS -Os -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections)
if(BLOK_SMALL)
  include(CheckLinkerFlag)
  check_linker_flag(C -Wl,-z,pack-relative-relocs BLOK_HAVE_RELR)
  add_link_options(-Wl,--gc-sections $<$<BOOL:${BLOK_HAVE_RELR}>:-Wl,-z,pack-relative-relocs>)
endif()

if(BLOK_SANITIZE)
  add_compile_options(
    -fsanitize=${BLOK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BLOK_SANITIZE})
endif()
if(BLOK_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "BLOK_FUZZ needs clang: -DCMAKE_C_COMPILER=clang-14")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(ProtobufC REQUIRED)

# OpenBLAS is one source file of the runtime and its serial static archive, or nothing at all.
find_library(
  BLOK_OPENBLAS_LIBRARY libopenblas.a
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE} /usr/lib /usr/local/lib
  PATH_SUFFIXES openblas-serial)
mark_as_advanced(BLOK_OPENBLAS_LIBRARY)
set(BLOK_OPENBLAS AUTO CACHE STRING "OpenBLAS where it is the better product: ON, OFF, AUTO (if found)")
set(BLOK_USE_OPENBLAS OFF)
if(BLOK_OPENBLAS AND EXISTS ${CMAKE_SOURCE_DIR}/runtime/kernels/openblas.c)
  if(BLOK_OPENBLAS_LIBRARY)
    set(BLOK_USE_OPENBLAS ON)
  elseif(NOT BLOK_OPENBLAS STREQUAL "AUTO")
    message(FATAL_ERROR "BLOK_OPENBLAS is on, but libopenblas.a was not found: install "
                        "libopenblas-serial-dev, or pass -DBLOK_OPENBLAS=OFF")
  endif()
endif()

# The words of blok_build_options().
set(BLOK_BUILD_WORDS)
if(BLOK_USE_OPENBLAS)
  list(APPEND BLOK_BUILD_WORDS openblas)
endif()
if(BLOK_SANITIZE MATCHES "address")
  list(APPEND BLOK_BUILD_WORDS asan)
endif()
if(BLOK_SANITIZE MATCHES "undefined")
  list(APPEND BLOK_BUILD_WORDS ubsan)
endif()
if(BLOK_SANITIZE MATCHES "thread")
  list(APPEND BLOK_BUILD_WORDS tsan)
endif()
if(BLOK_DEBUG_ARENA)
  list(APPEND BLOK_BUILD_WORDS debug-arena)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND BLOK_BUILD_WORDS debug)
endif()
list(JOIN BLOK_BUILD_WORDS " " BLOK_BUILD_WORDS)
