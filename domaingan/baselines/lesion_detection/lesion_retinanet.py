"""MONAI's RetinaNet for scans, in 2D and 3D, with anchors planned from the lesions that it is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.networks.retinanet_network import RetinaNet
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from monai.networks.blocks.backbone_fpn_utils import BackboneWithFPN
from monai.networks.nets.resnet import ResNet
from numpy.typing import NDArray
from torch import Tensor, nn

from domaingan.baselines.segmentation_networks.layers import replace_layers
from domaingan.core.devices import ON_CPU, ComputeSettings
from domaingan.data import Schema

LESION_STRIDES = (4, 8, 16)
"""Strides of the levels of the feature pyramid."""

ANCHOR_OCTAVES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
"""Sizes of the anchors of a level, as factors; the next level's are twice as large (Lin et al. 2017)."""

SMALL_LESION_QUANTILE = 0.25
"""This quantile of the lesions' edges, along each axis, is the smallest anchor."""

MIN_ANCHOR_EDGE = 3.0

DETECTION_SETTINGS = {"score_thresh": 0.02, "nms_thresh": 0.22, "detections_per_img": 100}
"""Which boxes are returned; boxes of one lesion hardly overlap those of another (as in MONAI's LUNA16 recipe)."""

MIN_WINDOW_OVERLAP = 0.25
"""A window shares at least this share of its edge with the next one."""


@dataclass(frozen=True)
class LesionNetworkPlan:
    """What a detector of lesions is built from.

    Attributes:
        schema: names the dimensions and the channels.
        values: class values of lesions, the rarest first.
        patch: spatial shape that it is trained on.
        anchor: edges of its smallest anchor along each axis, in pixels.
        width: channels of the first level; they double three times.
    """

    schema: Schema
    values: tuple[int, ...]
    patch: tuple[int, ...]
    anchor: tuple[float, ...]
    width: int = 16

    def to_dict(self) -> dict[str, Any]:
        """Turn the plan into plain values for a JSON file."""
        return {
            "schema": self.schema.to_dict(),
            "values": self.values,
            "patch": self.patch,
            "anchor": self.anchor,
            "width": self.width,
        }


def plan_anchor(edges: NDArray[np.float32]) -> tuple[float, ...]:
    """Plan the smallest anchor from the lesions of the training people.

    Args:
        edges: ``(N, dims)`` edges of their boxes in pixels.

    >>> plan_anchor(np.array([[4, 8], [8, 16], [12, 24]], np.float32))
    (6.0, 12.0)
    """
    small = np.quantile(edges, SMALL_LESION_QUANTILE, axis=0)
    return tuple(np.maximum(small, MIN_ANCHOR_EDGE).astype(float).round(2).tolist())


class LesionRetinaNet(RetinaNet):  # type: ignore[misc]
    """MONAI's RetinaNet, whose outputs are float32 whatever the precision: boxes are computed from them.

    Args:
        compute: precision of the forward pass.
        **settings: those of MONAI's network.
    """

    def __init__(self, compute: ComputeSettings, **settings: Any) -> None:
        super().__init__(**settings)
        self.compute = compute

    def forward(self, images: Tensor) -> dict[str, list[Tensor]]:
        """Map ``(B, C, *spatial)`` to the maps of class logits and of boxes, by name and level."""
        with self.compute.autocast():
            maps = super().forward(images)
        converted = {}
        for name, levels in maps.items():
            converted[name] = [level.float() for level in levels]
        return converted


def build_lesion_detector(plan: LesionNetworkPlan, seed: int, compute: ComputeSettings = ON_CPU) -> nn.Module:
    """Build a RetinaNet on a small residual network with a feature pyramid, with weights drawn by a seed.

    Anchors are matched by ATSS (Zhang et al. 2020, https://arxiv.org/abs/1912.02424), and the anchors without a lesion
    that the network finds hardest are trained on, as in nnDetection (Baumgartner et al. 2021,
    https://arxiv.org/abs/2106.00817).

    Args:
        plan: what it is built from.
        seed: seeds the weights.
        compute: precision of the forward pass; the network stays on the CPU.

    Returns:
        MONAI's ``RetinaNetDetector``: in training it maps images and targets to losses, else images to detections.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _build_network(plan, compute)
    scales = [stride // LESION_STRIDES[0] for stride in LESION_STRIDES]
    shapes = [[edge * octave for edge in plan.anchor] for octave in ANCHOR_OCTAVES]
    detector: Any = RetinaNetDetector(network, AnchorGeneratorWithAnchorShape(scales, shapes))
    detector.set_atss_matcher(num_candidates=4, center_in_gt=False)
    detector.set_hard_negative_sampler(batch_size_per_image=64, positive_fraction=0.33, pool_size=20, min_neg=16)
    detector.set_target_keys(box_key="boxes", label_key="labels")
    detector.set_box_selector_parameters(topk_candidates_per_level=1000, **DETECTION_SETTINGS)
    overlaps = [choose_overlap(edge) for edge in plan.patch]
    detector.set_sliding_window_inferer(plan.patch, sw_batch_size=1, overlap=overlaps, mode="gaussian")
    return detector


def choose_overlap(edge: int) -> float:
    """Choose how much windows overlap, so that they start at multiples of the coarsest stride.

    Else the maps of the coarse levels would be put together half a cell beside where they belong.

    Args:
        edge: of a window, in pixels; a multiple of the coarsest stride.

    Returns:
        A share of the edge. It is smaller by half a pixel, as the library rounds the distance of windows down.

    >>> int(48 * (1 - choose_overlap(48))), int(64 * (1 - choose_overlap(64)))
    (32, 48)
    """
    coarsest = LESION_STRIDES[-1]
    distance = max(1, int(edge * (1 - MIN_WINDOW_OVERLAP)) // coarsest) * coarsest
    return max(0.0, 1 - (distance + 0.5) / edge)


def _build_network(plan: LesionNetworkPlan, compute: ComputeSettings) -> nn.Module:
    dims = plan.schema.spatial_dims
    channels = [plan.width * 2**level for level in range(4)]
    backbone = ResNet(
        "basic",
        [1, 1, 1, 1],
        channels,
        spatial_dims=dims,
        n_input_channels=len(plan.schema.channels),
        conv1_t_size=3,
        conv1_t_stride=2,
        no_max_pool=True,
        feed_forward=False,
        norm=("instance", {"affine": True}),
    )
    _use_instance_norm(backbone, dims)
    returned = {"layer2": "0", "layer3": "1"}  # of strides 4 and 8; a pooled level of stride 16 is added
    pyramid = BackboneWithFPN(backbone, returned, channels[1:3], 4 * plan.width, dims)
    replace_layers(pyramid)
    return LesionRetinaNet(
        compute,
        spatial_dims=dims,
        num_classes=len(plan.values),
        num_anchors=len(ANCHOR_OCTAVES),
        feature_extractor=pyramid,
        size_divisible=LESION_STRIDES[-1],
    )


def _use_instance_norm(backbone: nn.Module, dims: int) -> None:
    """Replace batch normalisation, which MONAI keeps inside its blocks: batches have few patches."""
    norm = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[dims]
    for module in list(backbone.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(module, name, norm(child.num_features, affine=True))


def list_lesion_labels(values: Sequence[int]) -> list[int]:
    """List the class value of the network's labels 0, 1, …"""
    return sorted(values)
