"""Places in hosts for a generator to paint into: windows of them, each with a new mask or a pasted crop.

New masks are those of real crops, smoothly deformed, turned and scaled, where :class:`~domaingan.blend.Paste` would put
them; of scans some may be mixed from two crops, or be rough balls of their size. Such a bank is what
:meth:`domaingan.gan.GAN.sample` takes as ``hosts``; what is drawn is bound to the same places.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.open_dataset import DatasetSource, open_dataset
from domaingan.banks import HEALTHY_VALUE, Bank, BankInfo, Crop, create_entries, measure_source_size, resolve_bank
from domaingan.banks.find_objects import downscale_to, find_crop_box, to_float16
from domaingan.blend import Paste
from domaingan.blend.frame.frame_host import FrameHost
from domaingan.blend.occlusion import fill_boxes
from domaingan.blend.paste import DEFAULT_VARIATIONS
from domaingan.blend.scan.scan_host import ScanHost
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN, Sample, Schema
from domaingan.gan.conditioning import MAX_SPACING_RATIO
from domaingan.imaging.intensity import compute_equivalent_radius, find_extent, to_scaled, with_measurements
from domaingan.imaging.mask_shapes import draw_random_blob, interpolate_shapes
from domaingan.imaging.near_duplicates import get_checksums
from domaingan.imaging.padded_crops import crop_padded

MIN_HEALTHY_WINDOWS = 400
"""Smallest number of healthy windows that a generator learns from."""

MIXED_MASK_SHARE, BLOB_MASK_SHARE = 0.25, 0.15
"""Shares of the new masks in scans that are interpolated between two crops, and that are random blobs. All masks are
deformed besides."""

MASK_VARIATIONS = {SCAN: replace(DEFAULT_VARIATIONS[SCAN], elastic=0.3), FRAME: DEFAULT_VARIATIONS[FRAME]}
"""How the masks of real crops become new ones, by domain: cars and people do not bend."""

WindowData = tuple[NDArray[np.float16], NDArray[np.uint8], np.void]


def sample_windows(
    dataset: DatasetSource,
    crops: Bank | str | Path,
    n: int,
    seed: int = 0,
    *,
    pasted: bool = False,
    reshaped: bool = False,
) -> Bank:
    """Sample windows of hosts, each where a new object may be, with its mask. The shuffled hosts take turns.

    Args:
        dataset: the hosts, labelled or not; nothing is known to lie in those that are not.
        crops: real ones; their masks, deformed, are the new masks.
        n: number of windows. Fewer come back where there is no room; ``info.left_out`` counts them.
        seed: window ``i`` follows from the seed and ``i``.
        pasted: whether the crops are pasted into the windows, deformed as their masks are.
        reshaped: whether some of the masks in scans are mixed from two, or drawn by chance; pasted crops keep theirs.

    Returns:
        A bank of bound entries, as large as the crops' pixels; conditions and numbers are those of the crops.

    Raises:
        DataError: the crops do not fit the hosts, or there is no room at all.
    """
    dataset, crops = open_dataset(dataset), resolve_bank(crops)
    if n < 1 or not len(dataset):
        raise DataError(f"{n} windows of {len(dataset)} hosts", path=dataset.root, expected="at least one of each")
    paste = _build_paste(crops, dataset.schema)
    names, left_out = [record.name for record in dataset.records], Counter[str]()
    info = crops.info.model_copy(
        update={
            "hosts": names,
            "subjects": list(dict.fromkeys([*crops.subjects, *dataset.subjects])),
            "source": str(dataset.root),
        }
    )
    found: dict[int, WindowData] = {}
    checksums = dict(crops.info.checksums)
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    shapes = reshaped and not pasted and crops.info.domain.has_body
    for first, position in enumerate(order[:n]):
        sample = _prepare_sample(dataset[position], dataset.schema)
        checksums |= dict.fromkeys(get_checksums(sample), sample.statistical_unit)
        untouched = None if pasted else paste.prepare_host(sample)
        for i in range(first, n, len(names)):
            host = untouched or paste.prepare_host(sample)  # what is pasted stays out of the other windows
            rng = np.random.default_rng([seed, i])
            crop = crops[paste.draw_entry(rng)]
            place = _make_window(
                paste, host, _reshape_mask(crop, crops, rng) if shapes else crop, info, position, rng, pasted
            )
            if place is None:
                left_out["objects that found no place"] += 1
            else:
                found[i] = place
    if not found:
        raise DataError(f"no room for any of {n} objects", path=dataset.root, expected="smaller ones, or other hosts")
    images, masks, entries = zip(*(found[i] for i in sorted(found)), strict=True)
    left = info.model_copy(update={"left_out": dict(left_out), "checksums": checksums})
    return Bank(left, np.stack(images), np.stack(masks), np.array(list(entries), dtype=entries[0].dtype))


def add_healthy_windows(crops: Bank | str | Path, dataset: DatasetSource, n: int | None = None, seed: int = 0) -> Bank:
    """Add windows without an object to crops, under the value ``healthy`` of their class condition.

    A generator that paints into holes learns from them that a hole alone does not mean an object.

    Args:
        crops: real crops with a class condition, or their folder.
        dataset: the hosts that windows are taken from.
        n: number of windows. As many as there are crops unless given, and at least :data:`MIN_HEALTHY_WINDOWS`.
        seed: the windows follow from it.

    Returns:
        A bank of the crops, then the windows.

    Raises:
        DataError: the crops have no class condition, or as of :func:`sample_windows`.
    """
    crops, dataset = resolve_bank(crops), open_dataset(dataset)
    name = crops.info.domain.class_condition
    values = crops.info.conditions.get(name)
    if values is None or HEALTHY_VALUE in values:
        raise DataError(
            f"crops without {name}" if values is None else f"a {name} called {HEALTHY_VALUE}", path=crops.path
        )
    empty = sample_windows(
        dataset, crops, max(len(crops), MIN_HEALTHY_WINDOWS) if n is None else n, seed, reshaped=True
    )
    info = crops.info.model_copy(update={"conditions": crops.info.conditions | {name: [*values, HEALTHY_VALUE]}})
    entries = create_entries(info, len(crops) + len(empty))
    for column in entries.dtype.names or ():
        entries[column][: len(crops)] = crops.entries[column]
        if not column.startswith(("number:", "condition:", "host", "place", "subject")):
            entries[column][len(crops) :] = empty.entries[column]
    own = entries[len(crops) :]
    own[f"condition:{name}"], own["contrast"] = len(values), 0
    codes = [info.subjects.index(s) if s in info.subjects else -1 for s in empty.info.subjects]
    own["subject"] = [codes[int(i)] if i >= 0 else -1 for i in empty.entries["subject"]]
    images = np.concatenate([np.asarray(part.images, np.float16) for part in (crops, empty)])
    return Bank(info, images, np.concatenate([crops.masks, empty.masks]), entries)


def mark_healthy_share(hosts: Bank, share: float) -> Bank:
    """Mark a share of windows as healthy: what is generated there changes no label.

    A segmenter that is trained on them, too, cannot take everything that was generated for a lesion. They are the last
    windows. As hosts take turns, each has some.

    Args:
        hosts: windows with a class condition.
        share: of the windows, in [0, 1].

    Raises:
        DataError: the windows have no class condition.
    """
    name = hosts.info.domain.class_condition
    values = hosts.info.conditions.get(name)
    if values is None:
        raise DataError(f"windows without {name}", path=hosts.path, expected=f"the condition {name}")
    values = [*values, *([] if HEALTHY_VALUE in values else [HEALTHY_VALUE])]
    entries = hosts.entries.copy()
    entries[f"condition:{name}"][round(len(entries) * (1 - share)) :] = values.index(HEALTHY_VALUE)
    info = hosts.info.model_copy(update={"conditions": hosts.info.conditions | {name: values}})
    return Bank(info, hosts.images, hosts.masks, entries)


def _build_paste(crops: Bank, schema: Schema) -> Paste:
    """What finds the places: scans keep the crops' own mask values, as nothing of the hosts' masks is written."""
    paste = Paste(
        crops, variation=MASK_VARIATIONS[crops.info.domain], schema=schema if crops.info.domain.has_ground else None
    )
    paste.check_schema(schema)
    return paste


def _prepare_sample(sample: Sample, schema: Schema) -> Sample:
    """The sample with a mask, and with what every window would measure anew."""
    if sample.mask is None:
        is_boxed = schema.domain.has_ground and sample.boxes is not None and sample.labels is not None
        sample = replace(sample, mask=fill_boxes(sample) if is_boxed else np.zeros(sample.shape, dtype=np.uint8))
    return with_measurements(sample, schema.domain)


def _make_window(
    paste: Paste,
    host: ScanHost | FrameHost,
    crop: Crop,
    info: BankInfo,
    position: int,
    rng: np.random.Generator,
    pasted: bool,
) -> WindowData | None:
    sample = host.sample
    spotted = host.place_crop(crop, rng)
    if spotted is None:
        return None
    if pasted:
        host.paste_crop(spotted, rng)
    image = host.image
    value = np.where(spotted.mask > 0, _restore_crop_values(spotted.mask, crop), 0)
    where = find_extent(value > 0) or ()
    low = spotted.corner + [side.start for side in where]
    high = spotted.corner + [side.stop for side in where]
    size = crop.mask.shape[0]
    corner, edge = find_crop_box(low, high, size)
    spacing = np.array(sample.spacing) * edge / size
    if edge > size and (spacing > paste.bank.entries["spacing"].max(axis=0) * MAX_SPACING_RATIO).any():
        return None  # larger than any crop: no generator of theirs has seen it so small
    piece = downscale_to(to_scaled(crop_padded(image, corner, edge), host.intensity_range), size)
    mask = downscale_to(crop_padded(value, corner - spotted.corner, edge, fill=0).astype(np.uint8), size, is_mask=True)
    if not mask.any():
        return None
    entry = _build_entry(crop, sample, info, position)
    entry["place"], entry["spacing"] = corner, spacing
    _record_mask_size(entry, mask, info)
    return to_float16(piece), mask, entry


def _reshape_mask(crop: Crop, crops: Bank, rng: np.random.Generator) -> Crop:
    """The crop with its own mask, one between it and another crop's, or one drawn by chance."""
    kind, other, share = rng.random(), crops[int(rng.integers(len(crops)))], rng.random()
    if kind < MIXED_MASK_SHARE:
        return replace(crop, mask=interpolate_shapes(crop.mask, other.mask, share))
    return replace(crop, mask=draw_random_blob(crop.mask, rng)) if kind < MIXED_MASK_SHARE + BLOB_MASK_SHARE else crop


def _restore_crop_values(mask: NDArray[Any], crop: Crop) -> NDArray[Any]:
    """A mask in the crops' own values: of frames it has the hosts', and an object has one class."""
    own = np.unique(crop.mask[crop.mask > 0])
    return np.full_like(mask, own[0]) if len(own) == 1 else mask


def _build_entry(crop: Crop, sample: Sample, info: BankInfo, position: int) -> Any:
    """The crop's own row, at another place."""
    entry = create_entries(info, 1)[0]
    for column in entry.dtype.names or ():
        if column.startswith(("condition:", "number:")) or column in ("contrast", "depth", "centre"):
            entry[column] = crop.entry[column]
    entry["host"] = position
    entry["subject"] = info.subjects.index(sample.statistical_unit) if sample.statistical_unit in info.subjects else -1
    entry["source_size"] = measure_source_size(sample)
    return entry


def _record_mask_size(entry: Any, mask: NDArray[np.uint8], info: BankInfo) -> None:
    """Note how large the new mask is."""
    volume = float(np.count_nonzero(mask) * np.prod(entry["spacing"]))
    entry["radius_mm"] = compute_equivalent_radius(volume, info.spatial_dims)
    for name, value in (("radius_mm", entry["radius_mm"]), ("volume_mm3", volume)):
        if name in info.numbers:
            entry[f"number:{name}"] = value
