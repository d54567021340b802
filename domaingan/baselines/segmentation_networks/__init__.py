"""The networks that a segmenter can have: a small U-Net by default, others by name; one file for each family."""

from __future__ import annotations

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.segmentation_networks.base import NetworkFamily, NetworkPlan, read_plan
from domaingan.baselines.segmentation_networks.basic_unet import BASIC_UNET
from domaingan.baselines.segmentation_networks.dynunet import DYNUNET
from domaingan.baselines.segmentation_networks.encoder_networks import DEEPLABV3PLUS, ENCODER_UNET, FPN
from domaingan.baselines.segmentation_networks.segresnet import SEGRESNET
from domaingan.core.errors import DataError
from domaingan.data import Domain

SEGMENTATION_NETWORKS: dict[str, NetworkFamily] = {
    "basicunet": BASIC_UNET,
    "dynunet": DYNUNET,
    "segresnet": SEGRESNET,
    "unet": ENCODER_UNET,
    "deeplabv3plus": DEEPLABV3PLUS,
    "fpn": FPN,
}
"""Families of networks by name. The first of those for scans, and the first of those for frames, is the default."""

DEFAULT_WIDTH = 16
"""Channels of the first level of a network for scans."""


def list_networks(domain: Domain) -> list[str]:
    """List the networks for images of a domain, the default first.

    Args:
        domain: scans or frames.

    >>> from domaingan.data import SCAN
    >>> list_networks(SCAN)
    ['basicunet', 'dynunet', 'segresnet']
    """
    return [name for name, family in SEGMENTATION_NETWORKS.items() if family.is_rgb == domain.is_rgb]


def check_network(network: str, domain: Domain, width: int | None, backbone: Backbone | None) -> None:
    """Refuse a network that is not for these images, or that cannot have this width or backbone.

    Args:
        network: name of its family.
        domain: scans or frames.
        width: channels of its first level; None for a family without a width.
        backbone: its timm encoder; None for a family without one.

    Raises:
        DataError: there is no such network for these images, or it does not have what is asked for.
    """
    names = list_networks(domain)
    if network not in names:
        raise DataError(f"network {network!r} for {domain}s", expected=f"one of {', '.join(names)}")
    family = SEGMENTATION_NETWORKS[network]
    if family.is_rgb:
        if width is not None:
            raise DataError(f"width {width} for network {network!r}", expected="a backbone, which decides its width")
        return
    if backbone is not None:
        raise DataError(f"backbone {backbone.name!r} for network {network!r}", expected="a width: it has no backbone")
    if width is not None and (width % family.width_multiple or not 1 <= width <= family.max_width):
        expected = f"a width up to {family.max_width}"
        if family.width_multiple > 1:
            expected = f"a multiple of {family.width_multiple} up to {family.max_width}"
        raise DataError(f"width {width} for network {network!r}", expected=expected)


__all__ = [
    "DEFAULT_WIDTH",
    "SEGMENTATION_NETWORKS",
    "NetworkFamily",
    "NetworkPlan",
    "check_network",
    "list_networks",
    "read_plan",
]
