"""The networks that are timed, and their exports.

    nets.py FOLDER NET:BATCH...      in the virtual environment of tests/pytorch/venv.sh

Each goes to FOLDER/NET.bBATCH/: model.onnx, by the TorchScript exporter with the batch fixed,
input_0.npy, and what to compare against: expected_f64.npy (PyTorch in float64) and torch_f32.npy
(PyTorch's own f32). A folder with all of them is left as it is. The table is read without PyTorch.
"""

import argparse
import os
import pathlib
import shutil
import sys

TORCHVISION = (
    "resnet18 resnet50 wide_resnet50_2 mobilenet_v2 mobilenet_v3_large efficientnet_b0 "
    "resnext50_32x4d densenet121 shufflenet_v2_x1_0 squeezenet1_1 regnet_y_400mf convnext_tiny"
).split()

# The guide's wide residual network by its width, and whether its blocks are SEResBlock.
WIDE = {
    "wrn28_2": (2, False),
    "wrn28_10": (10, False),
    "se_wrn28_2": (2, True),
    "se_wrn28_10": (10, True),
}

BATCHES = {
    **{name: (1,) for name in (*TORCHVISION, *WIDE)},
    "wrn28_2": (1, 8),
    "se_wrn28_2": (1, 8),
}

OPSET = 17
FILES = ("model.onnx", "input_0.npy", "expected_f64.npy", "torch_f32.npy")


def sides(name):
    """Height and width of the input."""
    return 32 if name in WIDE else 224


def folder(models, name, batch):
    return pathlib.Path(models) / f"{name}.b{batch}"


def whole(models, name, batch):
    """Whether the export is there; torch_f32.npy is written last."""
    return all((folder(models, name, batch) / file).exists() for file in FILES)


def _wide(k, squeeze):
    import guide

    model = guide.TinyWideResNet(depth=28, k=k)
    if squeeze:
        widths = (16, 16 * k, 32 * k, 64 * k)
        for i in (1, 2, 3):
            stage = guide.make_stage(
                guide.SEResBlock, widths[i - 1], widths[i], 4, first_stride=1 if i == 1 else 2
            )
            setattr(model, f"stage{i}", stage)
    return model


def _net(name, batch):
    import models

    side = sides(name)
    make = (lambda: _wide(*WIDE[name])) if name in WIDE else models._torchvision(name)
    return models.Net(name, make, (batch, 3, side, side))


def export(into, name, batch):
    """Writes one folder: weights and statistics drawn anew, one seeded input."""
    import models
    import numpy as np

    net = _net(name, batch)
    model, x = models.prepared(net)
    f32, f64 = models.answers(net, model, x)
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    models.write(model, x, into / "model.onnx", False, OPSET)
    np.save(into / "input_0.npy", x.numpy())
    np.save(into / "expected_f64.npy", f64)
    np.save(into / "torch_f32.npy", f32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("wanted", nargs="+", metavar="NET:BATCH")
    args = parser.parse_args()

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "pytorch"))
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    for wanted in args.wanted:
        name, batch = wanted.rsplit(":", 1)
        if whole(args.folder, name, int(batch)):
            continue
        print(f"exporting {name}, batch {batch}", flush=True)
        export(folder(args.folder, name, int(batch)), name, int(batch))


if __name__ == "__main__":
    main()
