"""What a blend would do, to look at before anything is written: host, what is blended in, and result side by side."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation.offline.augmented_dataset import AugmentedDataset
from domaingan.augmentation.offline.unplaced import find_likeliest_reason
from domaingan.blend import Paste, Relight
from domaingan.blend.occlusion import fill_boxes
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.core.tiles import Picture, add_legend, draw_tile, make_contact_sheet
from domaingan.data import Domain, Sample
from domaingan.data.slice_axes import find_fullest_slice, find_slice_axis
from domaingan.imaging.intensity import get_foreground, get_intensity_range, to_scaled
from domaingan.views.slices import slice_volumes

TILE_HEIGHT = 256
"""Height of a tile, in pixels."""

Row = list[tuple[Picture, str]]
"""Tiles and their captions."""


def draw_preview(augmented: AugmentedDataset, rows: int = 8) -> Picture:
    """Draw hosts before and after, and what was blended in.

    Pasted: host, crop, the host with the crop in it, and the same with outlines. Relit: host, scene, the host under
    the scene's look. Classic alone: host and result with outlines; where it follows a blend, one more picture.

    Args:
        augmented: hosts, bank, level and seed.
        rows: how many hosts are shown; drawn by the seed.

    Raises:
        DataError: no crop found a place, or no host was to be relit, among those that were tried.
    """
    rng, blender = np.random.default_rng(augmented.seed), augmented.blender
    if isinstance(blender, Paste) and blender.bank.info.spatial_dims != augmented.data.schema.spatial_dims:
        augmented = replace(augmented, data=slice_volumes(augmented.data))
    shown: list[Row] = []
    tried = 0
    for number in rng.permutation(len(augmented.data))[: 6 * rows]:
        tried += 1
        row = _ROW_DRAWERS[augmented.kind](augmented, int(number), rng)
        shown += [row] if row else []
        if len(shown) == rows:
            break
    if not shown:
        found, wanted = ("crop found a place", "with room for one")
        if isinstance(blender, Paste) and not blender.bank.info.hosts:
            wanted = f"with room for one; {find_likeliest_reason(blender.bank, augmented.data)}"
        if augmented.kind == "relit":
            found, wanted = "host was to be relit", "that have not the wanted look already"
        raise DataError(f"no {found}", path=augmented.data.root, expected=f"hosts {wanted}")
    if isinstance(blender, Paste) and not blender.bank.info.hosts and 2 * len(shown) < tried:
        missed = f"nothing found a place in {tried - len(shown)} of {tried} hosts"
        warnings.warn(
            f"{missed}: {find_likeliest_reason(blender.bank, augmented.data)}", AssumptionWarning, stacklevel=2
        )
    tiles = [picture for row in shown for picture, _ in row]
    captions = [caption for row in shown for _, caption in row]
    sheet = make_contact_sheet(tiles, len(shown[0]), captions)
    note = "solid with a white rim: pasted; dashed: labelled before" if augmented.kind == "pasted" else ""
    return add_legend(sheet, _list_shown_classes(augmented), note)


def _list_shown_classes(augmented: AugmentedDataset) -> dict[str, int]:
    """The classes whose outlines are drawn, for the legend."""
    schema = augmented.data.schema
    names: Iterable[str] = schema.objects or schema.classes
    if isinstance(augmented.blender, Paste):
        names = augmented.blender.bank.info.classes
    elif augmented.kind == "relit" and not augmented.classic:
        return {}
    return {name: schema.classes[name] for name in names if name in schema.classes}


def _draw_relit_row(augmented: AugmentedDataset, number: int, rng: np.random.Generator) -> Row:
    host, relight = augmented.data[number], augmented.blender
    after = augmented.apply_blend(number, rng)
    result = after.relight_result
    if result is None or result.index is None or not isinstance(relight, Relight):
        return []
    scene = relight.bank[result.index]
    look = ", ".join(scene.condition.values())
    domain = augmented.data.schema.domain
    focus, axis = _find_focus(host, augmented, number)
    image = scene.image if scene.image.ndim == 3 else np.take(scene.image, scene.image.shape[axis + 1] // 2, axis + 1)
    before = ", ".join([f"host {_make_title(host, focus, axis)}", *map(str, host.condition.values())])
    return [
        (_draw_tile(host, None, focus, axis, domain), before),
        (_draw_picture(image, None, domain), f"scene{': ' if look else ''}{look}"),
        (_draw_tile(after, None, focus, axis, domain), f"relit, {result.method} {result.strength:.2f}"),
        *_draw_classic_tiles(augmented, after, number, rng),
    ]


def _draw_pasted_row(augmented: AugmentedDataset, number: int, rng: np.random.Generator) -> Row:
    host, paste = augmented.data[number], augmented.blender
    after = augmented.apply_blend(number, rng)
    placed = [crop for crop in after.pasted_crops if crop.is_placed]
    if not placed or not isinstance(paste, Paste) or not paste.can_host(host):
        return []
    crop, info = paste.bank[placed[0].index], paste.bank.info
    added = find_added(host, after)
    if not added.any():  # what is healthy changes no label
        return []
    axis = find_slice_axis(augmented.data.records[number]) if host.spatial_dims == 3 else 0
    labels = _select_labels(after, augmented, info.classes)
    title = _make_title(host, added, axis)
    return [
        (_draw_tile(host, _select_labels(host, augmented, info.classes), added, axis, info.domain), f"host {title}"),
        (_draw_picture(crop.image, crop.mask, info.domain), paste.bank.describe_entry(crop)),
        (_draw_tile(after, None, added, axis, info.domain), f"{len(placed)} pasted into {title}"),
        (_draw_tile(after, labels, added, axis, info.domain, added), "the same, outlined"),
        *_draw_classic_tiles(augmented, after, number, rng),
    ]


def find_added(host: Sample, after: Sample) -> NDArray[np.bool_]:
    """Where something was pasted; of objects that are told apart also where it covers others of its class.

    Of frames with boxes alone it is the boxes of what was pasted.

    Args:
        host: the sample before, with its mask or boxes.
        after: the same after :class:`domaingan.blend.Paste`.

    Returns:
        ``(*spatial)`` booleans.
    """
    origins = after.origins
    if after.mask is None and after.boxes is not None and after.labels is not None and origins is not None:
        is_new = np.asarray(origins) < 0
        return fill_boxes(replace(after, boxes=after.boxes[is_new], labels=after.labels[is_new])) > 0
    added = (np.asarray(after.mask) != host.mask) & (np.asarray(after.mask) > 0)
    if after.instances is None or origins is None:
        return added
    is_pasted = np.concatenate([[False], np.asarray(origins) < 0])
    return is_pasted[after.instances]


def _make_title(host: Sample, focus: NDArray[Any], axis: int) -> str:
    """Name a host, and of a volume the slice that is shown."""
    if host.spatial_dims == 2:
        return host.name
    return f"{host.name}, slice {find_fullest_slice(focus, axis)}"


def _draw_classic_row(augmented: AugmentedDataset, number: int, rng: np.random.Generator) -> Row:
    host = augmented.apply_blend(number, rng)
    focus, axis = _find_focus(host, augmented, number)
    names = augmented.data.schema.objects or augmented.data.schema.classes
    before = _draw_tile(host, _select_labels(host, augmented, names), focus, axis, augmented.data.schema.domain)
    return [(before, f"host {_make_title(host, focus, axis)}"), *_draw_classic_tiles(augmented, host, number, rng)]


_ROW_DRAWERS = {"relit": _draw_relit_row, "pasted": _draw_pasted_row, "classic": _draw_classic_row}


def _draw_classic_tiles(augmented: AugmentedDataset, sample: Sample, number: int, rng: np.random.Generator) -> Row:
    """What the classic pipeline makes of it, where it is asked for, with outlines."""
    if not augmented.classic:
        return []
    after = augmented.apply_classic(sample, rng)
    focus, axis = _find_focus(after, augmented, number)
    names = augmented.data.schema.objects or augmented.data.schema.classes
    shown = _draw_tile(after, _select_labels(after, augmented, names), focus, axis, augmented.data.schema.domain)
    return [(shown, f"classic, {augmented.classic}")]


def _find_focus(sample: Sample, augmented: AugmentedDataset, number: int) -> tuple[NDArray[Any], int]:
    """What the shown slice of a volume should hold most of, and the axis across slices."""
    if sample.spatial_dims == 2:
        return np.ones(sample.shape, dtype=bool), 0
    labelled = sample.mask is not None and bool((sample.mask > 0).any())
    body = np.asarray(sample.mask) > 0 if labelled else get_foreground(sample)
    return body, find_slice_axis(augmented.data.records[number])


def _select_labels(sample: Sample, augmented: AugmentedDataset, names: Iterable[str]) -> NDArray[Any] | None:
    """The mask of some classes alone; of boxes without a mask the boxes, filled."""
    if sample.mask is not None:
        classes = augmented.data.schema.classes
        values = [classes[name] for name in names if name in classes]
        return np.where(np.isin(sample.mask, values), sample.mask, 0)
    if sample.boxes is None or sample.labels is None:
        return None
    painted = np.zeros(sample.shape, dtype=np.int32)
    for (left, top, right, bottom), value in zip(np.rint(sample.boxes).astype(int), sample.labels, strict=True):
        painted[top:bottom, left:right] = value
    return painted


def _draw_tile(sample: Sample, mask: Any, focus: NDArray[Any], axis: int, domain: Domain, added: Any = None) -> Picture:
    """The sample, of a volume the slice with most of the focus."""
    image = to_scaled(sample.image, get_intensity_range(sample, domain))
    if image.ndim == 4:
        most = find_fullest_slice(focus, axis)
        image = np.take(image, most, axis + 1)
        mask = None if mask is None else np.take(mask, most, axis)
        added = None if added is None else np.take(added, most, axis)
    return _draw_picture(image, mask, domain, added)


def _draw_picture(image: NDArray[np.float32], mask: Any, domain: Domain, added: Any = None) -> Picture:
    """A tile of the height of all; of a scan the first channel."""
    if image.ndim == 4:
        middle = image.shape[-1] // 2
        image, mask = image[..., middle], None if mask is None else mask[..., middle]
    shade = 0 if domain.has_body else None
    return draw_tile(image, mask, domain=domain.name, channel=shade, height=TILE_HEIGHT, pasted_mask=added)
