#!/bin/sh
# The demo of `make demo`: what Blok finds in a PyTorch export, what it answers, how fast, and the way back to ONNX.
# Needs nothing but the program:  sh examples/digits/demo.sh build/blok
set -eu

blok=${1:-build/blok}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case $here in "$PWD"/*) here=${here#"$PWD"/} ;; esac
model=$here/torchscript/model.onnx
other=$here/dynamo/model.onnx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

bold='' dim='' good='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') dim=$(printf '\033[2m') good=$(printf '\033[32m') plain=$(printf '\033[0m')
fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
shown() { printf '%s$ blok %s%s\n' "$dim" "$1" "$plain"; }
fail() {
  printf 'demo: %s\n' "$1" >&2
  exit 1
}

# The counts of blocks by kind, "residual 5, bottleneck 1, ...".
counts() {
  "$blok" inspect "$1" --json | tr -d '\n' |
    sed -n 's/.*"counts" *: *{\([^}]*\)}.*/\1/p' | tr -d '"' | sed 's/ *: */ /g; s/ *, */, /g; s/^ *//; s/ *$//'
}

# The answers for all pictures in the form of predictions.txt: file name, label. What `blok run` prints for several
# pictures is a line each: file, label, score.
answers() {
  net=$1
  set --
  for picture in "$here"/pictures/*.png; do set -- "$@" -i "$picture"; done
  "$blok" run -q "$net" --labels "$here/labels.txt" --top 1 "$@" > "$work/run.txt"
  awk '$1 ~ /\.png:?$/ && $2 ~ /^[0-9]$/ { sub(/:$/, "", $1); sub(/.*\//, "", $1); print $1, $2 }' "$work/run.txt"
}

title 'A network from PyTorch: an SE-ResNet that reads handwritten digits'
shown "inspect $model"
"$blok" inspect "$model"
ours=$(counts "$model")
theirs=$(counts "$other")
[ -n "$ours" ] || fail "$blok inspect $model --json names no counts of blocks"
[ "$ours" = "$theirs" ] || fail "the two exports differ: $ours; $theirs"
printf "%s=%s the same blocks in PyTorch's other export, %s\n" "$good" "$plain" "$other"

title 'Six pictures that it was not trained on'
answers "$model" > "$work/answers.txt"
for drawing in "$here"/pictures/*.txt; do
  name=$(basename "$drawing" .txt)
  label=${name#*_}
  awk -v name="$name.png" -v label="$label" '
    NR == FNR { if ($1 == name) said = $2; next }
    { print "   " $0 "   " }
    END { printf "   %-19s\n", "is " label ", Blok: " said }' "$work/answers.txt" "$drawing" > "$work/$name.column"
done
set -- "$work"/*.column
while [ $# -ge 3 ]; do
  paste -d '\0' "$1" "$2" "$3"
  shift 3
  echo
done

title 'All held-out pictures'
shown "run MODEL --labels $here/labels.txt --top 1 -i 0000.png -i 0001.png ..."
for net in "$model" "$other"; do
  [ "$net" = "$model" ] || answers "$net" > "$work/answers.txt"
  diff "$here/predictions.txt" "$work/answers.txt" > "$work/diff.txt" || {
    head -n 6 "$work/diff.txt" >&2
    fail "answers for $net (>) that are not PyTorch's (<)"
  }
  awk -v net="${net#"$here"/}" -v good="$good" -v plain="$plain" '
    { label = $1; sub(/.*_/, "", label); sub(/\.png$/, "", label); right += label == $2 }
    END {
      printf "%s%-24s %d of %d right, %.2f %%; every answer the same as PyTorch'\''s%s\n",
             good, net, right, NR, NR ? 100 * right / NR : 0, plain
      exit !(NR && right >= 0.98 * NR)
    }' "$work/answers.txt" || fail 'fewer than 98 % of the pictures are right'
done

title 'Time'
shown "bench $model --seconds 1"
ms=$("$blok" bench -q "$model" --seconds 1 --json | tr -d '\n' | sed -n 's/.*"median_ms" *: *\([0-9.eE+-]*\).*/\1/p')
[ -n "$ms" ] || fail "$blok bench $model --json names no median_ms"
printf "%.2f ms a picture (median)\n" "$ms"

title 'And back to ONNX'
shown "convert $model again.onnx"
"$blok" convert "$model" "$work/again.onnx"
shown "verify again.onnx --data $here/torchscript/test_data_set_0"
"$blok" verify "$work/again.onnx" --data "$here/torchscript/test_data_set_0"

title 'Now yours'
cat << END
  $blok inspect mine.onnx
  $blok run mine.onnx -i cat.png
END
