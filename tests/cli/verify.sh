# `blok verify`.
. tests/cli/lib.sh

expect 0 verify "$DIGITS"
out_has 'ok: '
out_has 'logits'
err_empty
expect 0 verify "$DIGITS" --data examples/digits/torchscript/test_data_set_0 --json
json 'd["schema"] == 1 and d["against"] == "data" and d["ok"] is True'
json 'd["outputs"][0]["name"] == "logits" and d["outputs"][0]["bad"] == 0 and d["outputs"][0]["count"] > 0'
json '0 <= d["outputs"][0]["max_abs"] < 1e-3'

# One folder after another, arrays as .npy, a value that differs.
python3 tests/cli/arrays.py model "$T/same.onnx" Identity float32 3
expect 0 verify "$T/same.onnx"
out_has 'noise'
out_has 'ok: 1 output against the reference interpreter'
INPUT=$T/same.onnx expect 0 verify -
out_has 'against the reference interpreter'
expect 2 verify "$T/same.onnx" --reference
err_has 'nothing to be compared with'
store() {
  mkdir -p "$1"
  python3 tests/cli/arrays.py npy "$1/input_0.npy" '<f4' 3 "$2"
  python3 tests/cli/arrays.py npy "$1/output_0.npy" "${4:-<f4}" "${5:-3}" "$3"
}
store "$T/test_data_set_0" 1,2,3 1,2,3
store "$T/test_data_set_1" nan,inf,0 nan,inf,0
expect 0 verify "$T/same.onnx"
out_has 'ok: 2 outputs'
store "$T/test_data_set_10" 1,2,3 1,2,3.1
expect 1 verify "$T/same.onnx"
out_has 'values differ'
[ "$(grep -o 'set_[0-9]*' "$T/out" | tr '\n' ' ')" = 'set_0 set_1 set_10 ' ] || complain 'folders are not in order'
expect 1 verify "$T/same.onnx" --json
json 'd["ok"] is False and [o["bad"] for o in d["outputs"]] == [0, 0, 1] and abs(d["outputs"][2]["max_abs"] - 0.1) < 1e-6'
expect 0 verify "$T/same.onnx" --atol 0.2
expect 0 verify "$T/same.onnx" --rtol 0.1
expect 0 verify "$T/same.onnx" --data "$T/test_data_set_0"
store "$T/lone_nan" 1,2,nan 1,2,3
expect 1 verify "$T/same.onnx" --data "$T/lone_nan" --json
json 'd["outputs"][0]["bad"] == 1 and d["outputs"][0]["max_abs"] == "NaN"'
store "$T/type" 1,2,3 1,2,3 '<f8'
expect 1 verify "$T/same.onnx" --data "$T/type"
out_has 'float32 3, not float64 3'
store "$T/shape" 1,2,3 1,2,3 '<f4' 3x1
expect 1 verify "$T/same.onnx" --data "$T/shape" --json
json 'd["outputs"][0]["bad"] == 3 and "3x1" in d["outputs"][0]["why"]'

# Without stored outputs, against the reference interpreter.
cp "$DIGITS" "$T/digits.onnx"
mkdir "$T/alone"
mv "$T/digits.onnx" "$T/alone"
for way in '' '-t 1' '-t 3' '--isa scalar' --no-blocks '--dim N=3'; do
  expect 0 verify "$T/alone/digits.onnx" $way --json
  json 'd["against"] == "reference" and d["ok"] is True and d["outputs"][0]["data"] is None'
done
expect 2 verify "$T/same.onnx" --dim N=3
err_has 'holds the inputs'

mkdir "$T/none"
expect 3 verify "$T/same.onnx" --data "$T/none"
err_has 'holds no input_0.pb and no input_0.npy'
expect 3 verify "$T/same.onnx" --data "$T/nowhere"
err_one_line
cp "$T/test_data_set_0/input_0.npy" "$T/none"
expect 3 verify "$T/same.onnx" --data "$T/none"
err_has 'output_0'
echo nonsense > "$T/none/output_0.npy"
expect 3 verify "$T/same.onnx" --data "$T/none"
err_one_line
expect 3 verify "$GOOD/unknown_operator/model.onnx" --data "$T/none"
err_has 'Frobnicate'

# Every fixture that can be run agrees with its stored outputs, however it is computed.
for folder in "$GOOD"/*/test_data_set_0; do
  for way in '' '--isa scalar -t 1' '--no-blocks -t 3' --reference; do
    expect 0 verify "$(dirname "$folder")/model.onnx" $way
  done
done

finish
