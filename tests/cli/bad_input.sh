# Models that are wrong in one way each: tests/data/bad/README.md says what each command makes of them.
. tests/cli/lib.sh

check() {
  local verb=$1 name=$2 wanted=$3
  shift 3
  expect "$wanted" "$verb" "$BAD/$name/model.onnx" "$@"
  plain out
  plain err
  [ "$wanted" = 0 ] && return
  err_one_line
  err_has "$BAD/$name/model.onnx"
  out_empty
}

rows=0
while IFS='|' read -r _ name inspect run convert _; do
  name=${name// /} inspect=${inspect// /} run=${run// /} convert=${convert// /}
  [ -d "$BAD/$name" ] && [ -n "$name" ] || continue
  rows=$((rows + 1))
  check inspect "$name" "$inspect"
  check run "$name" "$run" -q
  rm -f "$T/out.onnx"
  check convert "$name" "$convert" "$T/out.onnx" -q
  [ "$convert" = 0 ] && present "$T/out.onnx" || absent "$T/out.onnx"
  expect "$inspect" inspect "$BAD/$name/model.onnx" --json
  if [ "$inspect" = 0 ]; then
    json 'd["schema"] == 1'
  else
    json 'd["error"]["status"] == 3 and d["error"]["code"] in ("malformed", "unsupported", "shape", "limit", "not_found", "io") and d["error"]["message"]'
    err_empty
  fi
done < "$BAD/README.md"
[ "$rows" -ge 50 ] || complain "only $rows rows in $BAD/README.md"

# What is no model file at all.
for verb in inspect run verify bench; do
  expect 3 $verb "$T/none.onnx"
  err_one_line
  err_has 'none.onnx'
  err_has 'no such file'
  expect 3 $verb tests
  err_one_line
  err_has 'folder'
  extra=()
  [ $verb = verify ] && extra=(--data "$T")
  expect 3 $verb - "${extra[@]}"
  err_one_line
  err_has 'empty'
done
expect 3 inspect "$T/none.onnx" --json
json 'd["error"]["code"] == "not_found"'
if [ "$(id -u)" != 0 ]; then
  cp "$DIGITS" "$T/locked.onnx"
  chmod 000 "$T/locked.onnx"
  expect 3 inspect "$T/locked.onnx"
  err_has 'ermission'
fi

# External data through links out of the folder, and with --external-root.
mkdir "$T/model" "$T/blobs"
cp "$GOOD/external_data/model.onnx" "$T/model"
for data in "$GOOD"/external_data/*.data "$GOOD"/external_data/*.bin; do
  [ -f "$data" ] || continue
  cp "$data" "$T/blobs"
  ln -s "../blobs/$(basename "$data")" "$T/model/$(basename "$data")"
done
expect 3 inspect "$T/model/model.onnx"
err_one_line
expect 0 inspect "$T/model/model.onnx" --external-root "$T"

finish
