"""What a blend would do, to look at before anything is written: host, what is blended in, and result side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.blend import Paste, Relight
from domaingan.errors import DataError
from domaingan.grid import resize
from domaingan.pictures import Picture, contact_sheet, tile
from domaingan.sample import Sample
from domaingan.slices import as_slices, fullest_slice, slice_axis
from domaingan.tissue import foreground, intensity_range, to_scaled
from domaingan.transforms.offline import Offline

EDGE = 192
"""About how many pixels a tile is wide."""

Row = list[tuple[Picture, str]]
"""Tiles and their captions."""


def preview(offline: Offline, rows: int = 8) -> Picture:
    """Hosts before and after, eight of them, and what was blended in.

    Pasted: host, crop, the host with the crop in it, and the same with outlines. Relit: host, scene, the host under
    the scene's look. Classic alone: host and result with outlines; where it follows a blend, one more picture.

    Args:
        offline: hosts, bank, level and seed.
        rows: how many hosts are shown; drawn by the seed.

    Raises:
        DataError: no crop found a place, or no host was to be relit, among those that were tried.
    """
    rng, blender = np.random.default_rng(offline.seed), offline.blender
    if isinstance(blender, Paste) and blender.bank.info.spatial_dims != offline.data.schema.spatial_dims:
        offline = replace(offline, data=as_slices(offline.data))
    shown: list[Row] = []
    for number in rng.permutation(len(offline.data))[: 6 * rows]:
        row = _ROWS[offline.kind](offline, int(number), rng)
        shown += [row] if row else []
        if len(shown) == rows:
            break
    if not shown:
        found, wanted = ("crop found a place", "with room for one")
        if offline.kind == "relit":
            found, wanted = "host was to be relit", "that have not the wanted look already"
        raise DataError(f"no {found}", path=offline.data.root, expected=f"hosts {wanted}")
    return contact_sheet([t for row in shown for t, _ in row], 2 * len(shown[0]), [c for row in shown for _, c in row])


def _relit(offline: Offline, number: int, rng: np.random.Generator) -> Row:
    host, relight = offline.data[number], offline.blender
    after = offline.blended(number, rng)
    record = after.meta["relit"]
    if record is None or not isinstance(relight, Relight):
        return []
    scene = relight.bank[record["index"]]
    look = ", ".join(scene.condition.values())
    domain = offline.data.schema.domain
    focus, axis = _focus(host, offline, number)
    image = scene.image if scene.image.ndim == 3 else np.take(scene.image, scene.image.shape[axis + 1] // 2, axis + 1)
    return [
        (_tile(host, None, focus, axis, domain), ", ".join(["host", *map(str, host.condition.values())])),
        (_picture(image, None, domain), f"scene{': ' if look else ''}{look}"),
        (_tile(after, None, focus, axis, domain), f"relit, {record['method']} {record['strength']:.2f}"),
        *_then_classic(offline, after, number, rng),
    ]


def _pasted(offline: Offline, number: int, rng: np.random.Generator) -> Row:
    host, paste = offline.data[number], offline.blender
    after = offline.blended(number, rng)
    placed = [record for record in after.meta["pasted"] if record["place"] is not None]
    if not placed or host.mask is None or not isinstance(paste, Paste):
        return []
    crop, info = paste.bank[placed[0]["index"]], paste.bank.info
    added = np.asarray(after.mask) != host.mask
    axis = slice_axis(offline.data.records[number]) if host.spatial_dims == 3 else 0
    return [
        (_tile(host, _labels(host, offline, info.classes), added, axis, info.domain), "host"),
        (_picture(crop.image, crop.mask, info.domain), "crop"),
        (_tile(after, None, added, axis, info.domain), "pasted"),
        (_tile(after, _labels(after, offline, info.classes), added, axis, info.domain), "pasted, outlined"),
        *_then_classic(offline, after, number, rng),
    ]


def _classic(offline: Offline, number: int, rng: np.random.Generator) -> Row:
    host = offline.blended(number, rng)
    focus, axis = _focus(host, offline, number)
    names = offline.data.schema.objects or offline.data.schema.classes
    before = _tile(host, _labels(host, offline, names), focus, axis, offline.data.schema.domain)
    return [(before, "host"), *_then_classic(offline, host, number, rng)]


_ROWS = {"relit": _relit, "pasted": _pasted, "classic": _classic}


def _then_classic(offline: Offline, sample: Sample, number: int, rng: np.random.Generator) -> Row:
    """What the classic pipeline makes of it, where it is asked for, with outlines."""
    if not offline.classic:
        return []
    after = offline.finished(sample, rng)
    focus, axis = _focus(after, offline, number)
    names = offline.data.schema.objects or offline.data.schema.classes
    shown = _tile(after, _labels(after, offline, names), focus, axis, offline.data.schema.domain)
    return [(shown, f"classic, {offline.classic}")]


def _focus(sample: Sample, offline: Offline, number: int) -> tuple[NDArray[Any], int]:
    """What the shown slice of a volume should hold most of, and the axis across slices."""
    if sample.spatial_dims == 2:
        return np.ones(sample.shape, dtype=bool), 0
    labelled = sample.mask is not None and bool((sample.mask > 0).any())
    body = np.asarray(sample.mask) > 0 if labelled else foreground(sample)
    return body, slice_axis(offline.data.records[number])


def _labels(sample: Sample, offline: Offline, names: Iterable[str]) -> NDArray[Any] | None:
    """The mask of some classes alone; of boxes without a mask the boxes, filled."""
    if sample.mask is not None:
        classes = offline.data.schema.classes
        values = [classes[name] for name in names if name in classes]
        return np.where(np.isin(sample.mask, values), sample.mask, 0)
    if sample.boxes is None or sample.labels is None:
        return None
    painted = np.zeros(sample.shape, dtype=np.int32)
    for (left, top, right, bottom), value in zip(np.rint(sample.boxes).astype(int), sample.labels, strict=True):
        painted[top:bottom, left:right] = value
    return painted


def _tile(sample: Sample, mask: Any, focus: NDArray[Any], axis: int, domain: Any) -> Picture:
    """The sample, of a volume the slice with most of the focus."""
    image = to_scaled(sample.image, intensity_range(sample, domain))
    if image.ndim == 4:
        most = fullest_slice(focus, axis)
        image = np.take(image, most, axis + 1)
        mask = None if mask is None else np.take(mask, most, axis)
    return _picture(image, mask, domain)


def _picture(image: NDArray[np.float32], mask: Any, domain: Any) -> Picture:
    """A tile of about the wanted size; of a scan the first channel."""
    shape = image.shape[1:]
    if (step := shape[0] // EDGE) > 1:
        shape = tuple(n // step for n in shape)
        image, mask = resize(image, shape), None if mask is None else resize(mask, shape, label=True)
    shade = 0 if domain == "scan" else None
    return tile(image, mask, domain=domain, channel=shade, zoom=max(1, EDGE // shape[0]))
