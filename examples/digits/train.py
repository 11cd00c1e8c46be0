"""Makes the digits demo: trains the network, exports it twice, writes the held-out pictures.

Run it in the virtual environment that tests/pytorch/venv.sh makes:

    sh tests/pytorch/venv.sh build/venv
    build/venv/bin/python examples/digits/train.py

The network is a small SE-ResNet of the guide's own blocks (tests/pytorch/guide.py) for
scikit-learn's digits: grey pictures of 8x8. 1437 pictures train it, 360 are held out. Seeds and
algorithms are fixed and one thread is used, so the same versions on the same kind of CPU give the
same files. The shipped ones were made with Python 3.11, torch 2.13.0, onnx 1.23.2, onnxscript
0.7.2, scikit-learn 1.9.1, pillow 13.0.0, in under a minute.

Written beside this script:
    torchscript/model.onnx   by the TorchScript exporter (dynamo=False)
    dynamo/model.onnx        by torch.export (dynamo=True), weights inside, paths stripped
    */test_data_set_0/       the first 32 held-out pictures and PyTorch's logits for them
    pictures/NNNN_L.png      every held-out picture; L: its label; value / 255 is the input
    pictures/*.txt           the first of six digits drawn in characters
    labels.txt               the name of each class
    predictions.txt          PyTorch's answer for each held-out picture
"""

import os
import pathlib
import shutil
import sys
import warnings

import numpy as np
import onnx
import torch
import torch.nn as nn
from onnx import numpy_helper
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "pytorch"))

import guide  # noqa: E402  (the folder of both is on the path only now)
import strip  # noqa: E402

SEED = 20
EPOCHS = 40
BATCH = 64
HELD_OUT = 360
STORED = 32
DRAWN = 6
SHADES = " .:-=+*#%@"


class DigitsNet(nn.Module):
    """Every residual block of the guide once with an identity skip, two of them with a projection
    as well.
    """

    def __init__(self):
        super().__init__()
        self.stem = guide.ConvBNAct(1, 16)
        self.post = guide.BasicBlock_PostAct(16, 16)
        self.pre_down = guide.BasicBlock_PreAct(16, 32, stride=2)
        self.pre = guide.BasicBlock_PreAct(32, 32)
        self.bottleneck = guide.Bottleneck_PostAct(32, 8)
        self.se_down = guide.SEResBlock(32, 48, stride=2)
        self.se = guide.SEResBlock(48, 48)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        x = self.pre(self.pre_down(self.post(self.stem(x))))
        x = self.se(self.se_down(self.bottleneck(x)))
        return self.fc(self.pool(x).flatten(1))


def load_pictures():
    """Digits as bytes (their 0..16 spread over 0..255) with labels: training set, held-out set."""
    digits = load_digits()
    grey = np.floor(digits.images * 255.0 / 16.0 + 0.5).astype(np.uint8)
    return train_test_split(
        grey, digits.target, test_size=HELD_OUT, stratify=digits.target, random_state=SEED
    )


def as_input(grey):
    return torch.from_numpy(grey.astype(np.float32)[:, None] / np.float32(255))


def shifted(x, generator):
    """Each picture moved by up to one pixel each way: the only augmentation."""
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    move = torch.randint(0, 3, (len(x), 2), generator=generator)
    return torch.stack([p[:, r : r + 8, c : c + 8] for p, (r, c) in zip(padded, move.tolist())])


def train(x, y):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    net = DigitsNet()
    steps = EPOCHS * ((len(x) + BATCH - 1) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=6e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(EPOCHS):
        net.train()
        total = 0.0
        for pick in torch.randperm(len(x), generator=generator).split(BATCH):
            optimiser.zero_grad()
            loss = loss_of(net(shifted(x[pick], generator)), y[pick])
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(pick)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:2}: loss {total / len(x):.4f}")
    return net.eval()


def export(net, x, folder, dynamo):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    names = {"input_names": ["picture"], "output_names": ["logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            torch.onnx.export(
                net,
                (x[:2],),
                str(path),
                dynamo=True,
                external_data=False,
                verbose=False,
                dynamic_shapes=({0: torch.export.Dim("N")},),
                **names,
            )
        else:
            torch.onnx.export(
                net,
                (x[:2],),
                str(path),
                dynamo=False,
                opset_version=17,
                dynamic_axes={"picture": {0: "N"}, "logits": {0: "N"}},
                **names,
            )
    model = strip.strip_paths(onnx.load(path))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    with torch.no_grad():
        logits = net(x[:STORED]).numpy()
    data = folder / "test_data_set_0"
    data.mkdir(exist_ok=True)
    for name, value in (("input_0", x[:STORED].numpy()), ("output_0", logits)):
        tensor = numpy_helper.from_array(value, "picture" if name == "input_0" else "logits")
        (data / f"{name}.pb").write_bytes(tensor.SerializeToString())
    print(f"{path.relative_to(HERE)}: {os.path.getsize(path):,} bytes")


def draw(grey):
    return "".join(
        "".join(SHADES[v * len(SHADES) // 256] * 2 for v in row) + "\n" for row in grey.tolist()
    )


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    train_x, test_x, train_y, test_y = load_pictures()
    net = train(as_input(train_x), torch.from_numpy(train_y))
    x = as_input(test_x)
    with torch.no_grad():
        answers = net(x).argmax(1).numpy()
    right = int((answers == test_y).sum())
    print(f"held out: {right} of {len(test_y)} right ({100 * right / len(test_y):.2f} %)")
    if right < 0.98 * len(test_y):
        sys.exit("fewer than 98 % right: nothing written")

    export(net, x, HERE / "torchscript", dynamo=False)
    export(net, x, HERE / "dynamo", dynamo=True)

    pictures = HERE / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    names = [f"{i:04}_{label}.png" for i, label in enumerate(test_y)]
    for name, grey in zip(names, test_x):
        Image.fromarray(grey).save(pictures / name, optimize=True)
    for i in sorted(np.unique(test_y, return_index=True)[1])[:DRAWN]:
        (pictures / names[i]).with_suffix(".txt").write_text(draw(test_x[i]))
    (HERE / "labels.txt").write_text("".join(f"{d}\n" for d in range(10)))
    (HERE / "predictions.txt").write_text("".join(f"{n} {a}\n" for n, a in zip(names, answers)))


if __name__ == "__main__":
    main()
