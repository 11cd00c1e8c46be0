#!/usr/bin/env bash
# headers.sh CC: each public header compiles alone as C11 and as C++11, its _INIT macros included.
set -u
cd "$(dirname "$0")/../.." || exit 1
cc=${1:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

try() { # WHAT COMPILER...
  local what=$1
  shift
  if ! "$@" -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only "$source" 2> "$work/messages"; then
    printf '%s as %s:\n' "$header" "$what"
    cat "$work/messages"
    faults=$((faults + 1))
  fi
}

cxx=
for name in ${CXX:-} g++ c++ clang++; do
  if command -v "$name" > /dev/null; then
    cxx=$name
    break
  fi
done

for header in include/blok/*.h; do
  source=$work/alone.c
  {
    printf '#include <%s>\n' "${header#include/}"
    printf 'int blok_try(void);\nint blok_try(void) {\n'
    sed -n 's/^#define BLOK_\([A-Z0-9_]*\)_INIT\( .*\)\{0,1\}$/\1/p' "$header" | while read -r name; do
      lower=$(printf '%s' "$name" | tr '[:upper:]' '[:lower:]')
      printf '  blok_%s the_%s = BLOK_%s_INIT;\n  (void)the_%s;\n' "$lower" "$lower" "$name" "$lower"
    done
    printf '  return 0;\n}\n'
  } > "$source"
  try C11 "$cc" -std=c11 -x c
  if [ -n "$cxx" ]; then try C++11 "$cxx" -std=c++11 -x c++; fi
done
if [ -z "$cxx" ]; then echo "skipped: headers as C++11, because there is no C++ compiler"; fi
[ "$faults" -eq 0 ]
