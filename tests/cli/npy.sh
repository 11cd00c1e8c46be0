# Arrays: every type, order and version of .npy, and files that only look like one.
. tests/cli/lib.sh

same_model() { python3 tests/cli/arrays.py model "$T/same.onnx" Identity "$1" "$2"; }
npy() { python3 tests/cli/arrays.py npy "$T/x.npy" "$@"; }

for pair in float32:f4 float64:f8 float16:f2 int8:i1 int32:i4 int64:i8; do
  same_model "${pair%:*}" 2x3
  code=${pair#*:}
  for order in '<' '>'; do
    npy "$order$code" 2x3 1,2,3,4,5,6
    expect 0 run "$T/same.onnx" -i "$T/x.npy" -o "$T/y.npy"
    array "$T/y.npy" "a == [1, 2, 3, 4, 5, 6] and shape == (2, 3) and descr[1:] == '$code'"
  done
done
same_model float32 2x3
npy '<f4' 2x3 1,4,2,5,3,6 fortran
expect 0 run "$T/same.onnx" -i "$T/x.npy" -o "$T/y.npy"
array "$T/y.npy" 'a == [1, 2, 3, 4, 5, 6]'
for version in v2 v3; do
  npy '=f4' 2x3 1,2,3,4,5,6 $version
  expect 0 run "$T/same.onnx" -i "$T/x.npy" -o "$T/y.npy"
  array "$T/y.npy" 'a == [1, 2, 3, 4, 5, 6]'
done
same_model bool scalar
npy '|b1' scalar 1
expect 0 run "$T/same.onnx" -i "$T/x.npy" -o "$T/y.npy"
array "$T/y.npy" 'a == [True] and shape == () and descr == "|b1"'

# The header is never believed.
same_model float32 2x3
npy '<f4' 2x3 1,2,3,4,5,6
whole=$(wc -c < "$T/x.npy")
for size in 0 5 6 9 10 11 40 127 128 $((whole - 1)); do
  head -c "$size" "$T/x.npy" > "$T/cut.npy"
  expect 3 run "$T/same.onnx" -i "$T/cut.npy"
  err_one_line
  err_has 'cut.npy'
done
head -c 4 /dev/zero | cat "$T/x.npy" - > "$T/long.npy"
expect 3 run "$T/same.onnx" -i "$T/long.npy"
err_has '24 bytes'
header() {
  python3 - "$T/bad.npy" "$1" << 'END'
import struct, sys
text = sys.argv[2].encode() + b"\n"
open(sys.argv[1], "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(24))
END
  expect 3 run "$T/same.onnx" -i "$T/bad.npy"
  err_one_line
  err_has 'bad.npy'
}
header ''
header '{'
header '{}'
header "{'descr': '<f4', 'fortran_order': False}"
header "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3)}"
header "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}"
header "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3}"
header "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}"
header "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}"
header "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6)}"
header "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}"
header "{'descr': '<U6', 'fortran_order': False, 'shape': (1,)}"
header "{'descr': '', 'fortran_order': False, 'shape': (2, 3)}"
header "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 3)}"
header "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}"
printf '\223NUMPY\011\000\020\000' > "$T/version.npy"
expect 3 run "$T/same.onnx" -i "$T/version.npy"
err_has 'version 1 to 3'

# .pb
expect 0 run "$DIGITS" -i examples/digits/torchscript/test_data_set_0/input_0.pb
head -c 100 examples/digits/torchscript/test_data_set_0/input_0.pb > "$T/cut.pb"
expect 3 run "$DIGITS" -i "$T/cut.pb"
err_one_line
err_has 'cut.pb'

expect 3 run "$T/same.onnx" -i tests/cli/lib.sh
err_has 'neither an array'
expect 3 run "$T/same.onnx" -i tests
err_has 'folder'
expect 3 run "$T/same.onnx" -i "$T/none.npy"
err_has 'no such file'
: > "$T/empty"
expect 3 run "$T/same.onnx" -i "$T/empty"
err_has 'neither an array'

finish
