#!/bin/sh
# Makes the virtual environment that the checks in this folder and examples/digits/train.py run in:
#   sh tests/pytorch/venv.sh DIR
# The versions are pinned: what the exporters write changes from one to the next. Does nothing when DIR is up to date.
set -eu

dir=${1:?usage: venv.sh DIR}
python=${PYTHON:-python3}
wanted='torch==2.13.0 torchvision==0.28.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
scikit-learn==1.9.1 pillow==13.0.0 timm==1.0.31'

fail() {
  printf 'venv.sh: %s\n' "$1" >&2
  exit 1
}

if [ -f "$dir/made-with" ] && [ "$(cat "$dir/made-with")" = "$wanted" ]; then exit 0; fi

if ! "$python" -m venv "$dir" 2> "$dir.log"; then
  rm -rf "$dir"
  fail "$python cannot make a virtual environment (on Debian: apt-get install python3-venv); $dir.log says why"
fi
pip() {
  "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$@" 2>> "$dir.log" ||
    fail "pip could not install $*: not to be had from here? $dir.log says why"
}

# torch first and alone: whatever asks for a newer one afterwards would bring gigabytes of CUDA with it.
pip torch==2.13.0
pip numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 scikit-learn==1.9.1 pillow==13.0.0
pip huggingface_hub safetensors pyyaml
pip --no-deps torchvision==0.28.0 timm==1.0.31

printf '%s\n' "$wanted" > "$dir/made-with"
rm -f "$dir.log"
