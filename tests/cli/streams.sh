# Standard output that is closed or full, disks that are full.
. tests/cli/lib.sh

# A reader who goes away is no error.
said='blok inspect | head -n 1'
set -o pipefail
"$BLOK" inspect "$DIGITS" --nodes --weights 2> "$T/err" | head -n 1 > "$T/out" || complain "status ${PIPESTATUS[*]}"
err_empty
said='blok run of many pictures | head -n 1'
pictures=()
for picture in "$PICTURES"/00*.png; do pictures+=(-i "$picture"); done
"$BLOK" run "$DIGITS" -q "${pictures[@]}" 2> "$T/err" | head -n 1 > "$T/out" || complain "status ${PIPESTATUS[*]}"
err_empty
out_has '0000_8.png'
said='blok convert | true'
"$BLOK" convert "$DIGITS" - 2> "$T/err" | true || complain "status ${PIPESTATUS[*]}"
err_empty

# A full device is one.
full() {
  local got=0
  said="blok $* > /dev/full"
  : > "$T/out"
  "$BLOK" "$@" > /dev/full 2> "$T/err" || got=$?
  [ $got = 4 ] || complain "status 4 wanted, got $got"
  err_has 'standard output: No space left on device'
  err_one_line
}
full --version
full help run
full inspect "$DIGITS"
full inspect "$DIGITS" --json
full inspect "$T/none.onnx" --json
full run "$DIGITS" -q
full run "$DIGITS" -q -o -
full verify "$DIGITS"
full bench "$DIGITS" -q --runs 1
full convert "$DIGITS" -

# A full disk: status 4, one line, and no half of a file. Needs a small file system of its own.
if [ "$(id -u)" = 0 ] && mkdir "$T/disk" && mount -t tmpfs -o size=64k tmpfs "$T/disk" 2> /dev/null; then
  trap 'umount "$T/disk"; rm -rf "$T"' EXIT
  expect 4 convert "$DIGITS" "$T/disk/x.onnx"
  err_one_line
  err_has 'o space left'
  [ -z "$(ls -A "$T/disk")" ] || complain 'something was left on the full disk'
  expect 4 convert "$DIGITS" "$T/disk/x.onnx" --external
  [ -z "$(ls -A "$T/disk")" ] || complain 'something was left on the full disk'
  head -c 61440 /dev/zero > "$T/disk/fill"
  expect 4 run "$DIGITS" --dim N=400 -q -o "$T/disk/y.npy"
  err_one_line
  err_has 'o space left'
  [ "$(ls -A "$T/disk")" = fill ] || complain 'half an array was left on the full disk'
fi

finish
