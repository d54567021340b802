"""Images of any number of channels and dimensions as the pictures that a network can see."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def make_views(images: Tensor, channels: int | None, spatial_dims: int, rgb: bool) -> list[Tensor]:
    """The pictures ``(N, channels, *size)`` that a network is shown of images ``(N, C, *size)``.

    Args:
        images: with 2 or 3 spatial dimensions.
        channels: what the network takes; None for any number.
        spatial_dims: what the network takes.
        rgb: three channels are the colours of one picture.
    """
    n = images.shape[1]
    volumes = images.ndim == 5
    together = channels is None or (n == channels and (n != 3 or (rgb and not volumes)))
    shown = [images] if together else [channel.repeat_interleave(channels or 1, 1) for channel in images.split(1, 1)]
    if not volumes or spatial_dims == 3:
        return shown
    return [view.select(axis, view.shape[axis] // 2) for view in shown for axis in (2, 3, 4)]


def resize_pictures(pictures: Tensor, size: tuple[int, ...]) -> Tensor:
    """Pictures ``(N, C, *)`` at ``size``: linearly and without aliasing; volumes are averaged where they shrink."""
    if tuple(pictures.shape[2:]) == size:
        return pictures
    if len(size) == 2:
        return functional.interpolate(pictures, size, mode="bilinear", antialias=True)
    depth, height, width = (min(old, new) for old, new in zip(pictures.shape[2:], size, strict=True))
    averaged = functional.adaptive_avg_pool3d(pictures, (depth, height, width))
    return functional.interpolate(averaged, size, mode="trilinear")
