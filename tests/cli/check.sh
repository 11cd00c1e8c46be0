# `blok check`.
. tests/cli/lib.sh

# A real export: residual, bottleneck and squeeze-excite blocks. An open first axis is 2.
expect 0 check "$DIGITS"
out_has '             model  in: (2, 1, 8, 8) '
out_has ' -> out: (2, 10) '
out_has 'three questions'
out_has 'projection (conv 1x1 /2'
out_has 'four checks'
out_has 'forward on noise: 20 values, every one finite'
out_has 'not yet  Blok does not train'
out_has 'ok: '
out_lacks 'skipped'
err_empty
expect 0 check "$DIGITS" --json
json 'd["schema"] == 1 and d["ok"] is True and d["name"] == "model"'
json 'd["in"] == [[2, 1, 8, 8]] and d["out"] == [[2, 10]]'
json 'd["tests"]["shape"]["state"] == d["tests"]["downsample"]["state"] == "ok"'
json 'd["tests"]["gradient"] == {"state": "not yet", "why": "Blok does not train"}'
json 'all(c["state"] in ("ok", "none") for b in d["blocks"] for c in b["checks"].values())'
json 'all(b["checks"]["shape"]["state"] == b["checks"]["order"]["state"] == "ok" for b in d["blocks"])'
json 'all((b["checks"]["downsample"]["state"] == "ok") == (b["stride"] > 1) for b in d["blocks"])'
json 'all((b["checks"]["channel_transition"]["state"] == "ok") == (b["in"][1] != b["out"][1]) for b in d["blocks"])'
json '{b["skip"] for b in d["blocks"] if b["kind"] == "residual"} == {"identity", "projection"}'

# What the check counts is what inspect counts.
cp "$T/out" "$T/check.json"
expect 0 inspect "$DIGITS" --json
python3 - "$T/check.json" "$T/out" << 'END' || complain 'check and inspect disagree'
import json, sys
checked, inspected = (json.load(open(path)) for path in sys.argv[1:])
outer = [block for block in inspected["blocks"] if block["parent"] is None]
named = {block["name"]: block for block in outer}
assert checked["parameters"] == inspected["parameters"]
assert sum(row["times"] for row in checked["blocks"]) == len(outer)
for row in checked["blocks"]:
    block = named[row["name"]]
    for key in ("kind", "skip", "order", "after_add", "parameters", "stride"):
        inner = key in ("skip", "after_add") and block["skip"] in (None, "none")
        assert inner or row[key] == block[key], (row["name"], key)
END

# The other export, other shapes, every way of computing.
expect 0 check examples/digits/dynamo/model.onnx --dim N=3 --json
json 'd["in"] == [[3, 1, 8, 8]] and all(b["in"][0] == b["out"][0] == 3 for b in d["blocks"])'
for flag in '-t 2' '--isa scalar' --no-blocks --reference; do
  expect 0 check "$DIGITS" $flag
  out_has 'ok: '
done

# Models without a block, with open axes, and such as cannot be run.
python3 tests/cli/arrays.py model "$T/same.onnx" Identity float32 3
expect 0 check "$T/same.onnx"
out_has 'ok: 0 blocks, 0 different'
out_lacks 'four checks'
expect 3 check "$GOOD/dynamic_dims/model.onnx"
err_has '--dim H=N'
err_one_line
expect 0 check "$GOOD/dynamic_dims/model.onnx" --dim H=6 --dim W=7
out_has 'ok: '
expect 3 check "$GOOD/unknown_operator/model.onnx"
err_has 'Frobnicate'
expect 3 check "$T/nowhere.onnx"
err_one_line

# What comes out is not finite: the test fails, and says where.
python3 tests/cli/arrays.py model "$T/log.onnx" Log float32 1x8
expect 1 check "$T/log.onnx"
out_has 'values are not finite'
out_has 'failed: '
expect 1 check "$T/log.onnx" --json
json 'd["ok"] is False and d["tests"]["shape"]["state"] == "failed"'

# One number that is none among the weights of one block: that block fails, and says how.
expect 0 build basic-post -o "$T/spoiled.onnx"
python3 - "$T/spoiled.onnx" << 'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
ones = struct.pack("<16f", *[1] * 16)  # scale of a norm
assert ones in data
open(sys.argv[1], "wb").write(data.replace(ones, struct.pack("<f", float("nan")) + ones[4:], 1))
END
expect 1 check "$T/spoiled.onnx"
out_has 'failed: residual '
out_has 'values are not finite'
out_has 'failed: 1 block, 1 different, 1 of these failed'
expect 1 check "$T/spoiled.onnx" --json
json 'd["ok"] is False and d["blocks"][0]["checks"]["shape"]["state"] == "failed"'
json '"not finite" in d["blocks"][0]["checks"]["shape"]["why"]'

# Nets by name.
expect 0 check wide-resnet
out_has '         stage1.0  in: (2, 16, 32, 32)'
out_has 'wide-resnet  in: (2, 3, 32, 32)'
out_has '| params: 1,467,610'
out_has 'ok: 13 blocks'
expect 0 check --net wide-resnet --json
json 'd["name"] == "wide-resnet" and sum(b["times"] for b in d["blocks"] if b["kind"] == "residual") == 12'
json '{b["order"] for b in d["blocks"] if b["kind"] == "residual"} == {"pre"}'
expect 3 check no-such-net
err_has 'no network of that name'
err_has 'blok build --list'
expect 2 check --net no-such-net
err_has "there is no network 'no-such-net'"
expect 2 check wide-resnet --net wide-resnet
err_has 'one model or network at a time'
expect 2 check
err_has 'a model is needed'

# Every fixture with a block passes, and its blocks can be cut out.
for folder in "$GOOD"/*/test_data_set_0; do
  model=$(dirname "$folder")/model.onnx
  case $model in */dynamic_dims/*) continue ;; esac
  expect 0 check "$model" --json
  json 'd["ok"] is True'
  json 'all(c["state"] != "skipped" for b in d["blocks"] for c in b["checks"].values())'
done

finish
