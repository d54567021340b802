"""MONAI's SegResNet: a residual encoder with a light decoder, for scans."""

from __future__ import annotations

from monai.networks.nets.segresnet import SegResNet
from torch import nn

from domaingan.baselines.segmentation_networks.base import NetworkFamily, NetworkPlan
from domaingan.baselines.segmentation_networks.layers import replace_layers


def build_segresnet(plan: NetworkPlan) -> nn.Module:
    """Build a SegResNet (Myronenko 2018, https://arxiv.org/abs/1810.11654), without its auxiliary autoencoder.

    Args:
        plan: what it is built from; its width is a multiple of 8, and doubles three times.
    """
    network: nn.Module = SegResNet(
        spatial_dims=plan.schema.spatial_dims,
        init_filters=plan.width,
        in_channels=len(plan.schema.channels),
        out_channels=plan.n_classes,
    )
    replace_layers(network)
    return network


SEGRESNET = NetworkFamily(build_segresnet, width_multiple=8)
"""Its group normalisation has 8 groups."""
