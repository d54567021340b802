"""Turns images of any number of channels and dimensions into pictures that a network can see."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def make_views(images: Tensor, channels: int | None, spatial_dims: int, rgb: bool) -> list[Tensor]:
    """Make the pictures that a network sees of images.

    Args:
        images: ``(N, C, *size)`` with 2 or 3 spatial dimensions.
        channels: how many the network takes; None for any number.
        spatial_dims: dimensions of what the network takes.
        rgb: whether three channels are the colours of one picture.

    Returns:
        One or several ``(N, channels, *size)``. Where the channels do not fit, each is a grey picture of its own; where
        the network takes pictures, a volume is shown as its three middle slices.
    """
    n_channels = images.shape[1]
    has_volumes = images.ndim == 5
    is_colour = rgb and not has_volumes
    if channels is None or (n_channels == channels and (n_channels != 3 or is_colour)):
        views = [images]
    else:
        views = [channel.repeat_interleave(channels, 1) for channel in images.split(1, 1)]
    if not has_volumes or spatial_dims == 3:
        return views
    slices = []
    for view in views:
        for axis in (2, 3, 4):
            slices.append(view.select(axis, view.shape[axis] // 2))
    return slices


def resize_pictures(pictures: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize pictures ``(N, C, *)`` linearly and without aliasing; volumes are averaged where they shrink."""
    if tuple(pictures.shape[2:]) == size:
        return pictures
    if len(size) == 2:
        return functional.interpolate(pictures, size, mode="bilinear", antialias=True)
    depth, height, width = pictures.shape[2:]
    smaller = (min(depth, size[0]), min(height, size[1]), min(width, size[2]))
    averaged = functional.adaptive_avg_pool3d(pictures, smaller)
    return functional.interpolate(averaged, size, mode="trilinear")
