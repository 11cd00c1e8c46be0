# `blok build`.
. tests/cli/lib.sh

# The list.
expect 0 build --list
err_empty
out_has 'wide-resnet'
out_has '1,467,610'
out_has 'conv-bn-act'
out_has 'in, out, kernel, stride, size, batch, act, norm, norm-groups'
plain out
expect 0 build --list --json
json 'len(d["networks"]) >= 19 and {"wide-resnet", "resnet50", "encoder-decoder"} <= {n["name"] for n in d["networks"]}'
json '{n["name"]: n["parameters"] for n in d["networks"]}["baseline-cnn"] == 104042'

# One line about what was built, as the guide prints it, and what was written.
expect 0 build basic-post -o "$T/post.onnx"
out_is '        basic-post  in: (N, 16, 32, 32) -> out: (N, 16, 32, 32) | params: 4,672 | MACs: 4,718,592'
err_one_line
err_has "wrote $T/post.onnx"
expect 0 build basic-pre --out 32 --stride 2 --batch 2 -q -o "$T/pre.onnx"
out_is '         basic-pre  in: (2, 16, 32, 32) -> out: (2, 32, 16, 16) | params: 14,432 | MACs: 7,340,032'
err_empty
expect 0 build detector-fpn --size 64 -q -o "$T/d.onnx"
out_has 'out: (N, 10, 16, 16), (N, 4, 16, 16), (N, 10, 8, 8), (N, 4, 8, 8), (N, 10, 4, 4), (N, 4, 4, 4) |'
expect 0 build wide-resnet --depth 10 --width 1 --classes 5 -o "$T/w.onnx" --json
json 'd["schema"] == 1 and d["net"] == "wide-resnet" and d["outputs"] == [{"name": "output", "shape": ["N", 5]}]'
json 'd["inputs"] == [{"name": "input", "shape": ["N", 3, 32, 32]}] and d["opset"] == 18 and d["parameters"] == 77525'
expect 0 inspect "$T/w.onnx" --json
json 'd["counts"]["residual"] == 3 and d["parameters"] == 77525'
expect 0 run "$T/w.onnx" -q --dim N=2 --json

# The same words give the same bytes; another seed gives others.
expect 0 build basic-post -q -o "$T/again.onnx"
same "$T/post.onnx" "$T/again.onnx"
expect 0 build basic-post -o -
same "$T/post.onnx" "$T/out"
err_empty
expect 0 build basic-post --seed 2 -q -o "$T/seed.onnx"
cmp -s "$T/post.onnx" "$T/seed.onnx" && complain 'the seed changes nothing'

# Other forms.
expect 0 build se-resnet --depth 10 --opset 9 -q -o "$T/nine.onnx" --json
json 'd["opset"] == 9'
expect 0 build se-res-block --functions -q -o "$T/f.onnx" --json
json 'd["functions"] >= 1'
expect 0 build baseline-cnn --external -q -o "$T/e.onnx"
present "$T/e.onnx.data"
expect 0 build baseline-cnn --external=weights.bin -q -o "$T/g.onnx"
same "$T/e.onnx.data" "$T/weights.bin"
for norm in group layer none; do
  expect 0 build residual-cnn --blocks 1,1 --norm $norm -q -o "$T/n.onnx"
done
expect 0 build residual-cnn --blocks 1,1 --order pre --act silu --se --reduction 4 --min-hidden 2 --drop-path 0.1 -q -o "$T/n.onnx"

# What a network does not take, and numbers that are none.
expect 2 build wide-resnet --out 8 -o "$T/x.onnx"
err_has 'wide-resnet has no use for out'
err_has 'it takes in, size, batch, classes, base, depth, widen'
expect 2 build wide-resnet --depth 27 -o "$T/x.onnx"
err_has 'depth 27'
err_has '22 and 28'
expect 2 build wide-resnet --depth 4 -o "$T/x.onnx"
err_has 'the least is 10'
expect 2 build detector-pan --size 50x64 -o "$T/x.onnx"
err_has "check 'shape'"
expect 2 build residual-cnn --norm group --norm-groups 3 -o "$T/x.onnx"
err_has '3'
for words in '--size 0' '--size 32x' '--size 1x2x3' '--batch many' '--batch 0' '--blocks 1,2,3,4,5' \
  '--blocks 2,,2' '--order before' '--act frob' '--norm frob' '--drop-path 1' '--drop-path -0.1' \
  '--seed -1' '--opset x' '--classes 0' '--base -1' '--reduction 0'; do
  expect 2 build residual-cnn $words -o "$T/x.onnx"
  err_has "${words%% *} "
  err_has 'blok help build'
done
expect 2 build residual-cnn --opset 6 -o "$T/x.onnx"
err_has '6'
expect 2 build residual-cnn --opset 99 -o "$T/x.onnx"
err_has '99'

# Where it goes.
expect 2 build residual-cnn
err_has 'add -o residual-cnn.onnx'
expect 2 build residual-cnn -o "$T/x.txt"
err_has '.onnx'
expect 2 build residual-cnn -o - --external
expect 2 build residual-cnn -o - --json
expect 2 build -o "$T/x.onnx"
err_has 'blok build --list'
expect 2 build wide -o "$T/x.onnx"
err_has 'did you mean wide-resnet'
expect 2 build frobnicate -o "$T/x.onnx"
err_has "no network 'frobnicate'"
expect 2 build basic-pre basic-post -o "$T/x.onnx"
expect 2 build --list basic-pre
expect 2 build basic-pre -t 2 -o "$T/x.onnx"
expect 4 build basic-pre -o "$T/missing/x.onnx"
err_one_line
err_has "$T/missing"
absent "$T/x.onnx"

# Weights by name.
python3 - "$T" << 'END'
import struct, sys, zipfile

def array(shape, value):
    count = 1
    for n in shape:
        count *= n
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % "".join(f"{n}, " for n in shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<f", value) * count

weights = {"conv.weight": (16, 3, 3, 3), "bn.weight": (16,), "bn.bias": (16,),
           "bn.running_mean": (16,), "bn.running_var": (16,)}

def write(name, arrays):
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}.npz", "w") as z:
        for key, shape in arrays.items():
            z.writestr(key + ".npy", array(shape, 0.25))

write("all", weights)
write("few", {k: v for k, v in weights.items() if k != "bn.bias"})
write("more", {**weights, "fc.weight": (10, 16)})
write("other", {**weights, "bn.bias": (17,)})
END
expect 0 build conv-bn-act --weights "$T/all.npz" -q -o "$T/c.onnx"
expect 0 run "$T/c.onnx" -q -o "$T/c.npy"
array "$T/c.npy" 'min(a) >= 0 and len(set(round(v, 3) for v in a)) > 9'
for bad in few more other; do
  expect 3 build conv-bn-act --weights "$T/$bad.npz" -o "$T/x.onnx"
  err_one_line
done
err_has 'bn.bias'
expect 3 build conv-bn-act --weights "$T/none.npz" -o "$T/x.onnx"
err_has "$T/none.npz"
expect 3 build conv-bn-act --weights "$T/all.npz" --out 8 -o "$T/x.onnx" --json
json 'd["error"]["status"] == 3'
absent "$T/x.onnx"

finish
