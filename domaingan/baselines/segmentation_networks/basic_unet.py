"""MONAI's BasicUNet: a small U-Net for scans (Falk et al. 2019, https://doi.org/10.1038/s41592-018-0261-2)."""

from __future__ import annotations

from monai.networks.nets.basic_unet import BasicUNet, UpCat
from torch import nn

from domaingan.baselines.segmentation_networks.base import NetworkFamily, NetworkPlan
from domaingan.baselines.segmentation_networks.layers import replace_layers


def build_basic_unet(plan: NetworkPlan) -> nn.Module:
    """Build a U-Net of five levels, whose channels double three times from ``plan.width``.

    Args:
        plan: what it is built from; edges of its patch are multiples of 16.
    """
    width = plan.width
    assert width is not None
    features = (width, width, 2 * width, 4 * width, 8 * width, width)
    network: nn.Module = BasicUNet(plan.schema.spatial_dims, len(plan.schema.channels), plan.n_classes, features)
    replace_layers(network)
    _disable_padding(network)
    return network


def _disable_padding(network: nn.Module) -> None:
    """Disable padding, which autocast does in float32.

    Patches are multiples of ``Domain.patch_divisor``, so that nothing needs padding. All that follows then stays in
    bfloat16: a step in 2D takes a quarter less time, and the output is the same.
    """
    for module in network.modules():
        if isinstance(module, UpCat):
            module.is_pad = False


BASIC_UNET = NetworkFamily(build_basic_unet)
