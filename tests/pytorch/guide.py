"""The residual-block guide's modules: the reference that Blok's block structs are checked against.

ConvBNAct, the two basic blocks, the bottleneck, squeeze-excitation, and the two networks built of
them. Each module stands as the guide defines it; layer names, orders and defaults decide what an
exporter writes, so none is changed.
"""

import torch.nn as nn
import torch.nn.functional as F


class ConvBNAct(nn.Module):
    """Convolution without bias, BatchNorm, activation."""

    def __init__(self, cin, cout, k=3, s=1, p=None, act="relu"):
        super().__init__()
        if p is None:
            p = k // 2
        self.conv = nn.Conv2d(cin, cout, k, stride=s, padding=p, bias=False)
        self.bn = nn.BatchNorm2d(cout)
        if act == "relu":
            self.act = nn.ReLU(inplace=True)
        elif act == "silu":
            self.act = nn.SiLU(inplace=True)
        else:
            raise ValueError(f"act is {act!r}; it may be 'relu' or 'silu'")

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class BasicBlock_PostAct(nn.Module):
    """ReLU(F(x) + skip(x)), F = conv, BN, ReLU, conv, BN (ResNet v1)."""

    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = ConvBNAct(cin, cout, k=3, s=stride, act="relu")
        self.conv2 = nn.Sequential(
            nn.Conv2d(cout, cout, 3, padding=1, bias=False),
            nn.BatchNorm2d(cout),
        )
        self.proj = None
        if stride != 1 or cin != cout:
            self.proj = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride=stride, bias=False),
                nn.BatchNorm2d(cout),
            )
        self.out_act = nn.ReLU(inplace=True)

    def forward(self, x):
        skip = x if self.proj is None else self.proj(x)
        y = self.conv1(x)
        y = self.conv2(y)
        y = y + skip
        return self.out_act(y)


class BasicBlock_PreAct(nn.Module):
    """F(x) + skip(x), F = BN, ReLU, conv, BN, ReLU, conv (ResNet v2)."""

    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(cin)
        self.conv1 = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)

        self.bn2 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)

        self.proj = None
        if stride != 1 or cin != cout:
            self.proj = nn.Conv2d(cin, cout, 1, stride=stride, bias=False)

    def forward(self, x):
        skip = x if self.proj is None else self.proj(x)

        y = F.relu(self.bn1(x), inplace=True)
        y = self.conv1(y)

        y = F.relu(self.bn2(y), inplace=True)
        y = self.conv2(y)

        return y + skip


class Bottleneck_PostAct(nn.Module):
    """1x1 down, 3x3, 1x1 up by `expansion`; post-activation (ResNet-50)."""

    expansion = 4

    def __init__(self, cin, bottleneck_ch, stride=1):
        super().__init__()
        out_ch = bottleneck_ch * self.expansion
        self.conv1 = ConvBNAct(cin, bottleneck_ch, k=1, s=1, p=0, act="relu")
        self.conv2 = ConvBNAct(bottleneck_ch, bottleneck_ch, k=3, s=stride, p=1, act="relu")
        self.conv3 = nn.Sequential(
            nn.Conv2d(bottleneck_ch, out_ch, 1, bias=False),
            nn.BatchNorm2d(out_ch),
        )
        self.proj = None
        if stride != 1 or cin != out_ch:
            self.proj = nn.Sequential(
                nn.Conv2d(cin, out_ch, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_ch),
            )
        self.out_act = nn.ReLU(inplace=True)

    def forward(self, x):
        skip = x if self.proj is None else self.proj(x)
        y = self.conv1(x)
        y = self.conv2(y)
        y = self.conv3(y)
        y = y + skip
        return self.out_act(y)


class SEBlock(nn.Module):
    """Squeeze-excitation: pool, 1x1, SiLU, 1x1, sigmoid, scale the channels."""

    def __init__(self, channels: int, reduction: int = 16, min_hidden: int = 4):
        super().__init__()
        hidden = max(min_hidden, channels // reduction)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=True),
            nn.SiLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=True),
            nn.Sigmoid(),
        )

    def forward(self, x):
        w = self.fc(self.pool(x))
        return x * w


class SEResBlock(nn.Module):
    """Post-activation basic block with SiLU, squeeze-excitation on F(x) before the addition."""

    def __init__(self, cin, cout, stride=1, reduction=16):
        super().__init__()
        self.conv1 = ConvBNAct(cin, cout, k=3, s=stride, p=1, act="silu")
        self.conv2 = nn.Sequential(
            nn.Conv2d(cout, cout, 3, padding=1, bias=False),
            nn.BatchNorm2d(cout),
        )
        self.se = SEBlock(cout, reduction=reduction)

        self.proj = None
        if stride != 1 or cin != cout:
            self.proj = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride=stride, bias=False),
                nn.BatchNorm2d(cout),
            )
        self.out_act = nn.SiLU(inplace=True)

    def forward(self, x):
        skip = x if self.proj is None else self.proj(x)
        y = self.conv1(x)
        y = self.conv2(y)
        y = self.se(y)
        y = y + skip
        return self.out_act(y)


def make_stage(block_cls, cin, cout, n_blocks, first_stride):
    layers = [block_cls(cin, cout, stride=first_stride)]
    for _ in range(1, n_blocks):
        layers.append(block_cls(cout, cout, stride=1))
    return nn.Sequential(*layers)


class TinyWideResNet(nn.Module):
    """Three stages of pre-activation blocks, `k` times as wide as the plain plan."""

    def __init__(self, in_ch=3, num_classes=10, depth=28, k=2):
        super().__init__()
        assert (depth - 4) % 6 == 0
        n = (depth - 4) // 6
        base = 16
        ch1, ch2, ch3 = base * k, base * 2 * k, base * 4 * k

        self.stem = nn.Conv2d(in_ch, base, 3, padding=1, bias=False)

        self.stage1 = make_stage(BasicBlock_PreAct, base, ch1, n, first_stride=1)
        self.stage2 = make_stage(BasicBlock_PreAct, ch1, ch2, n, first_stride=2)
        self.stage3 = make_stage(BasicBlock_PreAct, ch2, ch3, n, first_stride=2)

        self.bn = nn.BatchNorm2d(ch3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(ch3, num_classes)

    def forward(self, x):
        x = self.stem(x)
        x = self.stage1(x)
        x = self.stage2(x)
        x = self.stage3(x)
        x = F.relu(self.bn(x), inplace=True)
        x = self.pool(x).flatten(1)
        return self.fc(x)


class BaselineCNN(nn.Module):
    """Four ConvBNAct, two poolings, a linear head: where the guide starts from."""

    def __init__(self, num_classes=10, in_ch=3, base=32):
        super().__init__()
        self.features = nn.Sequential(
            ConvBNAct(in_ch, base, 3, 1, 1, act="relu"),
            ConvBNAct(base, base, 3, 1, 1, act="relu"),
            nn.MaxPool2d(2),
            ConvBNAct(base, base * 2, 3, 1, 1, act="relu"),
            nn.MaxPool2d(2),
            ConvBNAct(base * 2, base * 4, 3, 1, 1, act="relu"),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(base * 4, num_classes)

    def forward(self, x):
        x = self.features(x)
        x = self.pool(x).flatten(1)
        return self.fc(x)
