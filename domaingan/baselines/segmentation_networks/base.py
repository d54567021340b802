"""What a segmentation network is built from, and what is known of each family of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from domaingan.baselines.backbones import Backbone
from domaingan.baselines.batches import list_class_values
from domaingan.baselines.weights import restore_schema
from domaingan.data import Schema


@dataclass(frozen=True)
class NetworkPlan:
    """What a segmentation network is built from.

    Attributes:
        network: name of its family, a key of
            :data:`domaingan.baselines.segmentation_networks.SEGMENTATION_NETWORKS`.
        schema: names the domain, the dimensions and the channels.
        patch: spatial shape that it is trained on.
        spacing: size of a pixel or voxel along each axis, in mm; 1 where nothing is known.
        width: channels of the first level, of families that have a width.
        backbone: the timm encoder, of families that have one.
    """

    network: str
    schema: Schema
    patch: tuple[int, ...]
    spacing: tuple[float, ...] = ()
    width: int | None = None
    backbone: Backbone | None = None

    @property
    def n_classes(self) -> int:
        """Number of output channels: the classes of the schema and the background."""
        return len(list_class_values(self.schema))

    def to_dict(self) -> dict[str, Any]:
        """Turn the plan into plain values for a JSON file; :func:`read_plan` reads them."""
        return {
            "network": self.network,
            "schema": self.schema.to_dict(),
            "patch": self.patch,
            "spacing": self.spacing,
            "width": self.width,
            "backbone": None if self.backbone is None else self.backbone.name,
        }


def read_plan(stored: Mapping[str, Any]) -> NetworkPlan:
    """Read the plan of a saved model.

    Args:
        stored: what :meth:`NetworkPlan.to_dict` returned. Models of format 1 do not say which network they are, and
            have a width even with a backbone.
    """
    schema = restore_schema(stored)
    backbone = None if stored["backbone"] is None else Backbone(stored["backbone"])
    default_network = "basicunet" if backbone is None else "unet"
    width = stored["width"] if backbone is None else None
    return NetworkPlan(
        stored.get("network", default_network),
        schema,
        tuple(stored["patch"]),
        tuple(stored.get("spacing", ())),
        width,
        backbone,
    )


@dataclass(frozen=True)
class NetworkFamily:
    """A family of segmentation networks.

    Attributes:
        build: builds the network of a plan, with random weights of PyTorch's global generator. It maps
            ``(B, C, *patch)`` scaled images to ``(B, classes, *patch)`` logits. A network with deep supervision returns
            ``(B, heads, classes, *patch)`` in training, the final output first.
        is_rgb: whether it is for frames, with a timm encoder; else it is for scans, with a width.
        width_multiple: the width must be a multiple of this.
        max_width: the widest that is accepted.
    """

    build: Callable[[NetworkPlan], nn.Module]
    is_rgb: bool = False
    width_multiple: int = 1
    max_width: int = 2048
