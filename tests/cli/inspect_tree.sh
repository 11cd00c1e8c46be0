# `blok inspect --tree`: the drawing of stages and blocks, each block with its two paths.
. tests/cli/lib.sh
KINDS=$GOOD/block_kinds/model.onnx
export LC_ALL=C.UTF-8

# picture NAME LINE...: the block of that name is drawn with these lines, its frame left aside.
picture() {
  local name=$1
  shift
  python3 - "$T/out" "$name" "$@" << 'PY' || complain "the picture of $name"
import re, sys
out, name, wanted = sys.argv[1], sys.argv[2], sys.argv[3:]
lines = open(out, encoding="utf-8").read().split("\n")
at = [i for i, line in enumerate(lines) if re.search(r"[─-] \w+  " + re.escape(name) + r"( |$)", line)]
assert len(at) == 1, (name, at)
got = [line[10:] for line in lines[at[0] + 1 : at[0] + 1 + len(wanted)]]
if got != wanted:
    print("\n".join(got), file=sys.stderr)
    sys.exit(1)
PY
}

expect 0 inspect "$KINDS" --tree
out_lacks 'by stage'
out_has '├─ 8x8, 5 blocks'
out_has '└─ 2x2  layer3, 3 blocks'
out_has '│  ├─ conv_norm_act  stem   conv 3x3  3 > 4  → relu   108 parameters'
out_has '│  ├─ residual  layer1.0 .. layer1.2  x 3   post-activation   288 parameters, 18.4 k MACs each'
picture layer1.0 \
  'x  4 channels' \
  '├──────────────────────────╮' \
  '● conv 3x3  4 > 4  → relu  │ identity' \
  '● conv 3x3  4 > 4          │' \
  '⊕──────────────────────────╯' \
  '● relu' \
  'y  1x4x8x8'
picture layer1.3 \
  'x  4 channels' \
  '├─────────────────────────────────────╮' \
  '● conv 1x1       4 > 8  → hard_swish  │' \
  '● depthwise 3x3  8 > 8  → hard_swish  │' \
  '├──╮ squeeze_excite                   │' \
  '│  ● mean of each channel             │ identity' \
  '│  ● conv 1x1  8 > 2 → relu           │' \
  '│  ● conv 1x1  2 > 8 → hard_sigmoid   │' \
  '⊗──╯                                  │' \
  '● conv 1x1       8 > 4                │' \
  '⊕─────────────────────────────────────╯' \
  'y  1x4x8x8'
picture layer2.0 \
  'x  4 channels' \
  '● batch norm → relu' \
  '├─────────────────────────────────────────╮' \
  '●                     conv 3x3 /2  4 > 8  ● conv 1x1 /2  4 > 8' \
  '● batch norm → relu → conv 3x3     8 > 8  │ projection' \
  '⊕─────────────────────────────────────────╯' \
  'y  1x8x4x4'
picture layer3.0 \
  'x  8 channels' \
  '├───────────────────────────────────────╮' \
  '● conv 1x1               8 > 4  → relu  ● average pool 2x2 /2' \
  '● conv 3x3 /2, 2 groups  4 > 4  → relu  ● conv 1x1  8 > 8' \
  '● conv 1x1               4 > 8          │ projection' \
  '⊕───────────────────────────────────────╯' \
  '● relu' \
  'y  1x8x2x2'
picture layer3.1 \
  'x  8 channels' \
  '├───────────────────────────────────────────────────────╮' \
  '● 6 nodes: Reshape x 2, Transpose, MatMul x 2, Softmax  │ identity' \
  '⊕───────────────────────────────────────────────────────╯' \
  'y  1x8x2x2'
picture layer3.2 \
  'x  8 channels' \
  '├──╮ gate: effective_se' \
  '│  ● GlobalAveragePool' \
  '│  ● conv 1x1  8 > 8  → hard_sigmoid' \
  '⊗──╯ one number a channel' \
  'y  1x8x2x2'
out_has 'residual 4, bottleneck 1'
err_empty

# Without UTF-8 the drawing is ASCII.
LC_ALL=C expect 0 inspect "$KINDS" --tree
LC_ALL=C grep -q "$(printf '[\200-\377]')" "$T/out" && complain 'bytes that are no ASCII'
picture layer1.0 \
  'x  4 channels' \
  '|---------------------------.' \
  'o conv 3x3  4 > 4  -> relu  | identity' \
  'o conv 3x3  4 > 4           |'
out_has "(+)--------------------------'"
out_has "(x)-'"

# Nothing to draw, and what cannot be run.
expect 0 inspect "$GOOD/typed_data/model.onnx" --tree
out_has 'no blocks'
expect 0 inspect "$GOOD/unknown_operator/model.onnx" --tree
out_has 'cannot be run'

# JSON is the same with it.
expect 0 inspect "$KINDS" --json
cp "$T/out" "$T/without"
expect 0 inspect "$KINDS" --json --tree
same "$T/out" "$T/without"
finish
