"""Declares the C++ operators that torchvision's Python part names at import.

The torchvision wheel that goes with this torch is a CUDA build, whose library does not load beside
a CPU torch. Its classification networks call none of these operators; importing the package only
hangs fake kernels on their names, so a name with any schema will do. Import this module before
torchvision.
"""

import torch

NAMES = ["nms", "qnms", "deform_conv2d", "_deform_conv2d_backward", "interpolate_bilinear2d_aa"]
NAMES += [
    name
    for pool in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool")
    for name in (pool, f"_{pool}_backward")
]

library = torch.library.Library("torchvision", "DEF")
for name in NAMES:
    library.define(f"{name}(Tensor x) -> Tensor")
