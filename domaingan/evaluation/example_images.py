"""Pictures of an evaluation, as arrays: hosts and what was pasted into them, predictions beside the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.augmentation import find_added
from domaingan.banks import Bank
from domaingan.baselines.batches import OversampledConditions, has_conditions
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.blend.occlusion import get_mask_or_filled_boxes
from domaingan.data import Record, Sample, Schema
from domaingan.data.slice_axes import find_fullest_slice, find_slice_axis
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.imaging.padded_crops import crop_padded

MAX_EXAMPLES = 6


def collect_paste_examples(
    samples: list[Sample], schema: Schema, augment: TrainingAugmentation, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Some training samples before and after an arm's paste, the slice with most of what was pasted."""
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in ("hosts", "host_masks", "pasted", "pasted_masks")}
    rows["added"] = []
    names: list[str] = []
    words: list[str] = []
    always = TrainingAugmentation(augment.pastes, paste_share=1.0)
    for number in rng.permutation(len(samples)):
        host = samples[int(number)]
        after = always.blend(host, rng)
        if not any(crop.is_placed for crop in after.pasted_crops) or len(rows["hosts"]) == MAX_EXAMPLES:
            continue
        added = find_added(host, after)
        for sample, prefix, masks in ((host, "hosts", "host_masks"), (after, "pasted", "pasted_masks")):
            image, mask = _slice_scaled(replace(sample, mask=_select_objects(sample, schema)), schema, added)
            rows[prefix].append(image)
            rows[masks].append(mask)
        rows["added"].append(_take_slice(host.image, added.astype(np.uint8), added, _choose_slice_axis(host))[1])
        names.append(_describe_host(host, added))
        words.append(_describe_pasted(after, schema))
    return _stack_padded(rows) | {"host_names": np.array(names), "pasted_words": np.array(words)}


def _describe_host(host: Sample, focus: NDArray[Any]) -> str:
    """Name a host, and of a volume the slice that is shown."""
    if host.spatial_dims == 2:
        return host.name
    return f"{host.name}, slice {find_fullest_slice(focus, _choose_slice_axis(host))}"


def _describe_pasted(after: Sample, schema: Schema) -> str:
    """Name the classes of the crops that were pasted."""
    condition = schema.domain.class_condition
    placed = [crop for crop in after.pasted_crops if crop.is_placed]
    counts = Counter(str(crop.condition.get(condition, condition)) for crop in placed)
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))


def _select_objects(sample: Sample, schema: Schema) -> NDArray[Any]:
    """The mask of a scan; of a frame, in which everything may be labelled, that of its objects."""
    mask = np.asarray(get_mask_or_filled_boxes(sample))
    if not schema.domain.has_ground:
        return mask
    return np.where(np.isin(mask, [schema.classes[name] for name in schema.objects]), mask, 0)


def collect_bank_examples(
    bank: Bank, prefix: str, masks: str, rng: np.random.Generator, n: int = 16
) -> dict[str, NDArray[Any]]:
    """Some entries of a bank, see :func:`collect_entry_examples`."""
    return collect_entry_examples(bank.take(np.sort(rng.permutation(len(bank))[:n])), prefix, masks)


def collect_entry_examples(bank: Bank, prefix: str, masks: str) -> dict[str, NDArray[Any]]:
    """All entries of a small bank, of a volume the slice with most of the object."""
    rows: dict[str, list[NDArray[Any]]] = {prefix: [], masks: []}
    for crop in bank:
        image, mask = _take_slice(crop.image, crop.mask, crop.mask > 0)
        rows[prefix].append(image)
        rows[masks].append(mask)
    return _stack_padded(rows)


def choose_largest_samples(masks: list[tuple[str, NDArray[Any]]]) -> list[int]:
    """Positions of the sample with most labelled of each of :data:`MAX_EXAMPLES` subjects."""
    best: dict[str, tuple[int, int]] = {}
    for position, (subject, mask) in enumerate(masks):
        labelled = int((mask > 0).sum())
        if labelled > best.get(subject, (0, 0))[0]:
            best[subject] = (labelled, position)
    chosen = sorted(best.values(), reverse=True)[:MAX_EXAMPLES]
    return sorted(position for _, position in chosen)


def collect_relight_examples(
    samples: list[Sample],
    bank: Bank,
    augment: TrainingAugmentation,
    conditions: OversampledConditions,
    rng: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """Some training frames before and after an arm's relight, real frames under the wanted condition, some scenes."""
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in ("lit_hosts", "relit", "lit_real", "scenes")}
    always = TrainingAugmentation(relights=augment.relights, relight_share=1.0)
    for number in rng.permutation(len(samples)):
        host = samples[int(number)]
        after = always.blend(host, rng)
        if len(rows["relit"]) < MAX_EXAMPLES and after.relight_result is not None:
            rows["lit_hosts"].append(host.image)
            rows["relit"].append(after.image)
        elif len(rows["lit_real"]) < MAX_EXAMPLES and has_conditions(host, conditions):
            rows["lit_real"].append(host.image)
    rows["scenes"] = [bank[i].image for i in sorted(rng.permutation(len(bank))[: 2 * MAX_EXAMPLES].tolist())]
    return {name: array for name, pictures in rows.items() for array in _stack_padded({name: pictures}).values()}


def collect_prediction_examples(
    samples: list[Sample], schema: Schema, truths: list[NDArray[Any]], predictions: dict[str, list[NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Test samples, their truth and what each arm predicted for them, all at the grid worked in."""
    rows: dict[str, list[NDArray[Any]]] = {"images": [], "truth": []}
    rows |= {f"prediction:{arm}": [] for arm in predictions}
    for position, (sample, true) in enumerate(zip(samples, truths, strict=True)):
        focus = true > 0
        image, truth = _slice_scaled(replace(sample, mask=true), schema, focus)
        rows["images"].append(image)
        rows["truth"].append(truth)
        for arm, masks in predictions.items():
            rows[f"prediction:{arm}"].append(
                _take_slice(sample.image, masks[position], focus, _choose_slice_axis(sample))[1]
            )
    return _stack_padded(rows) | {"names": np.array([sample.name for sample in samples])}


def _choose_slice_axis(sample: Sample) -> int:
    if sample.spatial_dims == 2:
        return 0
    affine = sample.geometry.affine
    rows = () if affine is None else tuple(map(tuple, np.asarray(affine).tolist()))
    return find_slice_axis(Record(sample.name, shape=sample.shape, spacing=sample.spacing, affine=rows))


def _slice_scaled(sample: Sample, schema: Schema, focus: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    scaled = to_scaled(sample.image, get_intensity_range(sample, schema.domain))
    return _take_slice(scaled, np.asarray(sample.mask), focus, _choose_slice_axis(sample))


def _take_slice(
    image: NDArray[Any], mask: NDArray[Any], focus: NDArray[Any], axis: int = 2
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Of a volume the slice across ``axis`` with most of ``focus``; a 2D image as it is."""
    if mask.ndim == 2:
        return image, mask
    most = find_fullest_slice(focus, axis)
    return np.take(image, most, axis + 1), np.take(mask, most, axis)


def _stack_padded(rows: dict[str, list[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Each list as one array, smaller pictures padded to the largest."""
    shapes = [picture.shape[-2:] for pictures in rows.values() for picture in pictures]
    if not shapes:
        return {}
    stacked = {}
    for name, pictures in rows.items():
        size = np.max([p.shape[-2:] for p in pictures], axis=0)
        padded = [crop_padded(p, (np.array(p.shape[-2:]) - size) // 2, size.tolist()) for p in pictures]
        kind = np.dtype(np.float16) if padded[0].ndim == 3 else np.result_type(np.uint8, *padded)
        stacked[name] = np.stack(padded).astype(kind)
    return stacked
