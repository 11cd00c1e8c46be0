# `blok bench`.
. tests/cli/lib.sh

expect 0 bench "$DIGITS" --runs 3 --warmup 0
out_has '3 runs: min '
out_has '  threads      '
out_has 'plan and pack'
out_has 'packed weights'
out_has 'peak memory'
err_has 'noise'
expect 0 bench "$DIGITS" --seconds 0.1 --json -q
json 'set(d) >= {"schema", "model", "threads", "isa", "load_ms", "first_ms", "runs", "min_ms", "median_ms", "p99_ms", "arena_bytes", "peak_rss_bytes"}'
json 'd["runs"] >= 1 and 0 < d["min_ms"] <= d["median_ms"] <= d["p99_ms"] and d["threads"] >= 1'
json 'd["arena_bytes"] > 0 and d["packed_bytes"] > 0 and d["peak_rss_bytes"] > 1000000 and d["model"].endswith("model.onnx")'
json 'abs(d["load_ms"] - d["open_ms"] - d["plan_ms"]) < 1e-3 and d["plan_ms"] > 0 and "profile" not in d'
err_empty
expect 0 bench "$DIGITS" --runs 1 --dim N=2
expect 3 bench "$GOOD/dynamic_dims/model.onnx" --runs 1
err_has '--dim H=N'
expect 0 bench "$GOOD/dynamic_dims/model.onnx" --runs 1 --dim H=8 --dim W=8
expect 3 bench "$GOOD/unknown_operator/model.onnx" --runs 1

# How it is computed.
expect 0 bench "$DIGITS" --runs 1 -t 3 --isa scalar -q --json
json 'd["threads"] == 3 and d["isa"] == "scalar"'
BLOK_ISA=scalar expect 0 bench "$DIGITS" --runs 1 -q
out_has '(scalar)'
expect 0 bench "$DIGITS" --runs 1 --reference -q --json
json 'd["threads"] == 1 and d["isa"] == "reference"'

# Where the time goes: blocks and steps add up to the same sum.
expect 0 bench "$DIGITS" --runs 3 --profile -t 1 -q
out_has 'by block'
out_has 'by step'
out_has 'each at its quickest of 3 runs'
out_has 'GFLOP/s, measured'
plain out
expect 0 bench "$DIGITS" --runs 4 --profile -q --json
json 'd["profile"]["runs"] == 4 and d["profile"]["peak_gflops"] > 0'
json 'abs(sum(s["ms"] for s in d["profile"]["steps"]) - d["profile"]["ms"]) < 1e-4'
json 'abs(sum(b["ms"] for b in d["profile"]["blocks"]) - d["profile"]["ms"]) < 1e-4'
json 'abs(sum(s["share"] for s in d["profile"]["steps"]) - 1) < 1e-6'
json 'sum(b["steps"] for b in d["profile"]["blocks"]) == len(d["profile"]["steps"])'
json 'all(s["mean_ms"] >= s["ms"] > 0 for s in d["profile"]["steps"])'
json 'any(b["kind"] == "residual" for b in d["profile"]["blocks"])'

# As JSON, an error lists every operator that cannot be run.
expect 3 bench "$GOOD/unknown_operator/model.onnx" --runs 1 --json
json 'd["error"]["unknown"] == [{"op": "org.example.Frobnicate", "count": 1, "first": "odd"}]'

finish
