"""MONAI's DynUNet: the network of nnU-Net, planned from patch and spacing, with deep supervision, for scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.networks.nets.dynunet import DynUNet
from torch import Tensor, nn

from domaingan.baselines.segmentation_networks.base import NetworkFamily, NetworkPlan
from domaingan.baselines.segmentation_networks.layers import replace_layers

MIN_FEATURE_EDGE = 4
"""An axis is halved as long as this many pixels are left of it."""

MAX_SPACING_RATIO = 2.0
"""An axis whose spacing is at least this many times the finest is neither halved nor convolved across, until the other
axes are as coarse."""

MAX_CHANNELS = {2: 512, 3: 320}
"""Most channels of a level, by dimensions."""

MAX_SUPERVISED_LEVELS = 3
"""Levels of the decoder below the finest that get a loss of their own."""

AxisFactors = list[tuple[int, ...]]
"""A factor for each axis, for each level."""


def plan_levels(patch: Sequence[int], spacing: Sequence[float]) -> tuple[AxisFactors, AxisFactors]:
    """Plan the levels of a U-Net by the rule of nnU-Net (Isensee et al. 2021).

    At each level those axes are halved that have at least twice :data:`MIN_FEATURE_EDGE` pixels, and whose spacing is
    less than :data:`MAX_SPACING_RATIO` times the finest among them. A kernel is 3 wide along axes whose spacing is less
    than that ratio times the finest, once and for all; it is 1 wide along the others. See
    https://doi.org/10.1038/s41592-020-01008-z.

    Args:
        patch: spatial shape that is trained on, in pixels.
        spacing: size of a pixel along each axis, in mm.

    Returns:
        The kernels and the strides of each level, from the finest. The first stride is 1 everywhere.

    >>> plan_levels((32, 32, 8), (1.0, 1.0, 4.0))
    ([(3, 3, 1), (3, 3, 1), (3, 3, 3), (3, 3, 3)], [(1, 1, 1), (2, 2, 1), (2, 2, 1), (2, 2, 2)])
    """
    dims = len(patch)
    edges, steps = list(patch), list(spacing)
    kernels = [_choose_kernel(steps, (1,) * dims)]
    strides: AxisFactors = [(1,) * dims]
    while True:
        halved = _choose_halved_axes(edges, steps)
        if not halved:
            return kernels, strides
        strides.append(tuple(2 if axis in halved else 1 for axis in range(dims)))
        for axis in halved:
            edges[axis] //= 2
            steps[axis] *= 2
        kernels.append(_choose_kernel(steps, kernels[-1]))


def _choose_halved_axes(edges: Sequence[int], steps: Sequence[float]) -> list[int]:
    """Choose the axes that the next level halves; none where all are small."""
    large = []
    for axis, edge in enumerate(edges):
        if edge >= 2 * MIN_FEATURE_EDGE and edge % 2 == 0:
            large.append(axis)
    if not large:
        return []
    finest = min(steps[axis] for axis in large)
    return [axis for axis in large if steps[axis] < MAX_SPACING_RATIO * finest]


def _choose_kernel(steps: Sequence[float], previous: Sequence[int]) -> tuple[int, ...]:
    """Choose the kernel of a level; what was 3 wide at the level before stays so."""
    finest = min(steps)
    kernel = []
    for step, width in zip(steps, previous, strict=True):
        is_wide = width == 3 or step < MAX_SPACING_RATIO * finest
        kernel.append(3 if is_wide else 1)
    return tuple(kernel)


class SupervisedDynUNet(DynUNet):  # type: ignore[misc]
    """DynUNet, which forgets the outputs of its supervised levels after each step, so that it can be copied.

    Args:
        **settings: those of MONAI's network.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, *patch)`` to ``(B, classes, *patch)``, in training to ``(B, heads, classes, *patch)``."""
        logits: Tensor = super().forward(x)
        for level in range(len(self.heads)):
            self.heads[level] = x.new_zeros(1)
        return logits


def build_dynunet(plan: NetworkPlan) -> nn.Module:
    """Build a DynUNet with deep supervision, whose channels double from ``plan.width`` up to :data:`MAX_CHANNELS`.

    Args:
        plan: what it is built from; edges of its patch are multiples of 16.
    """
    dims, width = plan.schema.spatial_dims, plan.width
    assert width is not None
    kernels, strides = plan_levels(plan.patch, plan.spacing or (1.0,) * dims)
    filters = [min(width * 2**level, MAX_CHANNELS[dims]) for level in range(len(strides))]
    n_upsampled = len(strides) - 1
    network = SupervisedDynUNet(
        spatial_dims=dims,
        in_channels=len(plan.schema.channels),
        out_channels=plan.n_classes,
        kernel_size=kernels,
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=filters,
        deep_supervision=True,
        deep_supr_num=min(MAX_SUPERVISED_LEVELS, n_upsampled - 1),
    )
    replace_layers(network)
    return network


DYNUNET = NetworkFamily(build_dynunet, max_width=320)
