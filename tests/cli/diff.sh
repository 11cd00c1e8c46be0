# `blok diff`.
. tests/cli/lib.sh

expect 0 diff "$DIGITS" "$DIGITS"
out_is 'equal'
err_empty
expect 0 diff "$DIGITS" "$DIGITS" --json
json 'd == {"schema": 1, "equal": True, "differences": [], "count": 0}'

# Where weights are stored plays no part.
expect 0 convert "$DIGITS" "$T/outside.onnx" --external -q
expect 0 diff "$DIGITS" "$T/outside.onnx"
out_is 'equal'
INPUT=$DIGITS expect 0 diff - "$T/outside.onnx"
out_is 'equal'

# What differs is told a line each, then counted.
A=$GOOD/opset_9/model.onnx
B=$GOOD/opset_13/model.onnx
expect 1 diff "$A" "$B"
out_has 'operator set of ai.onnx is 9 in A, 13 in B'
out_has 'differences'
err_empty
plain out
expect 1 diff "$A" "$B" --json
json 'd["schema"] == 1 and not d["equal"] and d["count"] == len(d["differences"]) > 1'
json 'any(x["kind"] == "opset" and x["node_a"] == "" for x in d["differences"])'
json 'any(x["kind"] == "attribute" and x["node_a"] == "c_node" for x in d["differences"])'
json 'all(set(x) == {"kind", "text", "node_a", "node_b", "max_abs"} for x in d["differences"])'

# The list is as long as is asked for, the count is of all.
C=$GOOD/guide_bottleneck_dynamo/model.onnx
D=$GOOD/guide_seres_dynamo/model.onnx
expect 1 diff "$C" "$D" --most 1
out_has 'and '
[ "$(wc -l < "$T/out")" = 3 ] || complain 'one difference, the rest and the count wanted'
expect 1 diff "$C" "$D" --most 0 --json
json 'd["differences"] == [] and d["count"] > 1'

# Functions are seen through where that is asked for.
F=$GOOD/function_blocks/model.onnx
G=$GOOD/function_blocks_plain/model.onnx
expect 1 diff "$F" "$G"
expect 0 diff "$F" "$G" --working
out_is 'equal'
expect 0 diff "$F" "$G" --working --tolerance 1e-3

# Models that cannot be run are compared as they are.
U=$GOOD/unknown_operator/model.onnx
expect 0 diff "$U" "$U"
out_is 'equal'
expect 3 diff "$U" "$U" --working
err_one_line
out_empty
expect 3 diff "$U" "$U" --working --json
json 'd["error"]["status"] == 3'

expect 3 diff "$DIGITS" "$T/nothing.onnx"
err_has 'nothing.onnx'
err_one_line
expect 3 diff "$BAD/dangling_input/model.onnx" "$DIGITS"
out_empty
err_one_line

expect 2 diff
err_has 'two models are needed: A and B'
expect 2 diff "$DIGITS"
expect 2 diff "$DIGITS" "$DIGITS" "$DIGITS"
for number in -1 many nan ''; do
  expect 2 diff "$DIGITS" "$DIGITS" --tolerance "$number"
  err_has '--tolerance takes a number of 0 or more'
done
expect 2 diff "$DIGITS" "$DIGITS" --most -1
err_has '--most takes a whole number'

finish
