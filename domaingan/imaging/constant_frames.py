"""Constant frames of a scan: padding, and what lies outside a round field of view or around a stripped brain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.imaging.mask_morphology import erode, find_rim

Image = NDArray[Any]
Mask = NDArray[np.bool_]

MAX_FRAMES = 4
"""So many frames are looked for, one inside another."""

MIN_FRAME_SHARE = 0.02
"""A frame takes at least this share of what is outermost."""

MAX_STRIPPED_BOX_FILL = 0.65
"""What fills less of its own box, inside a frame, has the shape of a body and is one: a field of view is a box or a
cylinder (0.79)."""


def find_frames(image: Image) -> Mask:
    """Find the frames around a scan: regions of one value in all channels, at the border or around one another.

    Args:
        image: ``(C, *spatial)``.

    Returns:
        ``(*spatial)`` booleans, true in all frames.
    """
    frames: Mask = np.zeros(image.shape[1:], dtype=bool)
    for _ in range(MAX_FRAMES):
        frame = _find_outermost_frame(image, frames)
        if frame is None:
            break
        frames |= frame
    return frames


def _find_outermost_frame(image: Image, known_frames: Mask) -> Mask | None:
    shown = ~known_frames
    rim = find_rim(shown)
    n = int(rim.sum())
    if not n:
        return None
    value = find_commonest_value(image[:, rim])
    same: Mask = shown.copy()
    for channel, one in zip(image, value, strict=True):
        same &= channel == one
    if (same & rim).sum() < MIN_FRAME_SHARE * n:
        return None
    labels, count = ndimage.label(same)
    # Of one value by chance is a voxel here and there, never a block of them.
    kept = np.zeros(count + 1, dtype=bool)
    kept[labels[rim & erode(same | known_frames)]] = True
    kept[0] = False
    frame: Mask = kept[labels]
    rest = shown & ~frame
    if (frame & rim).sum() < MIN_FRAME_SHARE * n or not rest.any():
        return None
    inside = [channel[rest] for channel in image]
    if all(channel.max() <= one for channel, one in zip(inside, value, strict=True)):
        return None  # saturated, and no background
    if known_frames.any() and not _is_frame_in_frame(shown, rest, inside, value):
        return None
    return frame


def _is_frame_in_frame(shown: Mask, rest: Mask, inside: list[NDArray[Any]], value: NDArray[Any]) -> bool:
    """Whether it surrounds a scan, and is not a body of one value with something brighter in it."""
    fill, share = _measure_box_fill(shown), rest.sum() / shown.sum()
    if fill > 0.97:
        return bool(share > 0.06)
    is_darkest = all(channel.min() >= one for channel, one in zip(inside, value, strict=True))
    return bool(fill > 0.7 and is_darkest and share > 0.1)


def find_commonest_value(values: NDArray[Any]) -> NDArray[Any]:
    """The commonest value of the first channel of ``(C, N)``, of the second where that is, and so on."""
    found = []
    for channel in range(len(values)):
        one, counts = np.unique(values[channel], return_counts=True)
        found.append(one[counts.argmax()])
        values = values[:, values[channel] == found[-1]]
    return np.array(found)


def has_body_shape(shown: Mask) -> bool:
    """Whether frames leave the shape of a body, which hardly touches the image's border along two axes.

    Not along all three: a stack of few slices shows the brain in its first and last.
    """
    if shown.all() or _measure_box_fill(shown) > MAX_STRIPPED_BOX_FILL:
        return False
    touched = sorted(float(shown.take([0, -1], axis).mean()) for axis in range(shown.ndim))
    return touched[1] < 0.25


def _measure_box_fill(mask: Mask) -> float:
    """Which share of its own box a mask fills."""
    box = ndimage.find_objects(mask.view(np.uint8))[0]
    return float(mask[box].mean())
