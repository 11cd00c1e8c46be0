# `blok convert`.
. tests/cli/lib.sh

expect 0 convert "$DIGITS" "$T/a.onnx" -q
out_empty
err_empty
expect 0 convert "$DIGITS" "$T/a.onnx"
out_empty
err_one_line
err_has 'wrote'
expect 0 convert "$T/a.onnx" "$T/b.onnx"
same "$T/a.onnx" "$T/b.onnx"
cp "$DIGITS" "$T/in.onnx"
expect 0 convert "$T/in.onnx" "$T/in.onnx"
same "$T/a.onnx" "$T/in.onnx"
expect 0 verify "$T/in.onnx" --data examples/digits/torchscript/test_data_set_0

INPUT=$DIGITS expect 0 convert - "$T/c.onnx"
same "$T/a.onnx" "$T/c.onnx"
expect 0 convert "$DIGITS" -
same "$T/a.onnx" "$T/out"

# Weights beside it and back.
expect 0 convert "$DIGITS" "$T/e.onnx" --external
err_has 'external file e.onnx.data'
present "$T/e.onnx.data"
expect 0 inspect "$T/e.onnx" --json
json 'd["model"]["external_bytes"] > 100000'
expect 0 convert "$DIGITS" "$T/f.onnx" --external=weights.bin
present "$T/weights.bin"
mkdir "$T/g"
expect 0 convert "$DIGITS" "$T/g/f.onnx" --external weights.bin
same "$T/g/weights.bin" "$T/weights.bin"
same "$T/g/f.onnx" "$T/f.onnx"
expect 0 convert --external weights.bin "$DIGITS" "$T/g/h.onnx"
expect 0 convert "$T/e.onnx" "$T/inline.onnx" --inline
same "$T/a.onnx" "$T/inline.onnx"
expect 0 verify "$T/e.onnx" --data examples/digits/torchscript/test_data_set_0
expect 0 convert "$DIGITS" "$T/j.onnx" --json
json 'd["schema"] == 1 and d["file"].endswith("j.onnx")'

expect 2 convert "$DIGITS" "$T/x.onnx" --external --inline
expect 2 convert "$DIGITS" "$T/x.onnx" --external=../w.bin
expect 2 convert "$DIGITS" "$T/x.onnx" --external=
expect 2 convert "$DIGITS" - --external
expect 2 convert "$DIGITS" "$T/x.onnx" --opset=new
expect 2 convert "$DIGITS" - --opset 18
absent "$T/x.onnx"

# What cannot be run is written all the same, with a word about it.
expect 0 convert "$GOOD/unknown_operator/model.onnx" "$T/u.onnx"
err_has 'warning'
err_has 'Frobnicate'
expect 0 convert "$GOOD/unknown_operator/model.onnx" "$T/u.onnx" -q
err_empty

# Failures leave nothing behind.
expect 4 convert "$DIGITS" "$T/missing/x.onnx"
err_one_line
err_has "$T/missing"
expect 3 convert "$T/none.onnx" "$T/x.onnx"
absent "$T/x.onnx"
expect 3 convert "$BAD/truncated/model.onnx" "$T/x.onnx" --json
json 'd["error"]["status"] == 3 and d["error"]["code"] == "malformed"'
absent "$T/x.onnx"
mkdir "$T/folder.onnx"
expect 4 convert "$DIGITS" "$T/folder.onnx"
err_one_line
[ "$(ls -A "$T/folder.onnx")" = '' ] || complain 'something was left in the folder'
ls -A "$T" | grep -vE '^(out|err|json|[a-z]+\.onnx(\.data)?|weights\.bin|g)$' > "$T/err" && complain 'a temporary file was left'
cp "$T/a.onnx" "$T/keep.onnx"
if [ "$(id -u)" != 0 ]; then
  mkdir "$T/locked"
  chmod 555 "$T/locked"
  expect 4 convert "$DIGITS" "$T/locked/x.onnx"
  err_one_line
fi

finish
