# `blok bench`.
. tests/cli/lib.sh

expect 0 bench "$DIGITS" --runs 3 --warmup 0
out_has '3 runs: min '
out_has 'threads      1 (scalar)'
out_has 'peak memory'
err_has 'noise'
expect 0 bench "$DIGITS" --seconds 0.1 --json -q
json 'set(d) >= {"schema", "model", "threads", "isa", "load_ms", "first_ms", "runs", "min_ms", "median_ms", "p99_ms", "arena_bytes", "peak_rss_bytes"}'
json 'd["runs"] >= 1 and 0 < d["min_ms"] <= d["median_ms"] <= d["p99_ms"] and d["threads"] == 1 and d["isa"] == "scalar"'
json 'd["arena_bytes"] is None and d["peak_rss_bytes"] > 1000000 and d["model"].endswith("model.onnx")'
err_empty
expect 0 bench "$DIGITS" --runs 1 --dim N=2
expect 3 bench "$GOOD/dynamic_dims/model.onnx" --runs 1
err_has '--dim H=N'
expect 0 bench "$GOOD/dynamic_dims/model.onnx" --runs 1 --dim H=8 --dim W=8
expect 3 bench "$GOOD/unknown_operator/model.onnx" --runs 1

# As JSON, an error lists every operator that cannot be run.
expect 3 bench "$GOOD/unknown_operator/model.onnx" --runs 1 --json
json 'd["error"]["unknown"] == [{"op": "org.example.Frobnicate", "count": 1, "first": "odd"}]'

finish
