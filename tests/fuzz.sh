#!/bin/sh
# fuzz.sh BUILD [libFuzzer options]: builds the fuzz targets with clang, address and undefined-behaviour
# sanitizers, and runs them side by side over tests/data. What they find stays in BUILD/found, what they
# learn in BUILD/corpus. The last line counts the targets.
set -eu
build=$1
shift
cd "$(dirname "$0")/.."
clang=$(command -v clang-14 || command -v clang) || { echo "fuzz.sh: there is no clang" >&2; exit 1; }
mkdir -p "$build/found"
cmake -S . -B "$build" -DCMAKE_C_COMPILER="$clang" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBLOK_FUZZ=ON \
  -DBLOK_SANITIZE=address,undefined -DBLOK_TOOLS=OFF -DBLOK_TESTS=OFF -DBLOK_OPENBLAS=OFF \
  > "$build/configure.log" 2>&1 || { cat "$build/configure.log"; exit 1; }
env -u MAKEFLAGS -u MAKELEVEL cmake --build "$build" --parallel "$(nproc)" > "$build/build.log" 2>&1 ||
  { tail -n 40 "$build/build.log"; exit 1; }

fuzz() { # NAME, then libFuzzer's options
  name=$1
  shift
  mkdir -p "$build/corpus/$name"
  if ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1 "$build/fuzz_$name" \
    -artifact_prefix="$build/found/$name-" -timeout=25 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 "$@" "$build/corpus/$name" tests/data/good tests/data/bad tests/data/fuzz \
    > "$build/fuzz_$name.log" 2>&1 < /dev/null; then
    echo passed > "$build/fuzz_$name.result"
  else
    echo failed > "$build/fuzz_$name.result"
  fi
}

for source in fuzz/*.c; do
  fuzz "$(basename "$source" .c)" "$@" &
done
wait

passed=0
failed=0
for source in fuzz/*.c; do
  name=$(basename "$source" .c)
  units=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/fuzz_$name.log" | tail -n 1)
  if [ "$(cat "$build/fuzz_$name.result")" = passed ]; then
    passed=$((passed + 1))
    echo "fuzz_$name: ${units:-0} executions, nothing found"
  else
    failed=$((failed + 1))
    tail -n 40 "$build/fuzz_$name.log"
    echo "fuzz_$name: failed; the input is in $build/found"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
