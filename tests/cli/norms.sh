# Norms of groups and of channels, and the rate of stochastic depth, through the program: built,
# written at operator sets that have no word for them, found again, drawn, written anew.
. tests/cli/lib.sh
export LC_ALL=C.UTF-8

# built NORM OPSET: what inspect says of a built block with this norm.
built() {
  expect 0 build basic-post --out 32 --stride 2 --batch 2 --norm "$1" --norm-groups 4 --opset "$2" \
    -q -o "$T/$1.onnx"
  expect 0 inspect "$T/$1.onnx" --json
  json 'd["counts"] == {"residual": 1} and d["loose"] == []'
  json 'd["blocks"][0]["parameters"] == d["parameters"] == 14528'
}

for opset in 9 17 28; do
  built group $opset
  json '{(c["norm"], c["norm_groups"]) for c in d["blocks"][0]["convs"]} == {("group", 4)}'
  json 'd["blocks"][0]["skip_of"] == "conv 1x1 /2 + group 4"'
  json 'd["blocks"][0]["skip_steps"][0]["conv"]["norm_groups"] == 4'
  expect 0 inspect "$T/group.onnx" --tree
  out_has '→ group norm 4 → relu'
  expect 0 verify "$T/group.onnx" --blocks
  out_has 'matched again'

  built layer $opset
  json '{(c["norm"], c["norm_groups"]) for c in d["blocks"][0]["convs"]} == {("layer", None)}'
  json 'd["blocks"][0]["skip_of"] == "conv 1x1 /2 + layer"'
  expect 0 inspect "$T/layer.onnx" --tree
  out_has '→ layer norm → relu'
  expect 0 verify "$T/layer.onnx" --blocks
  out_has 'matched again'
done

# One group a channel is PyTorch's InstanceNorm.
expect 0 build basic-pre --in 16 --norm group --norm-groups 16 -q -o "$T/instance.onnx"
expect 0 inspect "$T/instance.onnx" --nodes
out_lacks 'GroupNormalization'
expect 0 inspect "$T/instance.onnx" --json
json 'd["counts"] == {"residual": 1} and d["blocks"][0]["convs"][0]["norm_groups"] == 16'

# The page of the browser has them too.
expect 0 inspect "$T/group.onnx" --html "$T/group.html"
grep -q '"norm":"group","norm_groups":4' "$T/group.html" || complain 'no group norm in the page'

# Rates rise in a line, and stay when the model is copied.
expect 0 build residual-cnn --blocks 2,1 --drop-path 0.3 -q -o "$T/drop.onnx"
for model in drop copy; do
  expect 0 inspect "$T/$model.onnx" --json
  json '[b["drop_path"] for b in d["blocks"] if b["kind"] == "residual"] == [None, 0.15, 0.3]'
  expect 0 convert "$T/drop.onnx" "$T/copy.onnx" --opset 11 -q
done
finish
