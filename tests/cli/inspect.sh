# `blok inspect`.
. tests/cli/lib.sh

expect 0 inspect "$DIGITS"
out_has "$DIGITS"
out_has 'pytorch'
out_has 'opset 17'
out_has 'picture  float32  N x 1 x 8 x 8'
out_has 'logits  float32  N x 10'
err_empty
plain out

expect 0 inspect "$DIGITS" --json
json 'd["schema"] == 1'
json 'd["model"]["producer"].startswith("pytorch") and d["model"]["opset"] == 17 and d["model"]["nodes"] > 40'
json 'd["inputs"] == [{"name": "picture", "dtype": "float32", "shape": ["N", 1, 8, 8]}]'
json 'd["outputs"] == [{"name": "logits", "dtype": "float32", "shape": ["N", 10]}]'
json 'd["parameters"] > 100000 and d["macs"] > 1000000 and d["runnable"] is True and d["warnings"] == []'
json 'set(d["counts"]) == {"residual", "bottleneck", "squeeze_excite", "conv_norm_act"}'
json 'all(set(b) >= {"kind", "name", "parent", "skip", "skip_of", "order", "after_add", "stride", "groups", "in_channels", "mid_channels", "out_channels", "activation", "se", "parameters", "macs", "nodes"} for b in d["blocks"])'
json 'all(b["nodes"] and all(b["nodes"]) for b in d["blocks"])'
json 'all((b["order"] in ("post", "pre")) == (b["skip"] != "none") and (b["order"] is None) == (b["after_add"] is None) for b in d["blocks"])'
json 'all((b["skip_of"] is not None) == (b["skip"] == "projection") for b in d["blocks"])'
json 'all(b["parent"] is None or b["parent"] < i for i, b in enumerate(d["blocks"]))'
json 'all(sum(b["kind"] == k and (k != "conv_norm_act" or b["parent"] is None) for b in d["blocks"]) == n for k, n in d["counts"].items())'
json 'd["unknown"] == [] and isinstance(d["near_misses"], list) and isinstance(d["loose"], list)'
json '"weights" not in d and "nodes" not in d'

expect 0 inspect "$DIGITS" --json --nodes --weights --explain
json 'len(d["nodes"]) == d["model"]["nodes"] and len(d["weights"]) == d["model"]["weights"]'
json 'sum(w["bytes"] for w in d["weights"]) == d["model"]["weight_bytes"]'
json 'all(n["block"] is None or n["name"] in d["blocks"][n["block"]]["nodes"] for n in d["nodes"])'

expect 0 inspect "$DIGITS"
out_has 'blocks'
out_has 'residual'
out_has 'squeeze_excite'
out_has 'identity'
out_has 'projection ('
out_has '  post  '
out_has '  pre  '
out_has 'then relu'
out_has 'then nothing'
out_lacks 'near misses'
expect 0 inspect "$DIGITS" --explain
out_has 'near misses'
expect 0 inspect "$DIGITS" --nodes
out_has 'nodes'
out_has 'Conv'
expect 0 inspect "$DIGITS" --weights
out_has 'weights'
out_has 'float32'

# A convolution inside a block is shown only with --nodes.
expect 0 inspect "$GOOD/guide_post_torchscript/model.onnx"
out_has 'residual'
out_lacks 'conv_norm_act'
expect 0 inspect "$GOOD/guide_post_torchscript/model.onnx" --nodes
out_has 'conv_norm_act'

# What cannot be run is shown with the reason.
expect 0 inspect "$GOOD/unknown_operator/model.onnx"
out_has 'operators that cannot be run'
out_has 'org.example.Frobnicate'
out_has 'cannot be run'
expect 0 inspect "$GOOD/unknown_operator/model.onnx" --json
json 'd["unknown"][0]["op"] == "org.example.Frobnicate" and d["unknown"][0]["count"] == 1 and d["unknown"][0]["first"] == "odd"'
json 'd["runnable"]["error"]["code"] == "unsupported" and "Frobnicate" in d["runnable"]["error"]["message"]'
expect 0 inspect "$BAD/ir_newer/model.onnx"
out_has 'warnings'
expect 0 inspect "$BAD/ir_newer/model.onnx" --json
json 'len(d["warnings"]) >= 1'

# Names from the file cannot reach the terminal as they are.
python3 - "$DIGITS" "$T/evil.onnx" << 'END'
import sys
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(data.replace(b"pytorch", b"p\x1b[1m\xff\n", 1))
END
expect 0 inspect "$T/evil.onnx"
out_has 'p\x1b[1m\xff\x0a'
plain out
expect 0 inspect "$T/evil.onnx" --json
json 'd["model"]["producer"].startswith("p\x1b[1m\\xff\n")'

# Standard input; unnamed nodes go by their first output.
INPUT=$DIGITS expect 0 inspect -
out_has 'logits'
expect 0 inspect "$GOOD/unnamed_nodes/model.onnx" --json --nodes
json 'all(n["name"] for n in d["nodes"])'

# Colour: on a terminal only, and not with NO_COLOR.
cat > "$T/terminal.py" << 'END'
import os, pty, sys
out = b""
def read(fd):
    global out
    data = os.read(fd, 4096)
    out += data
    return data
sys.stdout = open(os.devnull, "w")
null = os.open(os.devnull, os.O_WRONLY)
saved = os.dup(1)
os.dup2(null, 1)
pty.spawn(sys.argv[2:], read, lambda fd: b"")
os.dup2(saved, 1)
os.write(1, b"colour" if b"\x1b[" in out else b"plain")
END
colour_is() { [ "$2" = "$1" ] || complain "on a terminal: $1 wanted, $2 came"; }
said='blok inspect on a terminal'
colour_is colour "$(env -u NO_COLOR TERM=xterm python3 "$T/terminal.py" - "$BLOK" inspect "$DIGITS" < /dev/null)"
colour_is plain "$(NO_COLOR=1 TERM=xterm python3 "$T/terminal.py" - "$BLOK" inspect "$DIGITS" < /dev/null)"
colour_is plain "$(env -u NO_COLOR TERM=dumb python3 "$T/terminal.py" - "$BLOK" inspect "$DIGITS" < /dev/null)"

finish
