# Pictures as inputs: formats, sizes, channels, numbers.
. tests/cli/lib.sh

# Models that give their input back, so the very numbers are seen.
python3 tests/cli/arrays.py model "$T/first.onnx" Identity float32 1x3x2x4
python3 tests/cli/arrays.py model "$T/last.onnx" Identity float32 1x2x4x3
python3 tests/cli/arrays.py model "$T/grey.onnx" Identity float32 1x1x2x4
python3 tests/cli/arrays.py model "$T/open.onnx" Identity float32 Nx3xHxW
python3 tests/cli/arrays.py model "$T/three.onnx" Identity float32 3x2x4
picture() { python3 tests/cli/arrays.py picture "$T/$1" "$2"; }
picture rgb.png rgb
picture rgba.png rgba
picture grey.png grey
picture grey16.png grey16
picture palette.png palette
picture rgb.ppm ppm
picture grey.pgm pgm
picture plain.ppm plain

planes='[p[c] / 255 for c in range(3) for row in P for p in row]'
for file in rgb.png rgba.png palette.png rgb.ppm plain.ppm; do
  expect 0 run "$T/first.onnx" -i "$T/$file" -o "$T/y.npy"
  array "$T/y.npy" "near($planes)"
  err_has '4x2 RGB'
  err_has 'channels first'
  err_lacks 'stretched'
done
expect 0 run "$T/first.onnx" -i "$T/rgba.png"
err_has 'transparency dropped'
expect 0 run "$T/last.onnx" -i "$T/rgb.png" -o "$T/y.npy"
array "$T/y.npy" 'near([v / 255 for row in P for p in row for v in p])'
err_has 'channels last'
expect 0 run "$T/three.onnx" -i "$T/rgb.png" -o "$T/y.npy"
array "$T/y.npy" "near($planes)"

# Grey and colour.
for file in grey.png grey16.png grey.pgm; do
  expect 0 run "$T/first.onnx" -i "$T/$file" -o "$T/y.npy"
  array "$T/y.npy" 'near([p[0] / 255 for c in range(3) for row in P for p in row])'
  err_has 'grey repeated in 3 channels'
  expect 0 run "$T/grey.onnx" -i "$T/$file" -o "$T/y.npy"
  array "$T/y.npy" 'near([p[0] / 255 for row in P for p in row])'
done
expect 0 run "$T/grey.onnx" -i "$T/rgb.png" -o "$T/y.npy"
array "$T/y.npy" 'near([(0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]) / 255 for row in P for p in row])'
err_has 'made grey'

# Scale, mean, std, order.
expect 0 run "$T/first.onnx" -i "$T/rgb.png" --scale 1 -o "$T/y.npy"
array "$T/y.npy" 'a == [p[c] for c in range(3) for row in P for p in row]'
expect 0 run "$T/first.onnx" -i "$T/rgb.png" --mean 0.5,0.4,0.3 --std 0.1,0.2,0.3 -o "$T/y.npy"
array "$T/y.npy" 'near([(p[c] / 255 - m) / s for c, m, s in ((0, .5, .1), (1, .4, .2), (2, .3, .3)) for row in P for p in row], 1e-5)'
err_has 'mean 0.5,0.4,0.3'
expect 0 run "$T/first.onnx" -i "$T/rgb.png" --mean 0.5 --std 2 -o "$T/y.npy"
array "$T/y.npy" 'near([(p[c] / 255 - 0.5) / 2 for c in range(3) for row in P for p in row])'
expect 0 run "$T/first.onnx" -i "$T/rgb.png" --bgr -o "$T/y.npy"
array "$T/y.npy" 'near([p[c] / 255 for c in (2, 1, 0) for row in P for p in row])'
expect 3 run "$T/grey.onnx" -i "$T/rgb.png" --mean 1,2,3
err_has 'one channel'

# Sizes.
expect 0 run "$T/open.onnx" -i "$T/rgb.png" -o "$T/y.npy"
array "$T/y.npy" "near($planes) and shape == (1, 3, 2, 4)"
expect 0 run "$T/open.onnx" -i "$T/rgb.png" --dim H=1 --dim W=2 -o "$T/y.npy"
err_has 'stretched to 2x1'
array "$T/y.npy" 'near([sum(P[y][x + dx][c] for y in (0, 1) for dx in (0, 1)) / 4 / 255 for c in range(3) for x in (0, 2)])'
expect 0 run "$T/open.onnx" -i "$T/rgb.png" --dim H=2 --dim W=2 --resize crop -o "$T/y.npy"
err_has 'cropped to 2x2'
array "$T/y.npy" 'near([P[y][x][c] / 255 for c in range(3) for y in (0, 1) for x in (1, 2)])'
expect 0 run "$T/open.onnx" -i "$T/rgb.png" --dim H=4 --dim W=4 --resize fit --scale 1 -o "$T/y.npy"
err_has 'fitted, black beside it, to 4x4'
array "$T/y.npy" 'a == [P[y - 1][x][c] if y in (1, 2) else 0 for c in range(3) for y in range(4) for x in range(4)]'
expect 0 run "$T/open.onnx" -i "$T/rgb.png" --dim H=64 --dim W=64 --resize stretch
out_has '1x3x64x64'

# Types.
python3 tests/cli/arrays.py model "$T/half.onnx" Identity float16 1x3x2x4
expect 0 run "$T/half.onnx" -i "$T/rgb.png" -o "$T/y.npy"
array "$T/y.npy" "near($planes, 5e-4)"
python3 tests/cli/arrays.py model "$T/bytes.onnx" Add uint8 1x3x2x4 1
expect 3 run "$T/bytes.onnx" -i "$T/rgb.png" -i "$T/rgb.png"
err_has '3 or 4 axes'
python3 tests/cli/arrays.py npy "$T/zero.npy" '|u1' 1 0
expect 0 run "$T/bytes.onnx" -i "$T/rgb.png" -i "$T/zero.npy" -o "$T/y.npy"
array "$T/y.npy" 'a == [p[c] for c in range(3) for row in P for p in row]'
err_has 'values 0 to 255'
python3 tests/cli/arrays.py model "$T/longs.onnx" Identity int64 1x3x2x4
expect 3 run "$T/longs.onnx" -i "$T/rgb.png"
err_has 'int64'
python3 tests/cli/arrays.py model "$T/five.onnx" Identity float32 1x5x2x4
expect 3 run "$T/five.onnx" -i "$T/rgb.png"
err_has 'not 5'
python3 tests/cli/arrays.py model "$T/two.onnx" Identity float32 2x3x2x4
expect 3 run "$T/two.onnx" -i "$T/rgb.png"
err_has '2 pictures at once'

# JPEG.
python3 tests/cli/arrays.py model "$T/square.onnx" Identity float32 1x3x8x8
expect 0 run "$T/square.onnx" -i tests/cli/square.jpg --scale 1 -o "$T/y.npy"
array "$T/y.npy" 'near([v for v in (200, 100, 50) for i in range(64)], 3)'
expect 0 run "$T/square.onnx" -i tests/cli/square_grey.jpg --scale 1 -o "$T/y.npy"
array "$T/y.npy" 'near([200] * 192, 2)'
expect 3 run "$T/square.onnx" -i tests/cli/square_cmyk.jpg
err_has 'CMYK'

# Damage.
damaged() {
  expect 3 run "$T/square.onnx" -i "$1"
  err_one_line
  err_has "$(basename "$1")"
  out_empty
}
for file in rgb.png palette.png rgb.ppm grey.pgm plain.ppm; do
  whole=$(wc -c < "$T/$file")
  for size in 9 12 20 $((whole / 2)) $((whole - 4)); do
    head -c "$size" "$T/$file" > "$T/cut_$file"
    damaged "$T/cut_$file"
  done
done
for size in 3 20 200 $(($(wc -c < tests/cli/square.jpg) - 30)); do
  head -c "$size" tests/cli/square.jpg > "$T/cut.jpg"
  damaged "$T/cut.jpg"
done
printf 'P6 0 2 255\n' > "$T/no_width.ppm"
damaged "$T/no_width.ppm"
printf 'P6 20000 20000 255\n' > "$T/wide.ppm"
damaged "$T/wide.ppm"
err_has '20000x20000'
printf 'P6 2 2 70000\nxxxxxxxxxxxx' > "$T/deep.ppm"
damaged "$T/deep.ppm"
printf 'P2 2 1 9\n5 10\n' > "$T/above.pgm"
damaged "$T/above.pgm"
python3 - "$T/big.png" << 'END'
import struct, sys, zlib
def chunk(tag, data): return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 100000, 100000, 16, 6, 0, 0, 0)) +
                              chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b""))
END
damaged "$T/big.png"
err_has 'limit'

finish
