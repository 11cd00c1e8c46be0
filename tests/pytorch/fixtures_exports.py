"""The guide's blocks with few channels, as both PyTorch exporters write them."""

import io
import warnings

import numpy as np
import onnx
import torch

import guide
import strip

MODULES = {
    "guide_seres": (lambda: guide.SEResBlock(8, 8), (1, 8, 6, 6)),
    "guide_seres_down": (lambda: guide.SEResBlock(4, 8, 2), (1, 4, 6, 6)),
    "guide_bottleneck": (lambda: guide.Bottleneck_PostAct(16, 4), (1, 16, 6, 6)),
    "guide_bottleneck_down": (lambda: guide.Bottleneck_PostAct(8, 4, 2), (1, 8, 6, 6)),
    "guide_pre": (lambda: guide.BasicBlock_PreAct(4, 8, 2), (1, 4, 6, 6)),
    "guide_post": (lambda: guide.BasicBlock_PostAct(6, 6), (1, 6, 6, 6)),
}


def _exported(make, shape, writer):

    module = make().eval()
    random = np.random.RandomState(9)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point():
                drawn = random.standard_normal(tuple(value.shape)) * 0.3
                positive = name.endswith("running_var") or (
                    value.ndim == 1 and name.endswith("weight")
                )
                value.copy_(
                    torch.from_numpy(
                        (np.abs(drawn) + 0.5 if positive else drawn).astype(np.float32)
                    )
                )
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = (torch.zeros(shape),)
        if writer == "dynamo":
            torch.onnx.export(module, x, dynamo=True, verbose=False).save(file)
        else:
            torch.onnx.export(module, x, file, dynamo=False)
    return strip.strip_paths(onnx.load_from_string(file.getvalue()))


def models():
    """(name, model) of each."""
    for name, (make, shape) in MODULES.items():
        for writer in ("torchscript", "dynamo"):
            yield f"{name}_{writer}", _exported(make, shape, writer)
