# Helpers of the tests of the program. A test sources this file, runs commands with `expect`, looks at
# what they printed, and ends with `finish`. BLOK is the program; the working folder is the project.
# Every check that fails prints what was wanted and what came; the test goes on to the next.

set -u
BLOK=${BLOK:?the program to test}
command -v python3 > /dev/null || { echo 'python3 is needed'; exit 77; }
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
DIGITS=examples/digits/torchscript/model.onnx
PICTURES=examples/digits/pictures
GOOD=tests/data/good
BAD=tests/data/bad
failures=0
said=

complain() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n  after: %s\n' "$1" "$said"
  printf '  stdout: %s\n  stderr: %s\n' "$(head -c 600 "$T/out")" "$(head -c 600 "$T/err")"
}

# expect STATUS ARGUMENT...: runs blok and checks its exit status. Standard input is empty.
expect() {
  local wanted=$1 got=0
  shift
  said="blok $*"
  timeout 120 "$BLOK" "$@" < "${INPUT:-/dev/null}" > "$T/out" 2> "$T/err" || got=$?
  [ "$got" = "$wanted" ] || complain "status $wanted wanted, got $got"
}

out_has() { grep -qF -- "$1" "$T/out" || complain "stdout lacks: $1"; }
out_lacks() { ! grep -qF -- "$1" "$T/out" || complain "stdout holds: $1"; }
out_is() { [ "$(cat "$T/out")" = "$1" ] || complain "stdout is not: $1"; }
out_empty() { [ ! -s "$T/out" ] || complain 'stdout is not empty'; }
err_has() { grep -qF -- "$1" "$T/err" || complain "stderr lacks: $1"; }
err_lacks() { ! grep -qF -- "$1" "$T/err" || complain "stderr holds: $1"; }
err_empty() { [ ! -s "$T/err" ] || complain 'stderr is not empty'; }
err_one_line() { [ "$(wc -l < "$T/err")" = 1 ] || complain 'stderr is not one line'; }
plain() { ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$T/$1" || complain "control bytes in $1"; }

# json EXPRESSION: standard output is one JSON document, of which the Python expression over d is true.
json() {
  python3 -c 'import json, math, sys
d = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)' "$T/out" "$1" 2> "$T/json" ||
    complain "JSON is wrong: $1 $(tail -n 1 "$T/json")"
}

# same A B: two files hold the same bytes.
same() { cmp -s "$1" "$2" || complain "$1 and $2 differ"; }
absent() { [ ! -e "$1" ] || complain "$1 exists"; }
present() { [ -s "$1" ] || complain "$1 is missing or empty"; }

# array FILE EXPRESSION: FILE is a .npy of which the expression over a (a list of numbers), shape and
# descr is true.
array() {
  python3 tests/cli/arrays.py check "$1" "$2" || complain "array $1: $2"
}

finish() {
  [ "$failures" = 0 ] && exit 0
  echo "$failures checks failed"
  exit 1
}
