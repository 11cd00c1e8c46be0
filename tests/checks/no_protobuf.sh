#!/usr/bin/env bash
# no_protobuf.sh PROGRAM: a program that builds a model, runs it and frees it, linked with the static
# library, runs and holds nothing of protobuf, of reading or of writing ONNX.
set -u
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
faults=0

if ! "$program" > "$work/out"; then
  echo "$program failed"
  faults=1
fi
lines=$(sort -u "$work/out" | wc -l)
if [ "$lines" -ne 10 ]; then
  echo "$lines different numbers instead of 10:"
  cat "$work/out"
  faults=1
fi
nm "$program" > "$work/symbols" || faults=1
if ! grep -q 'blok_builder_finish' "$work/symbols"; then
  echo "$program has no symbols to look at"
  faults=1
fi
if grep -iE 'protobuf|blok__onnx|blok_(import|export|wire|proto)' "$work/symbols"; then
  echo "these have no business in a program that only builds and runs"
  faults=1
fi
if ldd "$program" 2> /dev/null | grep -i protobuf; then
  echo "$program is linked with protobuf"
  faults=1
fi
[ "$faults" -eq 0 ]
