# `blok inspect --plan` and `--memory`.
. tests/cli/lib.sh

expect 0 inspect "$DIGITS" --plan
out_has ' steps, '
out_has 'kernel'
out_has 'stem'
out_has 'conv'
out_lacks 'packed weights'
err_empty
plain out
expect 0 inspect "$DIGITS" --memory
out_has 'arena '
out_has 'largest live '
out_has 'packed weights '
out_lacks 'kernel'

# As JSON: steps in order, blocks by their names, sizes that fit into one another.
expect 0 inspect "$DIGITS" --plan --memory --json -t 2
json 'd["schema"] == 1 and d["threads"] == 2 and d["model"].endswith("model.onnx")'
json '[s["index"] for s in d["steps"]] == list(range(len(d["steps"]))) and len(d["steps"]) > 5'
json 'all(s["nodes"] and s["kernel"] and s["layout"] in ("plain", "blocked") for s in d["steps"])'
json 'sum(s["block_kind"] is not None for s in d["steps"]) > 5'
json 'all((s["lanes"] > 0) == (s["layout"] == "blocked") for s in d["steps"])'
json '0 < d["memory"]["live_bytes"] <= d["memory"]["value_bytes"] <= d["memory"]["arena_bytes"]'
json 'd["memory"]["live_step"] < len(d["steps"]) and d["memory"]["packed_bytes"] > 0'
cp "$T/out" "$T/batch_1"
expect 0 inspect "$DIGITS" --memory --json --dim N=4
json 'd["memory"]["arena_bytes"] > json.load(open(sys.argv[1].replace("/out", "/batch_1")))["memory"]["arena_bytes"]'
json '"steps" not in d'
expect 0 inspect "$DIGITS" --plan --json
json '"memory" not in d'

# A node is computed by one step, and fusion makes fewer of them.
expect 0 inspect "$DIGITS" --plan --json --no-blocks
json 'len(d["steps"]) > len(json.load(open(sys.argv[1].replace("/out", "/batch_1")))["steps"])'
expect 0 inspect "$DIGITS" --plan --json --reference
json 'd["isa"] == "reference" and d["threads"] == 1 and all(s["kernel"] == "reference" for s in d["steps"])'
expect 0 inspect "$DIGITS" --plan --json --isa scalar
json 'd["isa"] == "scalar"'

# Open axes, late values, models that cannot be run.
expect 3 inspect "$GOOD/dynamic_dims/model.onnx" --plan
err_has '--dim H=N'
expect 0 inspect "$GOOD/dynamic_dims/model.onnx" --plan --dim H=8 --dim W=8
expect 0 inspect "$GOOD/late_shapes/model.onnx" --plan --json
json 'any(s["shape"] is None or None in s["shape"] for s in d["steps"])'
expect 3 inspect "$GOOD/unknown_operator/model.onnx" --plan
err_has 'Frobnicate'
out_empty

finish
