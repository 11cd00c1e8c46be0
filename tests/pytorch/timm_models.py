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

# Further families, and further forms of the families above.
MORE = (
    "resnet14t seresnet33ts gcresnet33ts sebotnet33ts_256 bat_resnext26ts lambda_resnet26t "
    "resnetaa50 resnetrs50 ecaresnet26t seresnet18 resnest26d selecsls60 dla46_c dla60_res2net "
    "legacy_seresnext26_32x4d resnetv2_18 resnetv2_50d_gn resnetv2_50x1_bit nf_ecaresnet26 "
    "nf_seresnet26 nf_regnet_b0 nfnet_l0 skresnext50_32x4d res2next50 regnetx_004_tv "
    "regnety_008_tv regnetz_b16 regnety_040_sgn xception41p legacy_xception mobilenetv3_rw "
    "fbnetv3_b tinynet_e lcnet_035 mixnet_m efficientnetv2_s tf_efficientnet_lite0 "
    "gc_efficientnetv2_rw_t mnasnet_small tf_efficientnet_cc_b0_4e mobilenetv4_hybrid_medium "
    "mobilenet_edgetpu_v2_xs cs3darknet_focus_s cs3sedarknet_l cspresnext50 darknet17 sedarknet21 "
    "cspnext_tiny edgenext_x_small ghostnetv2_100 ghostnetv3_050 repghostnet_080 repvgg_b0 "
    "repvit_m0_9 fasternet_t0 starnet_s050 mambaout_femto inception_next_atto convformer_s18 "
    "hgnet_tiny lcnetv2_small mobilevit_xs mobilevitv2_050 pvt_v2_b0 eca_vovnet39b ese_vovnet39b "
    "dpn68b inception_v4 rexnetr_100 tresnet_m convnext_atto_rms convnextv2_femto resnet50_gn "
    "efficientformer_l1 efficientvit_m0 efficientvit_l1 shvit_s1 swiftformer_xs lowformer_b0 "
    "cpubone_nano iformer_t cait_xxs24_224 gmlp_ti16_224 tiny_vit_5m_224 twins_svt_small"
).split()

EVERY = (*NAMED, *OTHERS, *MORE)

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
    "sebotnet33ts_256": 256,
    "bat_resnext26ts": 256,
    "inception_v4": 96,
    "efficientformer_l1": 224,
    "cait_xxs24_224": 224,
    "gmlp_ti16_224": 224,
}

# Two norms read one value here, and are equal as they are drawn: an exporter makes them one, which
# it does not with trained weights. So these have their norms drawn anew.
DRAWN = ("fastvit_t8", "dpn48b", "dpn68b")


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
