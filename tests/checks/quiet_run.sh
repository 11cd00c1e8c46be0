#!/usr/bin/env bash
# quiet_run.sh PROGRAM: a run on known shapes calls neither malloc nor free and, where strace can be
# used, makes no system call but futex, by which the pool waits and wakes.
set -u
cd "$(dirname "$0")/../.." || exit 1
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
models=(examples/digits/torchscript/model.onnx examples/digits/dynamo/model.onnx
  tests/data/good/dynamic_dims/model.onnx tests/data/good/if_captures/model.onnx
  tests/data/good/block_kinds/model.onnx)
failures=0

for model in "${models[@]}"; do
  if ! "$program" "$model" > "$work/out" 2> "$work/err"; then
    echo "$model: $(cat "$work/out" "$work/err")"
    failures=$((failures + 1))
  fi
done

if ! strace -f -o "$work/try" true 2> "$work/why"; then
  echo "without strace, system calls were not looked at: $(head -n 1 "$work/why")"
  [ "$failures" = 0 ] && [ -z "${CI:-}" ]
  exit
fi
for model in "${models[@]}"; do
  strace -f -o "$work/log" "$program" "$model" > /dev/null 2>&1
  # What every thread did between the two writes; a call that was begun before is not the run's.
  sed -n '/write(2, "begin/,/write(2, "end/p' "$work/log" |
    grep -vE 'write\(2, "(begin|end)|^[0-9]+ +(futex\(|<\.\.\. |\+\+\+|---)' > "$work/calls"
  if ! grep -q 'write(2, "end' "$work/log" || [ -s "$work/calls" ]; then
    echo "$model: system calls of a run:"
    sort "$work/calls" | head -n 20
    failures=$((failures + 1))
  fi
done
[ "$failures" = 0 ]
