"""torchvision's classification networks, by both exporters: the number of blocks of each kind, and
what is known of them from the papers that they come from and from torchvision's modules.

Matching needs no run, so inputs are small and weights are as they are drawn.
"""

import collections
import dataclasses
import warnings

import checks
import exports

ADDING = ("residual", "bottleneck", "inverted_bottleneck", "residual_other")
KINDS = (*ADDING, "squeeze_excite", "gate")


@dataclasses.dataclass(frozen=True)
class Want:
    """Blocks of one kind: how many, how many of them with a skip, how many of these projections,
    their groups (of the kxk convolution; none: not looked at), and squeeze-excitations anywhere.
    """

    kind: str = ""
    count: int = 0
    skips: int = 0
    projections: int = 0
    se: int = 0
    groups: int | None = None


WANTED = {
    "resnet18": Want("residual", 8, 8, 3, groups=1),
    "resnet34": Want("residual", 16, 16, 3, groups=1),
    "resnet50": Want("bottleneck", 16, 16, 4, groups=1),
    "wide_resnet50_2": Want("bottleneck", 16, 16, 4, groups=1),
    "resnext50_32x4d": Want("bottleneck", 16, 16, 4, groups=32),
    "mobilenet_v2": Want("inverted_bottleneck", 17, 10),
    "mobilenet_v3_large": Want("inverted_bottleneck", 15, 10, se=8),
    "efficientnet_b0": Want("inverted_bottleneck", 16, 9, se=16),
    "regnet_y_400mf": Want("bottleneck", 16, 16, 4, se=16),
    "convnext_tiny": Want("residual_other", 18, 18),
    "resnet101": Want("bottleneck", 33, 33, 4, groups=1),
    "regnet_x_400mf": Want("bottleneck", 22, 22, 4),
    "mnasnet0_5": Want("inverted_bottleneck", 17, 10),
    "mobilenet_v3_small": Want("inverted_bottleneck", 11, 6, se=9),
    "densenet121": Want(),
    "shufflenet_v2_x1_0": Want(),
    "squeezenet1_1": Want(),
    "vgg11": Want(),
}

# VGG's head pools to 7x7, which TorchScript only writes from a multiple of 7.
SIDES = {"vgg11": 224}


def create(name):
    """The model in eval mode, and an input for it."""
    import tvops  # noqa: F401, I001  (declares what torchvision wants: comes first)
    import torch
    import torchvision

    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = getattr(torchvision.models, name)(weights=None).eval()
    side = SIDES.get(name, 64)
    return model, torch.randn(1, 3, side, side)


def faults(want, found):
    """How an answer of `inspect --json` differs, in words."""
    blocks = found.get("blocks", [])
    got = collections.Counter(b["kind"] for b in blocks)
    expected = {kind: 0 for kind in KINDS}
    if want.kind:
        expected[want.kind] = want.count
    expected["squeeze_excite"] = want.se
    said = [
        f"{got[kind]} {kind}, expected {n}" for kind, n in expected.items() if got[kind] != n
    ]
    adding = [b for b in blocks if b["kind"] in ADDING]
    for key, n in (("identity", want.skips - want.projections), ("projection", want.projections)):
        have = sum(b["skip"] == key for b in adding)
        if have != n:
            said.append(f"{have} skips are {key}, expected {n}")
    inside = sum(b.get("se") is not None for b in adding)
    if inside != want.se:
        said.append(f"{inside} blocks hold an se, expected {want.se}")
    groups = {b["groups"] for b in adding}
    if want.groups is not None and groups != {want.groups}:
        said.append(f"groups are {sorted(groups)}, expected {want.groups}")
    for kind in KINDS:
        if found.get("counts", {}).get(kind, 0) != got[kind]:
            said.append(f"counts says {found['counts'].get(kind, 0)} {kind}, blocks {got[kind]}")
    if found.get("unknown"):
        said.append("unknown: " + ", ".join(f"{e['op']} {e['count']}" for e in found["unknown"]))
    return said


def check(options, report):
    """Both exporters' graphs of each network in WANTED."""
    folder = options.work / "torchvision"
    exports.ensure("torchvision_blocks", folder, WANTED, options.jobs)
    for name, want in WANTED.items():
        for writer in exports.WRITERS:
            why = exports.failure(folder, name, writer)
            found = None
            if why is None:
                found, why = checks.inspect(options.blok, exports.path(folder, name, writer))
            said = [why] if found is None else faults(want, found)
            what = f"{want.count} {want.kind}" if want.kind else "none"
            report.check(not said, f"torchvision {name}.{writer}", "; ".join(said) or what)
