# The edits of `blok convert`.
. tests/cli/lib.sh

POST=$GOOD/guide_post_torchscript/model.onnx

# What changed is told in a line each, in the order in which it was done.
expect 0 convert "$DIGITS" "$T/edited.onnx" --fold-norms --classes 3 --act relu=silu --batch 4 --seed 9
err_has 'the batch is 4'
err_has 'became silu'
err_has 'a fresh head of 3 classes'
err_has 'norms folded'
[ "$(grep -n 'the batch is 4' "$T/err" | cut -d: -f1)" -lt "$(grep -n 'norms folded' "$T/err" | cut -d: -f1)" ] ||
  complain 'the edits are told in another order'
out_empty
expect 0 inspect "$T/edited.onnx" --json
json 'd["model"]["outputs"][0]["shape"] == [4, 3] if "outputs" in d["model"] else d["outputs"][0]["shape"] == [4, 3]'
expect 0 convert "$DIGITS" "$T/again.onnx" --seed 9 --batch 4 --act relu=silu --classes 3 --fold-norms -q
err_empty
same "$T/edited.onnx" "$T/again.onnx"
expect 0 convert "$DIGITS" "$T/other.onnx" --seed 8 --batch 4 --act relu=silu --classes 3 --fold-norms -q
cmp -s "$T/edited.onnx" "$T/other.onnx" && complain 'another seed drew the same weights'
expect 0 convert "$DIGITS" "$T/e.onnx" --batch dynamic --json
json 'd["edits"] == ["the batch is open: N"]'

# What changes nothing of the result.
for flags in '--fold-norms' '--rewrite' '--batch dynamic'; do
  # shellcheck disable=SC2086
  expect 0 convert "$DIGITS" "$T/e.onnx" $flags
  expect 0 verify "$T/e.onnx" --data examples/digits/torchscript/test_data_set_0
done

# Inputs, with symbols.
expect 0 convert "$POST" "$T/e.onnx" --input 'input.1=batch,6,?,width'
err_has 'input input.1 is batch,6,?,width'
expect 0 convert "$POST" "$T/e.onnx" --input input.1=Nx6x8x8
expect 3 convert "$POST" "$T/x.onnx" --input input.1=Nx7x8x8
err_one_line
err_has '7'
expect 3 convert "$POST" "$T/x.onnx" --input y=Nx6x8x8
err_has "there is no input 'y'; there is 'input.1'"
expect 3 convert "$POST" "$T/x.onnx" --input input.1=0x6x8x8
err_has 'axis 0'
for shape in x= =1x2 x; do
  expect 2 convert "$POST" "$T/x.onnx" --input "$shape"
done
for shape in 1xx2 -1x3 1.5x2 1x2x; do
  expect 3 convert "$POST" "$T/x.onnx" --input "input.1=$shape"
  err_has 'is no shape'
done
absent "$T/x.onnx"

# Cuts and names.
expect 0 inspect "$POST" --nodes --json
inner=$(python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(d["nodes"][0]["outputs"][0])' "$T/out" 2> /dev/null)
if [ -n "$inner" ]; then
  expect 0 convert "$POST" "$T/e.onnx" --to "$inner"
  err_has "cut after $inner"
  expect 0 convert "$POST" "$T/e.onnx" --rename "$inner=inner" --rename input.1=picture
  err_has 'input.1 is called picture'
  expect 3 convert "$POST" "$T/x.onnx" --rename "input.1=$inner"
  err_has 'taken'
  expect 3 convert "$POST" "$T/x.onnx" --from "$inner"
  err_has "needs input 'input.1'"
  err_one_line
fi
expect 3 convert "$POST" "$T/x.onnx" --to nothing
err_has "there is no value 'nothing'"
expect 2 convert "$POST" "$T/x.onnx" --to a,,b
expect 2 convert "$POST" "$T/x.onnx" --rename onlyone
absent "$T/x.onnx"

# Blocks.
expect 0 convert "$POST" "$T/e.onnx" --se
err_has '1 blocks got a squeeze-excite'
expect 0 inspect "$T/e.onnx"
out_has '4, sigmoid'
# One block with another descriptor: what must follow follows.
expect 0 convert "$DIGITS" "$T/e.onnx" --block post:mid=24,kernel=5 --block se:se-hidden=7,drop-path=0.2
err_has 'block post written anew, 3 weights drawn'
err_has 'block se written anew, 3 weights drawn'
expect 0 inspect "$T/e.onnx"
out_has '16 > 24 > 16'
out_has '7, sigmoid'
expect 0 check "$T/e.onnx"
expect 0 convert "$DIGITS" "$T/e.onnx" --block se_down:stride=1,order=pre,norm=group,norm-groups=8
expect 0 convert "$DIGITS" "$T/e.onnx" --block bottleneck:mid=16,groups=4,act=leaky_relu:0.2,final=none
expect 0 inspect "$T/e.onnx"
out_has '32 > 16 > 32'
out_has 'then nothing'
expect 0 convert "$DIGITS" "$T/e.onnx" --block se:stride=2
expect 0 inspect "$T/e.onnx"
out_has '48 > 48 > 48       2'
expect 0 convert "$DIGITS" "$T/e.onnx" --block stem.conv:kernel=1,act=silu,norm=batch,epsilon=1e-3 --batch 2
expect 3 convert "$DIGITS" "$T/x.onnx" --block se_down:out=40
err_has "'/se/"
err_one_line
expect 3 convert "$DIGITS" "$T/x.onnx" --block post:groups=5
err_has "post: check 'channel transition'"
expect 3 convert "$DIGITS" "$T/x.onnx" --block post:se-hidden=5
err_has 'it has no squeeze-excite; --se=post puts one in'
expect 3 convert "$DIGITS" "$T/x.onnx" --block stem.conv:mid=5
err_has 'mid says nothing of a conv_norm_act, which has out, kernel'
expect 3 convert "$DIGITS" "$T/x.onnx" --block pos:mid=5
err_has "there is no block 'pos'; near it: 'post'"
expect 2 convert "$DIGITS" "$T/x.onnx" --block post:width=5
err_has "'width' is none of out, mid, kernel"
expect 2 convert "$DIGITS" "$T/x.onnx" --block post:mid=0
err_has "mid takes a number of channels, not '0'"
expect 2 convert "$DIGITS" "$T/x.onnx" --block post:mid
expect 2 convert "$DIGITS" "$T/x.onnx" --block post:mid=4,
expect 2 convert "$DIGITS" "$T/x.onnx" --block :mid=4
expect 2 convert "$DIGITS" "$T/x.onnx" --block post:mid=4,mid=5
err_has 'mid is given twice'
expect 2 convert "$DIGITS" "$T/x.onnx" --block post:mid=4 --block post:kernel=5
err_has 'put its words into one'
expect 2 convert "$DIGITS" "$T/x.onnx" --block se:se-gate=relu
expect 2 convert "$DIGITS" "$T/x.onnx" --block se:drop-path=1
absent "$T/x.onnx"
expect 0 convert "$POST" "$T/e.onnx" --act relu=leaky_relu:0.25
expect 3 convert "$POST" "$T/x.onnx" --act relu=relo
err_has "'relo' is no activation"
expect 3 convert "$POST" "$T/x.onnx" --act relu=silu@nowhere
err_has "there is no block 'nowhere'"
expect 3 convert "$POST" "$T/x.onnx" --act relu=silu@
err_has "a block is to be named behind '@'"
expect 3 convert "$POST" "$T/x.onnx" --act relu=elu:x
err_has "'x' is no number"
expect 3 convert "$POST" "$T/x.onnx" --act relu=silu:3
err_has "silu takes no number, not '3'"
expect 3 convert "$POST" "$T/x.onnx" --act relu=leaky_relu:0.1:3
err_has "leaky_relu takes one number, not '0.1:3'"
expect 3 convert "$POST" "$T/x.onnx" --act relu=clip:3:1
err_has 'alpha 3 and beta 1'
expect 3 convert "$POST" "$T/x.onnx" --se=nowhere
err_has "there is no block 'nowhere'"
expect 3 convert "$POST" "$T/x.onnx" --classes 10
err_has 'no linear layer'
expect 2 convert "$POST" "$T/x.onnx" --classes 0
expect 2 convert "$POST" "$T/x.onnx" --batch -3
expect 2 convert "$POST" "$T/x.onnx" --batch 0
expect 2 convert "$POST" "$T/x.onnx" --seed few
absent "$T/x.onnx"

# Source text, and weights back from the file beside it.
expect 0 convert "$POST" "$T/net.py"
present "$T/net.py"
present "$T/net.npz"
expect 0 convert "$POST" "$T/net.c"
present "$T/net.c"
for flags in --opset=13 --functions --external --inline; do
  expect 2 convert "$POST" "$T/other.py" "$flags"
done
absent "$T/other.py"
expect 2 convert "$POST" "$T/x.txt"
err_has '.onnx, .c and .py'
expect 3 convert "$POST" "$T/x.onnx" --weights "$T/none.npz"
err_has 'none.npz'

# Other forms of the file.
expect 0 convert "$DIGITS" "$T/old.onnx" --opset 11
err_has 'operator set 11'
expect 0 verify "$T/old.onnx" --data examples/digits/torchscript/test_data_set_0
expect 0 convert "$DIGITS" "$T/calls.onnx" --functions
err_has 'functions'
expect 0 verify "$T/calls.onnx" --data examples/digits/torchscript/test_data_set_0
expect 3 convert "$DIGITS" "$T/x.onnx" --opset 6
err_has '6'
absent "$T/x.onnx"

# A disk that fills up half-way leaves the old file whole.
small=$T/small
mkdir "$small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=64k tmpfs "$small" 2> /dev/null; then
  expect 0 convert "$POST" "$small/m.onnx" --to "$inner"
  cp "$small/m.onnx" "$T/kept.onnx"
  head -c 1000000 /dev/zero > "$small/fill" 2> /dev/null
  expect 4 convert "$POST" "$small/m.onnx" --rewrite
  err_one_line
  same "$small/m.onnx" "$T/kept.onnx"
  [ "$(ls -A "$small" | wc -l)" = 2 ] || complain 'a temporary file was left on the full disk'
  umount "$small"
fi

finish
