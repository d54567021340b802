"""Draw what a blend would do before anything is written: host, what is blended in, and result side by side."""

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

TRIED_HOSTS_PER_ROW = 6
"""At most so many hosts are tried for each row, as crops do not find a place in all of them."""

Row = list[tuple[Picture, str]]
"""Tiles and their captions."""


def draw_preview(augmented: AugmentedDataset, rows: int = 8) -> Picture:
    """Draw hosts before and after, and what was blended in.

    A row of a paste shows the host, a crop, the host with the crop in it, and the same with outlines. A row of a
    relight shows the host, a scene, and the host under the scene's look. A row of classic augmentation alone shows the
    host and the result with outlines; where it follows a blend, its result is one more tile.

    Args:
        augmented: hosts, bank, level and seed.
        rows: how many hosts are shown; drawn by the seed.

    Returns:
        One picture with all rows.

    Raises:
        DataError: no crop found a place, or no host was to be relit, among those that were tried.
    """
    rng = np.random.default_rng(augmented.seed)
    blender = augmented.blender
    if isinstance(blender, Paste) and blender.bank.info.spatial_dims != augmented.data.schema.spatial_dims:
        augmented = replace(augmented, data=slice_volumes(augmented.data))
    draw_row = _ROW_DRAWERS[augmented.kind]
    drawn_rows: list[Row] = []
    n_tried = 0
    for index in rng.permutation(len(augmented.data))[: TRIED_HOSTS_PER_ROW * rows]:
        n_tried += 1
        row = draw_row(augmented, int(index), rng)
        if row:
            drawn_rows.append(row)
        if len(drawn_rows) == rows:
            break
    if not drawn_rows:
        raise _make_error(augmented)
    if isinstance(blender, Paste) and not blender.bank.info.hosts and 2 * len(drawn_rows) < n_tried:
        reason = find_likeliest_reason(blender.bank, augmented.data)
        message = f"nothing found a place in {n_tried - len(drawn_rows)} of {n_tried} hosts: {reason}"
        warnings.warn(message, AssumptionWarning, stacklevel=2)
    tiles, captions = [], []
    for row in drawn_rows:
        for tile, caption in row:
            tiles.append(tile)
            captions.append(caption)
    sheet = make_contact_sheet(tiles, len(drawn_rows[0]), captions)
    note = "solid with a white rim: pasted; dashed: labelled before" if augmented.kind == "pasted" else ""
    return add_legend(sheet, _list_outlined_classes(augmented), note)


def _make_error(augmented: AugmentedDataset) -> DataError:
    """Make the error of a preview without a row."""
    root = augmented.data.root
    blender = augmented.blender
    if augmented.kind == "relit":
        return DataError("no host was to be relit", path=root, expected="hosts that have not the wanted look already")
    expected = "hosts with room for one"
    if isinstance(blender, Paste) and not blender.bank.info.hosts:
        expected = f"{expected}; {find_likeliest_reason(blender.bank, augmented.data)}"
    return DataError("no crop found a place", path=root, expected=expected)


def _list_outlined_classes(augmented: AugmentedDataset) -> dict[str, int]:
    """List the classes whose outlines are drawn, for the legend."""
    schema = augmented.data.schema
    names: Iterable[str] = schema.objects or schema.classes
    if isinstance(augmented.blender, Paste):
        names = augmented.blender.bank.info.classes
    elif augmented.kind == "relit" and not augmented.classic:
        return {}
    return {name: schema.classes[name] for name in names if name in schema.classes}


# ----------------------------------------------------------------------- rows


def _draw_relit_row(augmented: AugmentedDataset, index: int, rng: np.random.Generator) -> Row:
    """Draw a host, a scene and the relit host; nothing if the host was not to be relit."""
    host = augmented.data[index]
    relight = augmented.blender
    after = augmented.apply_blend(index, rng)
    result = after.relight_result
    if result is None or result.index is None or not isinstance(relight, Relight):
        return []
    scene = relight.bank[result.index]
    look = ", ".join(scene.condition.values())
    domain = augmented.data.schema.domain
    focus, axis = _find_focus(host, augmented, index)
    scene_image = scene.image
    if scene_image.ndim == 4:
        scene_image = np.take(scene_image, scene_image.shape[axis + 1] // 2, axis + 1)
    host_caption = ", ".join([f"host {_make_title(host, focus, axis)}", *map(str, host.condition.values())])
    return [
        (_draw_sample(host, None, focus, axis, domain), host_caption),
        (_draw_picture(scene_image, None, domain), f"scene: {look}" if look else "scene"),
        (_draw_sample(after, None, focus, axis, domain), f"relit, {result.method} {result.strength:.2f}"),
        *_draw_classic_tiles(augmented, after, index, rng),
    ]


def _draw_pasted_row(augmented: AugmentedDataset, index: int, rng: np.random.Generator) -> Row:
    """Draw a host, a crop, and the host with its crops; nothing if no crop found a place or no label changed."""
    host = augmented.data[index]
    paste = augmented.blender
    after = augmented.apply_blend(index, rng)
    placed = [crop for crop in after.pasted_crops if crop.is_placed]
    if not placed or not isinstance(paste, Paste) or not paste.can_host(host):
        return []
    added = find_added(host, after)
    if not added.any():  # a healthy crop changes no label
        return []
    info = paste.bank.info
    crop = paste.bank[placed[0].index]
    axis = find_slice_axis(augmented.data.records[index]) if host.spatial_dims == 3 else 0
    title = _make_title(host, added, axis)
    labels_before = _select_labels(host, augmented, info.classes)
    labels_after = _select_labels(after, augmented, info.classes)
    return [
        (_draw_sample(host, labels_before, added, axis, info.domain), f"host {title}"),
        (_draw_picture(crop.image, crop.mask, info.domain), paste.bank.describe_entry(crop)),
        (_draw_sample(after, None, added, axis, info.domain), f"{len(placed)} pasted into {title}"),
        (_draw_sample(after, labels_after, added, axis, info.domain, added), "the same, outlined"),
        *_draw_classic_tiles(augmented, after, index, rng),
    ]


def _draw_classic_row(augmented: AugmentedDataset, index: int, rng: np.random.Generator) -> Row:
    """Draw a host, and what the classic pipeline makes of it."""
    host = augmented.apply_blend(index, rng)
    schema = augmented.data.schema
    focus, axis = _find_focus(host, augmented, index)
    labels = _select_labels(host, augmented, schema.objects or schema.classes)
    tile = _draw_sample(host, labels, focus, axis, schema.domain)
    title = _make_title(host, focus, axis)
    return [(tile, f"host {title}"), *_draw_classic_tiles(augmented, host, index, rng)]


_ROW_DRAWERS = {"relit": _draw_relit_row, "pasted": _draw_pasted_row, "classic": _draw_classic_row}


def _draw_classic_tiles(augmented: AugmentedDataset, sample: Sample, index: int, rng: np.random.Generator) -> Row:
    """Draw with outlines what the classic pipeline makes of a sample; nothing where it is not asked for."""
    if not augmented.classic:
        return []
    after = augmented.apply_classic(sample, rng)
    schema = augmented.data.schema
    focus, axis = _find_focus(after, augmented, index)
    labels = _select_labels(after, augmented, schema.objects or schema.classes)
    tile = _draw_sample(after, labels, focus, axis, schema.domain)
    return [(tile, f"classic, {augmented.classic}")]


# ------------------------------------------------------------- what is shown of a sample


def find_added(host: Sample, after: Sample) -> NDArray[np.bool_]:
    """Find the pixels of pasted objects.

    Where objects have instances, pixels count that were of another object of the same class before. Of frames with
    boxes alone, the pixels are those in the boxes of pasted objects.

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


def _find_focus(sample: Sample, augmented: AugmentedDataset, index: int) -> tuple[NDArray[Any], int]:
    """Find the pixels of which the slice that is shown should hold most, and the axis across slices.

    Returns:
        ``(*spatial)`` booleans: the labelled pixels of a volume, or its body where it has none. And the axis.
    """
    if sample.spatial_dims == 2:
        return np.ones(sample.shape, dtype=bool), 0
    axis = find_slice_axis(augmented.data.records[index])
    if sample.mask is not None:
        labelled = sample.mask > 0
        if labelled.any():
            return labelled, axis
    return get_foreground(sample), axis


def _select_labels(sample: Sample, augmented: AugmentedDataset, names: Iterable[str]) -> NDArray[Any] | None:
    """Select the mask of some classes alone; of boxes without a mask the boxes, filled."""
    if sample.mask is not None:
        classes = augmented.data.schema.classes
        values = [classes[name] for name in names if name in classes]
        return np.where(np.isin(sample.mask, values), sample.mask, 0)
    if sample.boxes is None or sample.labels is None:
        return None
    filled = np.zeros(sample.shape, dtype=np.int32)
    for box, value in zip(np.rint(sample.boxes).astype(int), sample.labels, strict=True):
        left, top, right, bottom = box
        filled[top:bottom, left:right] = value
    return filled


def _draw_sample(
    sample: Sample,
    mask: NDArray[Any] | None,
    focus: NDArray[Any],
    axis: int,
    domain: Domain,
    added: NDArray[Any] | None = None,
) -> Picture:
    """Draw a sample; of a volume the slice with most of the focus.

    Args:
        sample: an image or a volume.
        mask: ``(*spatial)`` class values to outline.
        focus: ``(*spatial)`` booleans.
        axis: across the slices of a volume.
        domain: of the sample.
        added: ``(*spatial)`` booleans, the pixels of pasted objects.
    """
    image = to_scaled(sample.image, get_intensity_range(sample, domain))
    if image.ndim == 4:
        slice_index = find_fullest_slice(focus, axis)
        image = np.take(image, slice_index, axis + 1)
        if mask is not None:
            mask = np.take(mask, slice_index, axis)
        if added is not None:
            added = np.take(added, slice_index, axis)
    return _draw_picture(image, mask, domain, added)


def _draw_picture(
    image: NDArray[np.float32], mask: NDArray[Any] | None, domain: Domain, added: NDArray[Any] | None = None
) -> Picture:
    """Draw a tile of the common height; of a scan the first channel, of a volume the slice in the middle."""
    if image.ndim == 4:
        middle = image.shape[-1] // 2
        image = image[..., middle]
        if mask is not None:
            mask = mask[..., middle]
    channel = 0 if domain.has_body else None
    return draw_tile(image, mask, domain=domain.name, channel=channel, height=TILE_HEIGHT, pasted_mask=added)
