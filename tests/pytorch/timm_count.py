"""Additions with a skip, projections and SE gates of a timm model, counted from its modules.

Each rule below reads a module's own attributes and says what its forward does: how many additions
are F(x) + skip(x), how many of these have anything computed on the skip path, whether the module is
a squeeze-and-excitation gate, and how many other additions of two computed tensors of one shape it
holds (branch sums, positions, scores). The model runs once, and each call of a module counts, since
some modules are called more than once.

Every addition is counted a second way: PyTorch's dispatcher is asked which additions of two float
tensors of one shape, neither a parameter, run while a module is the innermost one. A module that
adds and has no rule, or whose rule says another number than the dispatcher saw, makes the model
"not counted" rather than guessed.

What an addition with a skip is: one operand is x through at most norm, pooling, padding, slicing
and one 1x1 convolution (or depthwise + 1x1); the other is computed from that x and has its shape;
where the skip holds a convolution, F holds an activation or a gate.
"""

import collections
import dataclasses

import torch
import torch.nn as nn
from torch.utils._python_dispatch import TorchDispatchMode


@dataclasses.dataclass(frozen=True)
class Count:
    additions: int = 0
    projections: int = 0
    gates: int = 0
    others: int = 0

    def __add__(self, more):
        return Count(*map(sum, zip(dataclasses.astuple(self), dataclasses.astuple(more))))


NOTHING = Count()


def _skip(projected=False, others=0):
    return Count(1, int(bool(projected)), 0, others)


def _computes(module):
    """Whether a module on a skip path does anything in eval mode."""
    if module is None or isinstance(module, (nn.Identity, nn.Dropout)):
        return False
    return not isinstance(module, nn.Sequential) or any(map(_computes, module))


def _downsample(m):
    """shortcut = x, or downsample(x) where there is one; always added."""
    return _skip(_computes(m.downsample))


def _optional_downsample(m):
    """No downsample, no addition; an Identity in its place is the plain skip."""
    return NOTHING if m.downsample is None else _skip(_computes(m.downsample))


def _optional_shortcut(m):
    return NOTHING if m.shortcut is None else _skip(_computes(m.shortcut))


def _shortcut(m):
    return _skip(_computes(m.shortcut))


def _has_skip(m):
    return _skip() if m.has_skip else NOTHING


def _residual(m):
    return _skip() if m.residual else NOTHING


def _one(m):
    return _skip()


def _two(m):
    return Count(additions=2)


def _three(m):
    return Count(additions=3)


def _gate(m):
    return None if getattr(m, "add_maxpool", False) else Count(gates=1)


def _branches(m):
    """Parallel convolutions and BN(x), summed: with BN(x) one addition has a skip."""
    if m.reparam_conv is not None:
        return NOTHING
    terms = (m.identity is not None) + (m.conv_scale is not None) + len(m.conv_kxk or ())
    if m.identity is not None and terms > 1:
        return _skip(True, terms - 2)
    return Count(others=terms - 1)


def _repvgg(m):
    """1x1 + 3x3, and BN(x) where there is one."""
    if m.reparam_conv is not None:
        return NOTHING
    return Count(others=1) if m.identity is None else _skip(True, others=1)


def _repghost(m):
    """cheap(x) + BN(x)."""
    n = len(m.fusion_bn)
    plain = all(isinstance(c, nn.Identity) for c in m.fusion_conv)
    return Count(n, n, 0, 0) if n <= 1 and plain else None


def _rep_mixer(m):
    return NOTHING if m.reparam_conv is not None else _skip()


def _large_kernel(m):
    """Two convolutions of different kernels, summed."""
    both = m.reparam_conv is None and m.small_conv is not None
    return Count(others=int(both))


def _global_context(m):
    """x + f(mean of x) has [N,C,1,1] on one side: a gate, whatever it does."""
    return NOTHING


def _dla_tree(m):
    """Its first block gets project(downsample(x)) as skip; a tree in that place makes its own."""
    ends = m.root is not None
    return Count(projections=int(ends and (_computes(m.downsample) or _computes(m.project))))


def _dla_root(m):
    return None if m.shortcut else NOTHING


def _dual_path(m):
    """Slices of both are added. Where a norm, an activation and a 1x1 make the skip, the activation
    makes it more than a skip path.
    """
    if m.c1x1_w_s1 is not None or m.c1x1_w_s2 is not None:
        return Count(others=1)
    return _skip(True)


def _hrnet(m):
    """Sums over scales: every path into a branch but the first is added."""
    if m.num_branches == 1:
        return NOTHING
    return Count(others=sum(len(outer) - 1 for outer in m.fuse_layers))


def _hrnet_head(m):
    return Count(others=len(m.incre_modules) - 1) if m.incre_modules is not None else NOTHING


def _res2net(m):
    """Slices of the first convolution's output are summed along; then the block's own addition."""
    inner = 0 if m.is_first else m.num_scales - 1
    return _skip(_computes(m.downsample), inner)


def _xception(m):
    if m.no_skip:
        return NOTHING
    return _skip(_computes(m.shortcut))


def _grn(m):
    """x + f(x, norm of x): a gate with its own skip."""
    return Count(others=1)


def _meta_former(m):
    """A scaled skip is neither plain nor a projection."""
    return None if _computes(m.res_scale1) or _computes(m.res_scale2) else Count(additions=2)


def _split_transpose(m):
    """Slices are summed along, a position is added, then attention's and the block's additions."""
    return Count(2, 0, 0, len(m.convs) - 1 + (m.pos_embd is not None))


def _xcit(m):
    return Count(others=int(m.pos_embed is not None))


def _levit_head(m):
    """Two heads are averaged."""
    return Count(others=1)


def _visformer(m):
    return Count(additions=1 + (m.attn is not None))


def _relative(m):
    """Attention scores and positions."""
    return Count(others=1)


def _rep_vgg_dw(m):
    """Two convolutions and x itself, summed."""
    return _skip(others=1)


def _two_heads(m):
    """With a second head, both are averaged."""
    return Count(others=int(m.distillation))


def _ghost_v3(m):
    """Branches of the first convolution; then a 1x1, BN(x) and branches: BN(x) is a skip."""
    if m.infer_mode:
        return NOTHING
    branches = len(m.primary_rpr_conv) - 1 + len(m.cheap_rpr_conv)
    return _skip(True, branches)


def _ghost_bottleneck_v3(m):
    branches = len(m.dw_rpr_conv) if m.stride > 1 and not m.infer_mode else 0
    if m.ghost1.mode == "shortcut":
        return Count(others=branches + 1)  # a Resize in F(x), as in GhostNetV2
    return _skip(_computes(m.shortcut), branches)


def _rep_depthwise(m):
    """Depthwise convolutions of different kernels, summed; then the block's own addition."""
    branches = len(m.dw_conv_list) - 1 if m.dw_conv is None else 0
    return Count(additions=int(m.use_shortcut), others=branches)


def _mobile_attention(m):
    return Count(additions=(m.conv_cpe_dw is not None) + bool(m.has_skip))


def _ghost(m):
    """GhostNetV2 gates F(x) by a map made larger again: F(x) holds a Resize, as none may."""
    if type(m.ghost1).__name__ == "GhostModuleV2":
        return Count(others=1)
    return _shortcut(m)


def _not_enlarging(m):
    """As the others, but where the main path makes a map larger again no addition counts."""
    if m.shortcut is None:
        return NOTHING
    if any(isinstance(part, (nn.ConvTranspose2d, nn.Upsample)) for part in m.main.modules()):
        return Count(others=1)
    return _shortcut(m)


def _token_mixer(m):
    return Count(additions=1 + (m.token_mixer is not None))


def _mlp(m):
    return Count(additions=1 + (m.mlp is not None))


def _distilled(m):
    """A second head, averaged with the first."""
    return Count(others=int(m.head_dist is not None))


def _cascade(m):
    """Slices are summed along, from one head to the next."""
    return Count(others=len(m.qkvs) - 1)


def _attention_2d(m):
    """Attention and a depthwise convolution of its values."""
    return Count(others=1)


def _two_branches(m):
    """Attention and a 3x3 convolution, both of stride 2."""
    return Count(others=int(m.attn is not None))


def _pos_conv(m):
    return Count(additions=int(m.stride == 1))


def _tnt(m):
    """Two on the pixels, two on the patches; between them the pixels are added to the patches."""
    return Count(additions=4, others=1)


def _transformer_2d(m):
    return Count(2, int(_computes(m.shortcut)))


def _focal(m):
    """Contexts of every level are summed."""
    return Count(others=m.focal_level)


def _rep_pos(m):
    return NOTHING if m.reparam_conv is not None else _skip()


def _volo(m):
    """The head's answers of the class token and of the others."""
    return Count(others=int(m.aux_head is not None))


def _dla_res2net(m):
    """As Res2Net's, where the tree makes the skip."""
    return _skip(others=0 if m.is_first else len(m.convs) - 1)


# module.Class of timm -> rule. None from a rule: this form is not counted.
RULES = {
    "layers.bottleneck_attn.BottleneckAttn": _relative,
    "layers.bottleneck_attn.PosEmbedRel": _relative,
    "layers.global_context.GlobalContext": _global_context,
    "layers.grn.GlobalResponseNorm": _grn,
    "layers.halo_attn.HaloAttn": _relative,
    "layers.halo_attn.PosEmbedRel": _relative,
    "layers.lambda_layer.LambdaLayer": _relative,
    "layers.non_local_attn.BatNonLocalAttn": _one,
    "layers.squeeze_excite.SEModule": _gate,
    "models._efficientnet_blocks.CondConvResidual": _has_skip,
    "models._efficientnet_blocks.ConvBnAct": _has_skip,
    "models._efficientnet_blocks.DepthwiseSeparableConv": _has_skip,
    "models._efficientnet_blocks.EdgeResidual": _has_skip,
    "models._efficientnet_blocks.InvertedResidual": _has_skip,
    "models._efficientnet_blocks.MobileAttention": _mobile_attention,
    "models._efficientnet_blocks.SqueezeExcite": _gate,
    "models._efficientnet_blocks.UniversalInvertedResidual": _has_skip,
    "models.beit.Block": _two,
    "models.byobnet.BasicBlock": _optional_shortcut,
    "models.byobnet.BottleneckBlock": _optional_shortcut,
    "models.byobnet.DarkBlock": _optional_shortcut,
    "models.byobnet.EdgeBlock": _optional_shortcut,
    "models.byobnet.MobileOneBlock": _branches,
    "models.byobnet.RepVggBlock": _repvgg,
    "models.byobnet.SelfAttnBlock": _optional_shortcut,
    "models.cait.LayerScaleBlock": _two,
    "models.cait.LayerScaleBlockClassAttn": _two,
    "models.coat.ConvPosEnc": _one,
    "models.coat.FactorAttnConvRelPosEnc": _relative,
    "models.coat.SerialBlock": _two,
    "models.convit.Block": _two,
    "models.convmixer.Residual": _one,
    "models.convnext.ConvNeXtBlock": _shortcut,
    "models.cpubone.ResidualBlock": _not_enlarging,
    "models.cspnet.BottleneckBlock": _one,
    "models.cspnet.DarkBlock": _one,
    "models.cspnext.CspNextBlock": lambda m: _skip() if m.add_identity else NOTHING,
    "models.davit.ChannelBlock": _mlp,
    "models.davit.ConvPosEnc": _one,
    "models.davit.SpatialBlock": _mlp,
    "models.deit.VisionTransformerDistilled": _distilled,
    "models.dla.DlaBasic": _one,
    "models.dla.DlaBottle2neck": _dla_res2net,
    "models.dla.DlaBottleneck": _one,
    "models.dla.DlaRoot": _dla_root,
    "models.dla.DlaTree": _dla_tree,
    "models.dpn.DualPathBlock": _dual_path,
    "models.edgenext.ConvBlock": _one,
    "models.edgenext.SplitTransposeBlock": _split_transpose,
    "models.efficientformer.EfficientFormer": _distilled,
    "models.efficientformer.MetaBlock1d": _two,
    "models.efficientformer.MetaBlock2d": _two,
    "models.efficientformer_v2.Attention2d": _attention_2d,
    "models.efficientformer_v2.Attention2dDownsample": _attention_2d,
    "models.efficientformer_v2.Downsample": _two_branches,
    "models.efficientformer_v2.EfficientFormerV2": _distilled,
    "models.efficientformer_v2.EfficientFormerV2Block": _token_mixer,
    "models.efficientvit_mit.ResidualBlock": _optional_shortcut,
    "models.efficientvit_msra.CascadedGroupAttention": _cascade,
    "models.efficientvit_msra.ResidualDrop": _one,
    "models.eva.EvaBlock": _two,
    "models.fasternet.MLPBlock": _one,
    "models.fastvit.AttentionBlock": _two,
    "models.fastvit.MobileOneBlock": _branches,
    "models.fastvit.RepConditionalPosEnc": _rep_pos,
    "models.fastvit.RepMixer": _rep_mixer,
    "models.fastvit.RepMixerBlock": _one,
    "models.fastvit.ReparamLargeKernelConv": _large_kernel,
    "models.focalnet.FocalModulation": _focal,
    "models.focalnet.FocalNetBlock": _two,
    "models.gcvit.GlobalContextVitBlock": _two,
    "models.gcvit.MbConvBlock": _one,
    "models.ghostnet.GhostBottleneck": _ghost,
    "models.ghostnet.GhostBottleneckV3": _ghost_bottleneck_v3,
    "models.ghostnet.GhostModuleV3": _ghost_v3,
    "models.hgnet.HighPerfGpuBlock": _residual,
    "models.hrnet.HighResolutionModule": _hrnet,
    "models.hrnet.HighResolutionNet": _hrnet_head,
    "models.iformer.Residual": _one,
    "models.inception_next.MetaNeXtBlock": _one,
    "models.inception_resnet_v2.Block17": _one,
    "models.inception_resnet_v2.Block35": _one,
    "models.inception_resnet_v2.Block8": _one,
    "models.lcnetv2.RepDepthwiseSeparable": _rep_depthwise,
    "models.levit.LevitBlock": _two,
    "models.levit.LevitDistilled": _levit_head,
    "models.levit.LevitDownsample": _one,
    "models.lowformer.ResidualBlock": _not_enlarging,
    "models.mambaout.GatedConvBlock": _one,
    "models.maxxvit.ConvNeXtBlock": _shortcut,
    "models.maxxvit.MbConvBlock": _shortcut,
    "models.maxxvit.PartitionAttentionCl": _two,
    "models.maxxvit.TransformerBlock2d": _transformer_2d,
    "models.metaformer.MetaFormerBlock": _meta_former,
    "models.mlp_mixer.MixerBlock": _two,
    "models.mlp_mixer.ResBlock": _two,
    "models.mlp_mixer.SpatialGatingBlock": _one,
    "models.mobilevit.LinearTransformerBlock": _two,
    "models.nest.TransformerLayer": _two,
    "models.nextvit.NextConvBlock": _two,
    "models.nextvit.NextTransformerBlock": _three,
    "models.nfnet.NormFreeBlock": _downsample,
    "models.pvt_v2.Block": _two,
    "models.regnet.Bottleneck": _optional_downsample,
    "models.regnet.PreBottleneck": _optional_downsample,
    "models.repghost.RepGhostBottleneck": _shortcut,
    "models.repghost.RepGhostModule": _repghost,
    "models.repvit.RepVggDw": _rep_vgg_dw,
    "models.repvit.RepViTBlock": _one,
    "models.repvit.RepVitClassifier": _two_heads,
    "models.repvit.RepVitDownsample": _one,
    "models.res2net.Bottle2neck": _res2net,
    "models.resnest.ResNestBottleneck": _downsample,
    "models.resnet.BasicBlock": _downsample,
    "models.resnet.Bottleneck": _downsample,
    "models.resnetv2.PreActBasic": _downsample,
    "models.resnetv2.PreActBottleneck": _downsample,
    "models.rexnet.LinearBottleneck": lambda m: _skip() if m.use_shortcut else NOTHING,
    "models.senet.SEBottleneck": _downsample,
    "models.senet.SEModule": _gate,
    "models.senet.SEResNeXtBottleneck": _downsample,
    "models.senet.SEResNetBlock": _downsample,
    "models.senet.SEResNetBottleneck": _downsample,
    "models.sequencer.Sequencer2dBlock": _two,
    "models.shvit.Residual": _one,
    "models.sknet.SelectiveKernelBasic": _downsample,
    "models.sknet.SelectiveKernelBottleneck": _downsample,
    "models.starnet.Block": _one,
    "models.swiftformer.Block": _two,
    "models.swiftformer.ConvEncoder": _one,
    "models.swiftformer.EfficientAdditiveAttention": _relative,
    "models.swiftformer.LocalRepresentation": _one,
    "models.swiftformer.SwiftFormer": _distilled,
    "models.swin_transformer.SwinTransformerBlock": _two,
    "models.swin_transformer_v2.SwinTransformerV2Block": _two,
    "models.swin_transformer_v2_cr.SwinTransformerV2CrBlock": _two,
    "models.tiny_vit.MBConv": _one,
    "models.tiny_vit.TinyVitBlock": _two,
    "models.tnt.Block": _tnt,
    "models.tresnet.BasicBlock": _downsample,
    "models.tresnet.Bottleneck": _downsample,
    "models.twins.Block": _two,
    "models.twins.PosConv": _pos_conv,
    "models.visformer.Block": _visformer,
    "models.vision_transformer.Block": _two,
    "models.vision_transformer_relpos.RelPosBlock": _two,
    "models.vitamin.MbConvLNBlock": _shortcut,
    "models.volo.ClassBlock": _two,
    "models.volo.Outlooker": _two,
    "models.volo.Transformer": _two,
    "models.volo.VOLO": _volo,
    "models.vovnet.OsaBlock": _residual,
    "models.xception.Block": lambda m: _skip(m.skip is not None),
    "models.xception_aligned.PreXceptionModule": _xception,
    "models.xception_aligned.XceptionModule": _xception,
    "models.xcit.ClassAttentionBlock": _two,
    "models.xcit.XCABlock": _three,
    "models.xcit.Xcit": _xcit,
}

# Attention with a table of positions and a mask: how these are summed depends on the input's size,
# and none of it has a skip.
UNCOUNTED = {
    "layers.pos_embed_rel.RelPosBias",
    "models.convit.GPSA",
    "models.eva.EvaAttention",
    "models.swin_transformer.WindowAttention",
    "models.swin_transformer_v2.WindowAttention",
    "models.swin_transformer_v2_cr.WindowMultiHeadAttention",
}


def _name(module):
    kind = type(module)
    return f"{kind.__module__.removeprefix('timm.')}.{kind.__name__}"


class _Additions(TorchDispatchMode):
    """Counts additions of two computed float tensors of one shape by the innermost module."""

    def __init__(self, running):
        super().__init__()
        self.running = running
        self.seen = collections.Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor):
            a, b = args[:2]
            if self._counts(a) and self._counts(b) and a.shape == b.shape:
                self.seen[self.running[-1]] += 1
        return function(*args, **(kwargs or {}))

    @staticmethod
    def _counts(value):
        return (
            isinstance(value, torch.Tensor)
            and value.is_floating_point()
            and value.dim() > 0
            and not isinstance(value, nn.Parameter)
        )


class _Calls:
    """Which module runs, from where: the path of a call is its caller's and the module's own name
    there, which is also how TorchScript names nodes.
    """

    def __init__(self, model):
        self.paths = {module: path for path, module in model.named_modules()}
        self.running = [model]
        self.places = [""]
        self.count = collections.Counter()

    def enter(self, module, _):
        caller, place, path = self.paths[self.running[-1]], self.places[-1], self.paths[module]
        if caller and not path.startswith(caller + "."):
            name = path.rsplit(".", 1)[-1]  # a module that its caller shares with others
        else:
            name = path[len(caller) + 1 :] if caller else path
        place = f"{place}.{name}" if place and name else place or name
        self.running.append(module)
        self.places.append(place)
        self.count[module, place] += 1

    def leave(self, *_):
        self.running.pop()
        self.places.pop()


def count(model, x):
    """(Count of the whole model, path of a module -> its additions with a skip), or (None, why it
    is not counted).
    """
    calls, hooks = _Calls(model), []
    for module in model.modules():
        hooks.append(module.register_forward_pre_hook(calls.enter))
        hooks.append(module.register_forward_hook(calls.leave))
    try:
        with torch.no_grad(), _Additions(calls.running) as additions:
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    total, where = NOTHING, {}
    times = collections.Counter()
    for (module, place), n in calls.count.items():
        rule = RULES.get(_name(module))
        one = rule(module) if rule else NOTHING
        if one is None:
            return None, f"{_name(module)}: no rule for this form"
        times[module, one] += n
        for _ in range(n):
            total += one
        if one.additions:
            where[place] = one.additions * n
    for (module, one), n in times.items():
        said, seen = (one.additions + one.others) * n, additions.seen[module]
        if said != seen and _name(module) not in UNCOUNTED:
            return None, f"{_name(module)}: {seen} additions ran, {said} by its rule"
    return total, where
