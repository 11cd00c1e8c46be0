# `blok inspect`: the table of blocks by stage, repeats folded, and the descriptors in JSON.
. tests/cli/lib.sh
KINDS=$GOOD/block_kinds/model.onnx

# row PATTERN: a line of the answer, its spaces made single, matches the extended expression.
row() { tr -s ' ' < "$T/out" | grep -qE -- "$1" || complain "no line like: $1"; }
no_row() { ! tr -s ' ' < "$T/out" | grep -qE -- "$1" || complain "a line like: $1"; }

expect 0 inspect "$KINDS"
plain out
row '^ block name skip path order addition channels stride groups SE activation parameters MACs out$'
row '^ 8x8, 5 blocks 1,140 70,944$'
row '^ 4x4$'
row '^ 2x2 layer3, 3 blocks 264 1,504$'
row '^ conv_norm_act stem 3 > 4 1 relu 108 6,912 1x4x8x8$'
# Three equal blocks are one row, whose numbers are theirs together.
row '^ residual layer1.0 \.\. layer1.2 x 3 identity post then relu 4 > 4 > 4 1 relu 864 55,296 1x4x8x8$'
row '^ inverted_bottleneck layer1.3 identity post then nothing 4 > 8 > 4 1 8 2, hard_sigmoid hard_swish 168'
row '^ residual layer2.0 projection \(conv 1x1 /2\) pre then nothing 4 > 8 > 8 2 relu 920'
row '^ bottleneck layer3.0 projection \(avg pool 2x2 /2, conv 1x1\) post then relu 8 > 4 > 8 2 2 relu 200'
row '^ residual_other layer3.1 identity '
row '^ gate layer3.2 8 effective_se hard_sigmoid 64 64 1x8x2x2$'
row '"x N": N equal blocks in a row; the row.s parameters and MACs are theirs together'
row '^ residual 4, bottleneck 1, inverted_bottleneck 1, residual_other 1, squeeze_excite 1, gate 1, conv_norm_act 1$'
err_empty

# Columns that say nothing in a model are left out; --nodes adds every block with its number.
expect 0 inspect "$GOOD/guide_post_torchscript/model.onnx"
row '^ block name .*parameters MACs out$'
no_row ' groups '
no_row ' SE '
no_row '^ # '
expect 0 inspect "$KINDS" --nodes
out_has 'every block'
row '^ 0 conv_norm_act stem '
row '^ [0-9]+ squeeze_excite layer1.3.se '
row '^ [0-9]+ residual layer1.1 '

# JSON holds the whole of each descriptor.
expect 0 inspect "$KINDS" --json
json 'd["counts"] == {"residual": 4, "bottleneck": 1, "inverted_bottleneck": 1, "residual_other": 1, "squeeze_excite": 1, "gate": 1, "conv_norm_act": 1}'
cat > "$T/blocks.py" << 'PY'
import json, sys
d = json.load(open(sys.argv[1]))
tops = {b["name"]: b for b in d["blocks"] if b["parent"] is None}
stem, first, inverted, pre = tops["stem"], tops["layer1.0"], tops["layer1.3"], tops["layer2.0"]
pooled, other, gate = tops["layer3.0"], tops["layer3.1"], tops["layer3.2"]
CONV = {"in_channels", "out_channels", "kernel", "stride", "pads", "dilation", "groups", "bias",
        "norm", "norm_groups", "epsilon", "activation", "alpha", "beta"}
assert all(set(c) == CONV for b in d["blocks"] for c in b["convs"])
assert [len(b["convs"]) for b in (stem, first, inverted, pre, pooled, other, gate)] == [1, 2, 3, 2, 3, 0, 0]
assert stem["convs"][0]["kernel"] == [3, 3] and stem["convs"][0]["pads"] == [1, 1, 1, 1]
assert stem["convs"][0]["norm"] == "none" and stem["convs"][0]["epsilon"] is None
assert (stem["order"], stem["after_add"], stem["skip"], stem["se"], stem["gate"]) == (None, None, "none", None, None)
assert first["skip"] == "identity" and first["skip_steps"] == [] and first["after_add"] == "relu"
assert inverted["convs"][1]["groups"] == 8 and inverted["convs"][0]["activation"] == "hard_swish"
se = inverted["se"]
assert (se["channels"], se["hidden"], se["activation"], se["gate"]) == (8, 2, "relu", "hard_sigmoid")
assert abs(se["gate_alpha"] - 1 / 6) < 1e-6 and se["gate_beta"] == 0.5
assert se["products"] == ["conv", "conv"] and se["behind_conv"] == 1 and not se["before_activation"]
assert pre["order"] == "pre" and pre["projection_after_preact"] and pre["convs"][0]["norm"] == "batch"
assert pre["convs"][0]["epsilon"] > 0 and pre["skip_steps"][0]["conv"]["stride"] == [2, 2]
assert [s["op"] for s in pooled["skip_steps"]] == ["average_pool", "conv"]
assert pooled["skip_steps"][0]["kernel"] == [2, 2] and pooled["skip_steps"][0]["ceil_mode"] is False
assert other["skip"] == "identity" and other["mid_channels"] is None
assert gate["gate"] == {"form": "effective_se", "channels": 8, "spatial": False, "adds": False,
                        "activation": "hard_sigmoid"}
assert all(b["gate"] is None for b in d["blocks"] if b["kind"] != "gate")
assert all(b["scale"] is None for b in d["blocks"])
assert all(b["entry"] and b["exit"] for b in d["blocks"])
PY
python3 "$T/blocks.py" "$T/out" 2> "$T/why" || complain "JSON of the blocks: $(tail -n 3 "$T/why")"

# On a terminal the table fits: less stands in it, and it says so. A pipe has no limit.
cat > "$T/terminal.py" << 'PY'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
out = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    out += data
os.waitpid(pid, 0)
sys.stdout.buffer.write(out.replace(b"\r\n", b"\n"))
PY
widest() { python3 -c 'import sys; print(max(len(l.rstrip("\n")) for l in open(sys.argv[1], encoding="utf-8") if not l.startswith("  ... ")))' "$T/out"; }
said='blok inspect on a terminal of 120 columns'
NO_COLOR=1 TERM=xterm python3 "$T/terminal.py" 120 "$BLOK" inspect "$GOOD/guide_bottleneck_down_torchscript/model.onnx" > "$T/out"
[ "$(widest)" -le 120 ] || complain "a line of $(widest) columns"
out_has 'bottleneck'
NO_COLOR=1 TERM=xterm python3 "$T/terminal.py" 130 "$BLOK" inspect "$KINDS" > "$T/out"
[ "$(widest)" -le 130 ] || complain "a line of $(widest) columns"
out_has 'shortened to fit the terminal'
row '^ residual layer1.0 .. layer1.2 x 3 identity post relu 4>4>4 1 '
NO_COLOR=1 TERM=xterm python3 "$T/terminal.py" 400 "$BLOK" inspect "$KINDS" > "$T/out"
out_lacks 'shortened'
row 'then relu'

# Neither blocks nor the reason why a model cannot be run need each other.
expect 0 inspect "$GOOD/unknown_operator/model.onnx"
out_lacks 'by stage'
out_has 'cannot be run'
expect 0 inspect "$GOOD/typed_data/model.onnx"
out_has 'no blocks'
expect 0 inspect "$GOOD/typed_data/model.onnx" --json
json 'd["blocks"] == [] and d["counts"] == {}'

# Names that would move the cursor or break the lines are escaped in every form of the answer.
python3 - "$KINDS" "$T/evil.onnx" << 'PY'
import sys
data = open(sys.argv[1], "rb").read()
for old, new in ((b"layer2", b"l\x1b[2\nx"), (b"layer3", b"l\xff\xe2\x80\xae\t"[:6])):
    assert len(old) == len(new) and old in data
    data = data.replace(old, new)
open(sys.argv[2], "wb").write(data)
PY
for form in '' --tree --explain --nodes --weights --json; do
  expect 0 inspect "$T/evil.onnx" $form
  plain out
  LC_ALL=C grep -q "$(printf '\342\200\256')" "$T/out" && complain "a right-to-left override in inspect $form"
done

# A long model stays readable.
python3 tests/cli/nets.py tower 2000 "$T/tower.onnx"
expect 0 inspect "$T/tower.onnx"
row '^ residual .* x 2000 identity '
[ "$(wc -l < "$T/out")" -lt 30 ] || complain 'two thousand equal blocks take more than a screen'
expect 0 inspect "$T/tower.onnx" --tree
out_has 'x 2000'
[ "$(wc -l < "$T/out")" -lt 40 ] || complain 'two thousand equal blocks take more than a screen'

# A reader who goes away ends it quietly.
"$BLOK" inspect "$KINDS" --nodes --weights 2> "$T/err" | head -n 1 > "$T/out"
err_empty

expect 2 inspect "$KINDS" --tre=3
err_has 'blok help inspect'
expect 2 inspect --tree
err_has 'a model is needed'
expect 2 inspect "$KINDS" "$KINDS"
err_has 'one model at a time'
expect 0 help inspect
out_has '--tree'
out_has 'is a run of blocks'
out_has 'x 5'
finish
