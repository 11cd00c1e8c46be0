# `blok verify --blocks`.
. tests/cli/lib.sh

# A model with residual, bottleneck and squeeze-excite blocks, on noise.
expect 0 verify "$DIGITS" --blocks
out_has 'noise'
out_has 'logits'
out_has 'ok: 5 residual, 1 bottleneck, 2 squeeze_excite, 16 conv_norm_act written anew from their descriptors'
out_has 'agree within rtol 0.001, atol 1e-05, matched again'
err_empty
expect 0 verify "$DIGITS" --blocks --json
json 'd["schema"] == 1 and d["against"] == "blocks" and d["ok"] is True'
json 'd["blocks"]["count"] == d["blocks"]["same"] == 24 and d["blocks"]["differences"] == []'
json 'd["outputs"][0]["name"] == "logits" and d["outputs"][0]["data"] is None and d["outputs"][0]["bad"] == 0'

# On stored inputs, whose stored outputs play no part.
expect 0 verify "$DIGITS" --blocks --data examples/digits/torchscript/test_data_set_0 --json
json 'd["outputs"][0]["data"].endswith("test_data_set_0") and d["outputs"][0]["count"] == 320'
mkdir "$T/set"
cp examples/digits/torchscript/test_data_set_0/input_0.* "$T/set"
expect 0 verify "$DIGITS" --blocks --data "$T/set" --data "$T/set" --json
json 'len(d["outputs"]) == 2'
expect 3 verify "$DIGITS" --blocks --data "$T/nowhere"
err_one_line

# What differs: sigmoid and product are one operator in what is written, which rounds once.
expect 1 verify "$GOOD/guide_seres_down_torchscript/model.onnx" --blocks --reference --rtol 0 --atol 0
out_has 'differs: 1 residual, 1 squeeze_excite, 3 conv_norm_act'
out_has 'outputs differ by more than rtol 0, atol 0, matched again'
expect 1 verify "$GOOD/guide_seres_down_torchscript/model.onnx" --blocks --reference --rtol 0 --atol 0 --json
json 'd["ok"] is False and d["outputs"][0]["bad"] > 0 and d["blocks"]["same"] == d["blocks"]["count"] == 5'

# Open axes, no blocks, models that cannot be run, and words that do not belong together.
expect 3 verify "$GOOD/dynamic_dims/model.onnx" --blocks
err_has '--dim H=N'
err_one_line
expect 0 verify "$GOOD/dynamic_dims/model.onnx" --blocks --dim H=6 --dim W=7
out_has 'ok: '
python3 tests/cli/arrays.py model "$T/same.onnx" Identity float32 3
expect 0 verify "$T/same.onnx" --blocks
out_has 'ok: no block to write anew: outputs agree'
expect 3 verify "$GOOD/unknown_operator/model.onnx" --blocks
err_has 'Frobnicate'
expect 2 verify "$DIGITS" --dim N=2
err_has '--blocks'
expect 2 verify "$DIGITS" --shape x=1x1x8x8
err_has '--blocks'

# Every fixture that can be run agrees with itself written anew.
for folder in "$GOOD"/*/test_data_set_0; do
  expect 0 verify "$(dirname "$folder")/model.onnx" --blocks --data "$folder"
  out_has 'ok: '
done

finish
