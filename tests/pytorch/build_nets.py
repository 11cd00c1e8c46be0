"""The networks of `blok build` as PyTorch modules, from the guide's blocks where the guide has them.

Names of layers are the ones that `blok build` gives its weights, so that a state_dict moves both
ways without a word changed.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

import guide


class SEBottleneck(guide.Bottleneck_PostAct):
    """The guide's bottleneck with its squeeze-excitation behind the last norm."""

    def __init__(self, cin, bottleneck_ch, stride=1):
        super().__init__(cin, bottleneck_ch, stride)
        self.se = guide.SEBlock(bottleneck_ch * self.expansion)

    def forward(self, x):
        skip = x if self.proj is None else self.proj(x)
        return self.out_act(self.se(self.conv3(self.conv2(self.conv1(x)))) + skip)


class Staged(nn.Module):
    """A stem, stages that double in width and halve in size, the classifier's head."""

    def __init__(self, block, base=16, widen=1, blocks=(3, 3, 3), act="relu", pre=False):
        super().__init__()
        self.pre = pre
        self.stages = len(blocks)
        if pre:
            self.stem = nn.Conv2d(3, base, 3, padding=1, bias=False)
        else:
            self.stem = guide.ConvBNAct(3, base, act=act)
        expansion = getattr(block, "expansion", 1)
        cin, width = base, base * widen
        for i, count in enumerate(blocks):
            layers = [block(cin, width, stride=1 if i == 0 else 2)]
            cin = width * expansion
            layers += [block(cin, width) for _ in range(1, count)]
            self.add_module(f"stage{i + 1}", nn.Sequential(*layers))
            width *= 2
        if pre:
            self.bn = nn.BatchNorm2d(cin)
        self.fc = nn.Linear(cin, 10)

    def forward(self, x):
        x = self.stem(x)
        for i in range(self.stages):
            x = getattr(self, f"stage{i + 1}")(x)
        if self.pre:
            x = F.relu(self.bn(x))
        return self.fc(x.mean((2, 3)))


class Backbone(nn.Module):
    def __init__(self, base=32, blocks=(2, 2, 2, 2)):
        super().__init__()
        self.stem = guide.ConvBNAct(3, base, s=2)
        self.count = len(blocks)
        cin = base
        for i, n in enumerate(blocks):
            stage = guide.make_stage(guide.BasicBlock_PostAct, cin, base << i, n, 1 if i == 0 else 2)
            self.add_module(f"stage{i + 1}", stage)
            cin = base << i

    def forward(self, x):
        x = self.stem(x)
        levels = []
        for i in range(self.count):
            x = getattr(self, f"stage{i + 1}")(x)
            levels.append(x)
        return levels


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        return self.fc(self.backbone(x)[-1].mean((2, 3)))


class Pyramid(nn.Module):
    """FPN; with `aggregation` the way back down as well."""

    def __init__(self, cin, channels=64, aggregation=False):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in cin)
        self.output = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in cin)
        self.aggregation = aggregation
        if aggregation:
            steps = range(len(cin) - 1)
            self.down = nn.ModuleList(
                nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in steps
            )
            self.mix = nn.ModuleList(
                nn.Conv2d(2 * channels, channels, 3, padding=1) for _ in steps
            )

    def forward(self, levels):
        levels = [lateral(x) for lateral, x in zip(self.lateral, levels)]
        for i in reversed(range(len(levels) - 1)):
            levels[i] = levels[i] + F.interpolate(levels[i + 1], scale_factor=2, mode="nearest")
        levels = [output(x) for output, x in zip(self.output, levels)]
        if self.aggregation:
            for i in range(len(levels) - 1):
                down = F.relu(self.down[i](levels[i]))
                levels[i + 1] = F.relu(self.mix[i](torch.cat([down, levels[i + 1]], 1)))
        return levels


class Head(nn.Module):
    """Scores and distances to a box's sides, for one level."""

    def __init__(self, classes=10, channels=64):
        super().__init__()
        self.scores = self.tower(channels, classes)
        self.boxes = self.tower(channels, 4)

    @staticmethod
    def tower(channels, out):
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, out, 3, padding=1),
        )

    def forward(self, x):
        return self.scores(x), F.relu(self.boxes(x))


class Detector(nn.Module):
    def __init__(self, aggregation):
        super().__init__()
        self.backbone = Backbone()
        self.neck = Pyramid((64, 128, 256), aggregation=aggregation)
        self.head = Head()

    def forward(self, x):
        levels = self.neck(self.backbone(x)[1:])
        return tuple(y for level in levels for y in self.head(level))


class EncoderDecoder(nn.Module):
    def __init__(self, classes=2, base=16, stages=4):
        super().__init__()
        self.stages = stages
        self.stem = guide.ConvBNAct(3, base)
        block = guide.BasicBlock_PostAct
        cin = base
        for i in range(stages):
            width = base << i
            self.add_module(
                f"encoder{i + 1}", nn.Sequential(block(cin, width, 1 if i == 0 else 2))
            )
            cin = width
        for i in reversed(range(1, stages)):
            width = base << (i - 1)
            self.add_module(f"decoder{i}", block(cin + width, width))
            cin = width
        self.mask = nn.Conv2d(base, classes, 1)

    def forward(self, x):
        x = self.stem(x)
        skips = []
        for i in range(self.stages):
            x = getattr(self, f"encoder{i + 1}")(x)
            skips.append(x)
        for i in reversed(range(1, self.stages)):
            up = F.interpolate(x, scale_factor=2, mode="nearest")
            x = getattr(self, f"decoder{i}")(torch.cat([up, skips[i - 1]], 1))
        return self.mask(x)


# ---- Norms --------------------------------------------------------------------------------------


class LayerNorm2d(nn.Module):
    """LayerNorm over the channels of each pixel."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = 1e-5

    def forward(self, x):
        x = F.layer_norm(
            x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps
        )
        return x.permute(0, 3, 1, 2)


def with_norm(model, make):
    """The model with another norm, `make(channels)`, in place of each BatchNorm."""
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(model, name, make(child.num_features))
        else:
            with_norm(child, make)
    return model


def group_norm(channels):
    return nn.GroupNorm(8, channels)
