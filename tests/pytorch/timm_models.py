"""timm's models for the check of additions, projections and gates, and their exports.

A model comes with its weights as they are drawn, and an input of the smallest size that it takes:
which blocks stand in a graph depends on neither. Equal fresh weights make the exporters share
tensors and drop biases, which is the harder case to match.
"""

import warnings

# Every one of these counts.
NAMED = (
    "resnetv2_50 seresnet50 seresnext26d_32x4d legacy_seresnet18 resnet50d regnety_008 regnetz_005 "
    "gernet_s tf_efficientnet_b0 efficientnetv2_rw_t mobilenetv3_small_100 mnasnet_100 tinynet_a "
    "cspresnet50 dla34 hrnet_w18_small res2net50_26w_4s gcresnet50t ghostnet_100 repvgg_a0 "
    "vit_tiny_patch16_224"
).split()

OTHERS = (
    "resnet26d resnext50_32x4d skresnet18 ecaresnet50t resnest14d regnetx_002 regnety_002 "
    "regnetv_040 efficientnet_lite0 efficientnet_es mobilenetv2_100 mobilenetv3_large_100 "
    "mobilenetv4_conv_small fbnetc_100 spnasnet_100 hardcorenas_a lcnet_050 rexnet_100 mixnet_s "
    "convnext_atto convnextv2_atto poolformer_s12 darknet53 cspdarknet53 ese_vovnet19b_dw dpn48b "
    "densenet121 inception_resnet_v2 xception41 nf_resnet26 mobileone_s0 deit_tiny_patch16_224 "
    "mixer_s32_224 swin_tiny_patch4_window7_224 levit_128s coat_lite_tiny xcit_nano_12_p16_224 "
    "edgenext_xx_small efficientvit_b0 fastvit_t8 visformer_tiny resmlp_12_224 mobilevit_xxs "
    "selecsls42 mobilenetv1_100 resnetblur18 eca_nfnet_l0 hgnetv2_b0 convmixer_768_32 "
    "repghostnet_050 starnet_s1 inception_next_tiny semnasnet_075 resnet32ts "
    "gcresnext26ts pit_ti_224 botnet26t_256 tf_efficientnetv2_b0 resnet18 vovnet39a"
).split()

# The fixed dozen of a quick run: small ones, one a family.
QUICK = (
    "legacy_seresnet18 resnet26d regnety_002 regnetz_005 mobilenetv3_small_100 mnasnet_100 "
    "skresnet18 repvgg_a0 ghostnet_100 convnext_atto lcnet_050 res2net50_26w_4s rexnet_100"
).split()

# Sides of the input where 64 is too small: filters without padding, or a fixed size of input.
SIDES = {
    "inception_resnet_v2": 96,
    "vit_tiny_patch16_224": 224,
    "deit_tiny_patch16_224": 224,
    "mixer_s32_224": 224,
    "swin_tiny_patch4_window7_224": 224,
    "levit_128s": 224,
    "coat_lite_tiny": 224,
    "visformer_tiny": 224,
    "resmlp_12_224": 224,
    "pit_ti_224": 224,
    "botnet26t_256": 256,
}

# Two norms read one value here, and are equal as they are drawn: an exporter makes them one, which
# it does not with trained weights. So these have their norms drawn anew.
DRAWN = ("fastvit_t8", "dpn48b")


def _draw_norms(model):
    import torch

    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                for tensor in (m.weight, m.running_var):
                    tensor.copy_(torch.rand_like(tensor) + 0.5)
                for tensor in (m.bias, m.running_mean):
                    tensor.copy_(torch.randn_like(tensor) * 0.2)


def create(name):
    """The model in eval mode, and an input for it."""
    import tvops  # noqa: F401, I001  (declares what torchvision wants: comes first)
    import timm
    import torch

    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = timm.create_model(name, pretrained=False).eval()
    if name in DRAWN:
        _draw_norms(model)
    side = SIDES.get(name, 64)
    return model, torch.randn(1, 3, side, side)
