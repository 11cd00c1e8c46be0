# `blok inspect --explain`: near misses, equal ones said once, in the order of the file.
. tests/cli/lib.sh

expect 0 inspect "$GOOD/guide_post_torchscript/model.onnx" --explain
out_has 'near misses'
out_has 'none: nothing else in this model looks like a block that Blok knows'

# Four residual blocks whose inner values are outputs of the graph.
python3 tests/cli/nets.py misses 4 "$T/misses.onnx"
expect 0 inspect "$T/misses.onnx" --json
json 'len(d["near_misses"]) >= 4 and all(m["got"] and m["want"] and m["node"] for m in d["near_misses"])'
expect 0 inspect "$T/misses.onnx" --explain
out_has 'x 4, first at b0.add'
out_has 'found   '
out_has 'wanted  '
[ "$(grep -c 'nearly a' "$T/out")" = 1 ] || complain 'what is said four times is not said once'
plain out
expect 0 inspect "$T/misses.onnx"
out_lacks 'near misses'
finish
