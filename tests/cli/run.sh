# `blok run`: inputs, outputs, answers.
. tests/cli/lib.sh

labels=examples/digits/labels.txt
eight=$PICTURES/0000_8.png
two=$PICTURES/0001_2.png

expect 0 run "$DIGITS" -i "$eight" --labels $labels
out_has 'logits  float32 1x10'
[ "$(sed -n 3p "$T/out" | awk '{ print $1, $3 }')" = '1 8' ] || complain 'the best class is not 8'
[ "$(wc -l < "$T/out")" = 7 ] || complain 'not five classes'
err_has '8x8 grey'
err_has 'times 1/255'
expect 0 run "$DIGITS" -i "$eight" -q --top 2
err_empty
[ "$(wc -l < "$T/out")" = 4 ] || complain 'not two classes'

# Several pictures: a line each.
expect 0 run "$DIGITS" -i "$eight" -i "$two" --labels $labels
[ "$(awk '{ print $1, $2, NF }' "$T/out")" = "$eight 8 3
$two 2 3" ] || complain 'lines are not FILE LABEL SCORE'
err_one_line
expect 0 run "$DIGITS" -i "$eight" -i "$two" --top 3
[ "$(awk '{ print NF }' "$T/out" | sort -u)" = 7 ] || complain 'lines are not FILE and three pairs'

expect 0 run "$DIGITS" -i "$eight" --json -q
json 'd["schema"] == 1 and d["outputs"][0]["name"] == "logits" and d["outputs"][0]["dtype"] == "float32"'
json 'd["outputs"][0]["shape"] == [1, 10] and d["outputs"][0]["file"] is None'
json '[t["index"] for t in d["outputs"][0]["top"]][0] == 8 and len(d["outputs"][0]["top"]) == 5'
json 'd["outputs"][0]["top"][0]["label"] is None and d["outputs"][0]["top"][0]["score"] == d["outputs"][0]["max"]'
err_empty
expect 0 run "$DIGITS" -i "$eight" -i "$two" --json --labels $labels --top 1
json '[r["input"][-10:] for r in d["runs"]] == ["0000_8.png", "0001_2.png"]'
json '[r["outputs"][0]["top"][0]["label"] for r in d["runs"]] == ["8", "2"]'

# Without -i: noise, the same every time, told.
expect 0 run "$DIGITS"
err_has 'noise'
cp "$T/out" "$T/first"
expect 0 run "$DIGITS" -q
same "$T/out" "$T/first"
INPUT=$DIGITS expect 0 run - -q
same "$T/out" "$T/first"
INPUT=$eight expect 0 run "$DIGITS" -i - --top 1
out_has '8'

# -o
expect 0 run "$DIGITS" -i "$eight" -o "$T/one.npy"
array "$T/one.npy" 'shape == (1, 10) and descr == "<f4" and a.index(max(a)) == 8'
expect 0 run "$DIGITS" -i "$eight" -o "$T/new"
same "$T/new/output_0.npy" "$T/one.npy"
expect 0 run "$DIGITS" -i "$eight" -o "$T/new" --json
json 'd["outputs"][0]["file"].endswith("new/output_0.npy")'
mkdir "$T/other"
cp "$eight" "$T/other/0001_2.png"
expect 0 run "$DIGITS" -i "$eight" -i "$two" -i "$T/other/0001_2.png" -o "$T/many"
same "$T/many/0000_8/output_0.npy" "$T/one.npy"
same "$T/many/0001_2-2/output_0.npy" "$T/one.npy"
present "$T/many/0001_2/output_0.npy"
expect 0 run "$DIGITS" -i "$eight" -o -
same "$T/out" "$T/one.npy"
expect 2 run "$DIGITS" -i "$eight" -i "$two" -o "$T/x.npy"
err_has '-o takes a folder'
absent "$T/x.npy"
expect 2 run "$GOOD/typed_data/model.onnx" -o "$T/x.npy"
expect 0 run "$GOOD/typed_data/model.onnx" -o "$T/typed"
array "$T/typed/output_5.npy" 'descr == "<u2" and shape == (3,)'
expect 4 run "$DIGITS" -o "$T/missing/deeper"
err_has 'output folder'
err_one_line
expect 4 run "$DIGITS" -q -o "$T/missing/y.npy"
err_has 'No such file'
err_one_line
expect 4 run "$DIGITS" -q -o "$eight"
err_has 'folder'

expect 3 run "$DIGITS" -q -i tests/cli/lib.sh -o "$T/unused"
absent "$T/unused"
expect 3 run "$DIGITS" -q -i tests/cli/lib.sh -i "$eight" -o "$T/unused"
absent "$T/unused"
if [ "$(id -u)" != 0 ]; then
  mkdir -m 555 "$T/locked"
  expect 4 run "$DIGITS" -q -o "$T/locked"
  err_has 'cannot be written to'
fi

# Open axes.
expect 0 run "$DIGITS" --dim N=4
out_has 'logits  float32 4x10'
expect 0 run "$DIGITS" --shape picture=3x1x8x8
out_has 'logits  float32 3x10'
expect 3 run "$DIGITS" --dim M=4
err_has "'N'"
expect 3 run "$DIGITS" --shape image=1x1x8x8
err_has "no such input"
expect 3 run "$DIGITS" --shape picture=8x8
err_has '4 axes'
expect 3 run "$GOOD/dynamic_dims/model.onnx"
err_has '--dim H=N'
err_has "'x'"
expect 3 run "$GOOD/dynamic_dims/model.onnx" --json
json 'd["error"]["code"] == "shape" and d["error"]["status"] == 3 and "--dim H=N" in d["error"]["message"]'
expect 0 run "$GOOD/dynamic_dims/model.onnx" --dim H=9 --dim W=7
out_has 'y  float32 1x4'
python3 tests/cli/arrays.py npy "$T/x.npy" '<f4' 2x3x5x5 "$(seq -s, 1 150)"
expect 0 run "$GOOD/dynamic_dims/model.onnx" -i "$T/x.npy"
out_has 'y  float32 2x4'
expect 3 run "$GOOD/dynamic_dims/model.onnx" -i "$T/x.npy" --dim H=6
err_has "'H' is 6"

expect 4 run "$DIGITS" --dim N=100000000000000
err_has "input 'picture' of shape 100000000000000x1x8x8: no memory"
expect 3 run "$DIGITS" --dim N=9223372036854775807
err_has 'more than memory can hold'

# Inputs by name and position.
python3 tests/cli/arrays.py model "$T/sub.onnx" Sub float32 2 2
python3 tests/cli/arrays.py npy "$T/a.npy" '<f4' 2 5,7
python3 tests/cli/arrays.py npy "$T/b.npy" '<f4' 2 1,2
expect 0 run "$T/sub.onnx" -i "$T/a.npy" -i "$T/b.npy" -o "$T/y.npy"
array "$T/y.npy" 'a == [4, 5]'
expect 0 run "$T/sub.onnx" -i x1="$T/a.npy" -i "$T/b.npy" -o "$T/y.npy"
array "$T/y.npy" 'a == [-4, -5]'
expect 3 run "$T/sub.onnx" -i nosuch="$T/a.npy" -i "$T/b.npy"
err_has "no input of that name; the model's inputs are '"
expect 3 run "$T/sub.onnx" -i "$T/a.npy"
err_has "'x1' was not given"
expect 3 run "$T/sub.onnx" -i "$T/a.npy" -i "$T/a.npy" -i "$T/a.npy"
err_has 'only 2 inputs'
expect 3 run "$T/sub.onnx" -i x0="$T/a.npy" -i x0="$T/a.npy"
err_has 'given before'
expect 3 run "$T/sub.onnx" -i x9="$T/a.npy" -i "$T/b.npy"
err_has 'no such file'
python3 tests/cli/arrays.py npy "$T/c.npy" '<f4' 3 1,2,3
expect 3 run "$T/sub.onnx" -i "$T/a.npy" -i "$T/c.npy"
err_one_line
err_has "'x1'"
python3 tests/cli/arrays.py npy "$T/d.npy" '<f8' 2 1,2
expect 3 run "$T/sub.onnx" -i "$T/a.npy" -i "$T/d.npy"
err_one_line
err_has 'float64'

# NaN and infinity are strings in JSON, and nine digits read back.
python3 tests/cli/arrays.py model "$T/same.onnx" Identity float32 3
python3 tests/cli/arrays.py npy "$T/n.npy" '<f4' 3 nan,inf,-0.1
expect 0 run "$T/same.onnx" -i "$T/n.npy" --json
json 'd["outputs"][0]["min"] == -0.100000001 and d["outputs"][0]["mean"] == "NaN" and d["outputs"][0]["max"] == "Infinity"'
expect 0 run "$T/same.onnx" -i "$T/n.npy" --top 3 --json
json 'd["outputs"][0]["top"][2]["score"] == "NaN"'

expect 3 run "$DIGITS" -i "$eight" --labels "$T/none.txt"
err_has 'no such file'
expect 2 run - -i -
err_has 'standard input'

finish
