"""Where a scan shows the body: what surrounds it is padding of one value, then air; either may be missing.

A constant frame (padding, what lies outside a round field of view, the background of a skull-stripped scan) says
nothing of what it surrounds. So frames are taken away first, one inside another, and then air is looked for in what is
left. Where nothing in there can be air, all of it is body.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters

from domaingan.imaging.constant_frames import find_commonest_value, find_frames, has_body_shape
from domaingan.imaging.mask_morphology import (
    dilate,
    fill_holes,
    find_rim,
    keep_large_pieces,
    open_mask,
    restore_edges,
)

Image = NDArray[Any]
Mask = NDArray[np.bool_]

MIN_AIR_SHARE = 0.05
"""Air takes at least this share of what is outermost: a ventricle or a bone that the border cuts takes less."""

MIN_AIR_SEPARATION = 4.0
"""What is not air lies at least so many of the air's standard deviations above it. Noise that is cut in two lies at
most 3.5 apart, as does the fluid around a stripped brain; muscle and air 4.6 and more, in 27 MR scans of heads and
limbs."""

MIN_AIR_GAP_SHARE = 0.06
"""And at least this share of the range of the scan."""

MAX_AIR_SIGNAL = 0.35
"""In a scan without negative values, where 0 is no signal, air is at most this share of the signal of the rest."""

MIN_LUNG_HOUNSFIELD = -940.0
"""Lower lies air, in Hounsfield units, and above it lung."""

MIN_TISSUE_HOUNSFIELD = -500.0
"""From here on everything is body, in Hounsfield units."""

MIN_BODY_SHARE = 0.08
"""A body takes at least this share of what frames leave: a bone in soft tissue takes less."""

MAX_FRAME_GAP = 0.3
"""A frame that is farther below a scan, as a share of its range, is of a padding value that says nothing."""

MIN_FRAME_GAP = 0.05
"""What is dark and at least so far above its frame is no air."""

MIN_SIGNAL_SHARE = 0.005
"""The same in a scan without negative values: a slice at the top of a head shows little of it."""

MAX_THREAD_RADIUS = 2
"""What hangs on by less than twice so many voxels and one, such as a table, is no part of the body."""

MAX_SAMPLED_VOXELS = 400_000
"""So many voxels, evenly spread, say how values are distributed."""


def find_body(image: Image) -> Mask:
    """Find the part of a scan that shows the body.

    Args:
        image: ``(C, *spatial)``, 2D or 3D.

    Returns:
        ``(*spatial)`` boolean: one piece, or a few of like size, without holes; all true where nothing tells body and
        surroundings apart, and all false where all is of one value, such as a patch of padding.
    """
    if all(channel.size and channel.min() == channel.max() for channel in image):
        return np.zeros(image.shape[1:], dtype=bool)
    shown = ~find_frames(image)
    if not shown.any():
        return np.ones(shown.shape, dtype=bool)
    air = _find_air(image, shown, is_stripped=has_body_shape(shown))
    if air is None:
        return keep_large_pieces(fill_holes(shown))
    body = fill_holes(shown & ~air)
    core = keep_large_pieces(open_mask(body, MAX_THREAD_RADIUS))
    return keep_large_pieces(fill_holes(restore_edges(core, body, MAX_THREAD_RADIUS) if core.any() else body))


# ----------------------------------------------------------------------- air


def _find_air(image: Image, shown: Mask, *, is_stripped: bool) -> Mask | None:
    """Air in what frames leave, None where there is none.

    What has the shape of a body holds air only if that is nowhere thin, and surrounds the rest: the fluid around a
    stripped brain does not.
    """
    step = max(1, int(shown.sum()) // MAX_SAMPLED_VOXELS)
    sampled = np.stack([channel[shown][::step] for channel in image]).astype(np.float32)
    beside = ~shown & dilate(shown)
    for channel, values in zip(image, sampled, strict=True):
        around = channel[beside]
        is_in_air = bool(around.size and ((around >= -1100) & (around <= -900)).mean() > MIN_AIR_SHARE)
        is_ct = is_hounsfield(values, has_air=is_in_air and bool(values.min() < -20))
        if is_ct and (is_in_air or not is_stripped):
            return _find_hounsfield_air(channel, shown)
    ends = np.percentile(sampled, (0.5, 99.5), axis=1).astype(np.float32)
    mean = _compute_brightness(sampled, ends)
    thresholds = _find_thresholds(mean)
    if not thresholds:
        return None
    brightness, ground = _compute_brightness(image, ends), _measure_frame_brightness(image, beside, ends)
    for threshold in thresholds:
        low = brightness <= threshold
        air = _find_air_at_border(low, shown)
        if air is None:
            continue
        is_low = mean <= threshold
        if (shown & ~air).sum() < _choose_min_body_share(sampled) * shown.sum():
            continue
        if ground is not None and _lies_above(mean[is_low], ground):
            continue
        if is_stripped and not _is_thick_all_around(low & shown, shown):
            continue
        if all(_is_without_signal(values[is_low], values[~is_low]) for values in sampled):
            return air
    return None


def _choose_min_body_share(sampled: Image) -> float:
    """Which share a body has at least: where no value is negative, air is told by its signal, and little will do."""
    return MIN_SIGNAL_SHARE if sampled.min() >= 0 else MIN_BODY_SHARE


def _measure_frame_brightness(image: Image, beside: Mask, ends: NDArray[np.float32]) -> float | None:
    """How bright the frame beside a scan is, on the scan's scale; None without a frame, or of a value far off."""
    if not beside.any():
        return None
    value = find_commonest_value(image[:, beside])
    low, high = ends
    varied = high > low
    found = float(((value - low)[varied] / (high - low)[varied]).mean())
    if not value.any() and min(float(channel.min()) for channel in image) >= 0:
        return min(found, 0.0)  # no signal, however far below
    return found if -MAX_FRAME_GAP < found <= 0 else None


def _lies_above(dark: NDArray[np.float32], ground: float) -> bool:
    """Whether what is dark is well above the darkness of a frame: fat in a window of a CT, fluid in a stripped brain.

    Noise of air goes down to it.
    """
    gap = float(np.percentile(dark, 5)) - ground
    return gap > max(3 * float(dark.std()), MIN_FRAME_GAP)


def _is_thick_all_around(low: Mask, shown: Mask) -> bool:
    """Whether what is dark is nowhere thin by itself, and surrounds most of what frames leave."""
    rim = find_rim(shown)
    return bool(open_mask(low).sum() >= 0.6 * low.sum() and (low & rim).sum() >= 0.6 * rim.sum())


def _compute_brightness(values: Image, ends: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels, each brought to 0 to 1 first, as they may differ in units; 0 where none varies.

    Percentiles are brought there, so that one bright vessel or implant does not press everything else together.

    Args:
        values: ``(C, …)``.
        ends: ``(2, C)`` what is 0 and 1.
    """
    low, high = ends
    varied = np.flatnonzero(high > low)
    mean = np.zeros(values.shape[1:], dtype=np.float32)
    for i in varied:
        mean += np.clip((values[i] - low[i]) / (high[i] - low[i]), 0, 1).astype(np.float32)
    return mean / np.float32(max(1, len(varied)))


def _find_thresholds(mean: NDArray[np.float32]) -> list[float]:
    """Otsu's thresholds that part air from the rest, the likeliest first.

    Where fat is bright, the first parts fat from everything else. It is taken once more among what is dark.
    """
    found: list[float] = []
    dark = mean
    for _ in range(2):
        if len(dark) < 2 or dark.min() == dark.max():
            break
        threshold = float(filters.threshold_otsu(dark))
        air, rest = dark[dark <= threshold], dark[dark > threshold]
        gap = rest.mean() - air.mean() if len(rest) else 0.0
        if gap > max(MIN_AIR_SEPARATION * air.std(), MIN_AIR_GAP_SHARE):
            found.insert(0, threshold)
        dark = air
    return found


def _is_without_signal(air: NDArray[np.float32], rest: NDArray[np.float32]) -> bool:
    """Whether what is dark can be air: where no value is negative, it is near 0."""
    if not len(air) or not len(rest):
        return False
    ends = np.percentile(np.concatenate([air, rest]), (0.5, 99.5))
    if ends[0] < -0.05 * ends[1]:
        return True
    return bool(np.median(air) <= MAX_AIR_SIGNAL * np.median(rest))


def _find_air_at_border(low: Mask, shown: Mask) -> Mask | None:
    """The part of what is dark that surrounds: nowhere thin, and at the border; None where there is hardly any."""
    outside = low | ~shown
    thick = open_mask(outside)
    rim = find_rim(shown)
    at_border = thick & rim
    if at_border.sum() < MIN_AIR_SHARE * rim.sum():
        return None
    labels, count = ndimage.label(thick)
    sizes = np.bincount(labels[at_border], minlength=count + 1)
    kept = sizes >= max(1.0, 0.01 * rim.sum())
    kept[0] = False
    return restore_edges(kept[labels], outside) & shown


def is_hounsfield(values: NDArray[Any], *, has_air: bool = False) -> bool:
    """Whether values of a scan are Hounsfield units: air at -1000, or whole numbers about soft tissue.

    Args:
        values: ``(N,)``, without padding.
        has_air: whether the padding is of a value that air has.
    """
    if not len(values):
        return False
    low, middle, high = np.percentile(values, (0.5, 50, 99.5))
    is_about_tissue = -1100 <= middle <= 400
    if not (low >= -1100 and -200 < high <= 3100 and high - low > 30):
        return False
    if has_air:
        return bool(is_about_tissue)
    if not (low < -20 and low < -0.05 * high):
        return False
    if low < MIN_TISSUE_HOUNSFIELD:
        return bool(is_about_tissue)
    whole = bool(np.equal(values, np.rint(values)).all())
    return whole and bool(is_about_tissue)


def _find_hounsfield_air(channel: NDArray[Any], shown: Mask) -> Mask | None:
    """Air of a CT: what is no tissue and reaches the border, but for lung that the border cuts."""
    low = shown & (channel < MIN_TISSUE_HOUNSFIELD)
    labels, count = ndimage.label(low)
    if not count:
        return None
    step = max(1, int(low.sum()) // MAX_SAMPLED_VOXELS)
    where = labels[low][::step]
    median = ndimage.median(channel[low][::step], where, np.arange(count + 1))
    is_air = np.nan_to_num(np.asarray(median), nan=0.0) < MIN_LUNG_HOUNSFIELD
    is_air[0] = False
    return _find_air_at_border(is_air[labels], shown)
