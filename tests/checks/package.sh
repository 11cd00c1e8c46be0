#!/usr/bin/env bash
# package.sh BUILD CMAKE CC: installs to a folder of its own and builds a program with what is there,
# by pkg-config and by the CMake package, against the shared and the static library.
set -eu
build=$1
cmake=$2
cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

"$cmake" --install "$build" --prefix "$prefix" > "$work/log" || { cat "$work/log"; exit 1; }
libraries=$(dirname "$(find "$prefix" -name libblok.a)")
export LD_LIBRARY_PATH=$libraries

cat > "$work/main.c" << 'END'
#include <blok/blok.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  if (strcmp(blok_version(), BLOK_VERSION_STRING) != 0) return 1;
  if (blok_model_open("/nonexistent.onnx", NULL, &model, &error) != BLOK_E_NOT_FOUND) return 2;
  puts(error.message);
  return model != NULL;
}
END

uses_shared() { # PROGRAM yes|no
  local found=no
  if ldd "$1" | grep -q 'libblok\.so'; then found=yes; fi
  if [ "$found" != "$2" ]; then
    echo "$1: linked with libblok.so: $found, wanted: $2"
    exit 1
  fi
}

if command -v pkg-config > /dev/null; then
  export PKG_CONFIG_PATH=$libraries/pkgconfig
  # shellcheck disable=SC2046
  "$cc" -std=c11 "$work/main.c" -o "$work/pc_shared" $(pkg-config --cflags --libs blok)
  # shellcheck disable=SC2046
  "$cc" -std=c11 "$work/main.c" -o "$work/pc_static" $(pkg-config --cflags blok) \
    $(pkg-config --static --libs blok | sed 's/-lblok/-l:libblok.a/')
  "$work/pc_shared"
  "$work/pc_static"
  uses_shared "$work/pc_shared" yes
  uses_shared "$work/pc_static" no
else
  echo "skipped: the package by pkg-config, because pkg-config is not installed"
fi

cat > "$work/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.25)
project(user C)
find_package(blok REQUIRED)
add_executable(cm_shared main.c)
target_link_libraries(cm_shared PRIVATE blok::blok_shared)
add_executable(cm_static main.c)
target_link_libraries(cm_static PRIVATE blok::blok_static)
END
{
  "$cmake" -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" &&
    "$cmake" --build "$work/build"
} > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/build/cm_shared"
"$work/build/cm_static"
uses_shared "$work/build/cm_shared" yes
uses_shared "$work/build/cm_static" no
