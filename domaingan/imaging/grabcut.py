"""Masks of objects that have a box alone, guessed by GrabCut (Rother, Kolmogorov and Blake 2004), as OpenCV has it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from domaingan.data import Sample

MAX_WINDOW_EDGE = 160
"""Longest edge of what GrabCut works on, in pixels: larger objects are shrunk, and their masks enlarged."""

MARGIN_SHARE = 0.3
"""How much of what surrounds a box is looked at on each side, as a share of its longer side."""

MIN_MARGIN = 8
"""At least so many pixels of it."""

CORE_SHARE = 0.7
"""Size of the ellipse in the middle of a box that is the object for sure, as a share of the box: without it GrabCut
finds next to nothing of small or dark objects."""

GRABCUT_ITERATIONS = 3
"""Iterations of GrabCut."""

MIN_BOX_SIDE = 4
"""Boxes lower or narrower than so many pixels are not cut."""

MIN_SPANNED_SHARE = 0.5
"""A mask that spans less than this share of its box's height or width has missed the object."""

MIN_PIECE_SHARE = 0.1
"""Pieces of a mask smaller than this share of its largest are dropped."""

Mask = NDArray[np.bool_]


def cut_masks_from_boxes(sample: Sample, rng: np.random.Generator) -> tuple[Sample, int]:
    """Give the objects of a frame that have a box alone a mask.

    Objects whose boxes end lower in the frame are nearer, and lie in front; masks that are known stay as they are.
    Crowds have no box among the sample's, and are never cut.

    Args:
        sample: a frame ``(3, H, W)`` in [0, 1] with boxes and labels.
        rng: source of GrabCut's draws.

    Returns:
        The sample with mask and instances, and how many masks were cut. Boxes stay. Objects that GrabCut found too
        little of have no pixels, as before.
    """
    boxes, labels = sample.boxes, sample.labels
    if boxes is None or labels is None:
        return sample, 0
    known = np.zeros(sample.shape, np.int32) if sample.instances is None else sample.instances
    mask = np.zeros(sample.shape, np.int32) if sample.mask is None else sample.mask.copy()
    instances, n = known.copy(), 0
    pixels = np.rint(np.moveaxis(sample.image, 0, -1).clip(0, 1) * 255).astype(np.uint8)
    seeds = rng.integers(2**31 - 1, size=len(boxes)).tolist()
    has_mask = set(np.unique(known).tolist())
    for index in np.argsort(boxes[:, 3], kind="stable").tolist():
        found = None if index + 1 in has_mask else cut_object(pixels, boxes[index], seeds[index])
        if found is None:
            continue
        body, corner = found
        where = tuple(slice(start, start + n) for start, n in zip(corner, body.shape, strict=True))
        free = body & (known[where] == 0)
        instances[where][free], mask[where][free] = index + 1, labels[index]
        n += 1
    return replace(sample, mask=mask, instances=instances), n


def cut_object(pixels: NDArray[np.uint8], box: NDArray[np.float32], seed: int) -> tuple[Mask, tuple[int, int]] | None:
    """Cut what is in a box out of a frame.

    Args:
        pixels: ``(H, W, 3)``.
        box: xyxy.
        seed: of OpenCV's generator, which draws where GrabCut's colour models start.

    Returns:
        The object's mask within a window, and the window's corner (row, column); None where too little was found.
    """
    height, width = pixels.shape[:2]
    left, top = np.floor(box[:2]).astype(int).tolist()
    right, bottom = np.ceil(box[2:]).astype(int).tolist()
    sides = bottom - top, right - left
    if min(sides) < MIN_BOX_SIDE:
        return None
    margin = max(MIN_MARGIN, round(MARGIN_SHARE * max(sides)))
    first, start = max(0, top - margin), max(0, left - margin)
    window = pixels[first : min(height, bottom + margin), start : min(width, right + margin)]
    inside = np.zeros(window.shape[:2], dtype=bool)
    inside[top - first : bottom - first, left - start : right - start] = True
    if inside.all():  # nothing beside it to tell it from
        return None
    scale = min(1.0, MAX_WINDOW_EDGE / max(window.shape[:2]))
    size = max(1, round(window.shape[1] * scale)), max(1, round(window.shape[0] * scale))
    small = cv2.resize(window, size, interpolation=cv2.INTER_AREA)
    body = _remove_specks(_run_grabcut(small, _mark_window(inside, size), seed))
    enlarged = cv2.resize(body.astype(np.float32), window.shape[1::-1], interpolation=cv2.INTER_LINEAR) >= 0.5
    body = np.asarray(enlarged & inside, dtype=bool)
    return (body, (first, start)) if _is_large_enough(body, sides) else None


def _mark_window(inside: Mask, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What GrabCut is told of a window of ``size`` (width, height): a box, and its middle for sure."""
    within = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    marks = np.where(within, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    rows, columns = np.flatnonzero(within.any(axis=1)), np.flatnonzero(within.any(axis=0))
    if len(rows) and len(columns):
        down, across = np.ogrid[: size[1], : size[0]]
        y = (down - rows.mean()) / (len(rows) / 2)
        x = (across - columns.mean()) / (len(columns) / 2)
        marks[y**2 + x**2 < CORE_SHARE**2] = cv2.GC_FGD
    return marks


def _run_grabcut(window: NDArray[np.uint8], marks: NDArray[np.uint8], seed: int) -> Mask:
    """What GrabCut finds of an object in a window."""
    if not (marks == cv2.GC_BGD).any() or (marks == cv2.GC_BGD).all():
        return np.zeros(marks.shape, dtype=bool)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(seed)
    cv2.grabCut(np.ascontiguousarray(window), marks, None, *models, GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD), dtype=bool)


def _remove_specks(body: Mask) -> Mask:
    """A mask without its specks."""
    numbered, n = ndimage.label(body, np.ones((3, 3)))
    if n < 2:
        return body
    counts = np.bincount(numbered.ravel())
    counts[0] = 0
    return np.asarray((counts >= MIN_PIECE_SHARE * counts.max())[numbered] & body, dtype=bool)


def _is_large_enough(body: Mask, sides: tuple[int, int]) -> bool:
    """Return whether a mask spans :data:`MIN_SPANNED_SHARE` of both sides of its box."""
    rows, columns = np.flatnonzero(body.any(axis=1)), np.flatnonzero(body.any(axis=0))
    if not len(rows):
        return False
    return bool(
        np.ptp(rows) + 1 >= MIN_SPANNED_SHARE * sides[0] and np.ptp(columns) + 1 >= MIN_SPANNED_SHARE * sides[1]
    )
