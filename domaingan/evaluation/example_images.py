"""Example images of an evaluation, as arrays: hosts before and after a paste, predictions beside the truth."""

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
"""How many images of a kind are shown."""

Arrays = dict[str, NDArray[Any]]

Rows = dict[str, list[NDArray[Any]]]
"""Images by the name of the array that they become."""


def collect_paste_examples(
    samples: list[Sample], schema: Schema, augment: TrainingAugmentation, rng: np.random.Generator
) -> Arrays:
    """Collect training samples before and after an arm's paste; of volumes the slice with most of what was pasted.

    Args:
        samples: the training samples.
        schema: names their classes.
        augment: what the arm does.
        rng: draws the samples and the pastes.

    Returns:
        The arrays ``hosts``, ``host_masks``, ``pasted``, ``pasted_masks`` and ``added``, and the names of the hosts and
        of what was pasted.
    """
    rows: Rows = {"hosts": [], "host_masks": [], "pasted": [], "pasted_masks": [], "added": []}
    host_names: list[str] = []
    descriptions: list[str] = []
    always = TrainingAugmentation(augment.pastes, paste_share=1.0)
    for number in rng.permutation(len(samples)):
        host = samples[int(number)]
        after = always.blend(host, rng)
        has_paste = any(crop.is_placed for crop in after.pasted_crops)
        if not has_paste or len(rows["hosts"]) == MAX_EXAMPLES:
            continue
        added = find_added(host, after)
        for sample, images, masks in ((host, "hosts", "host_masks"), (after, "pasted", "pasted_masks")):
            objects = replace(sample, mask=_select_objects(sample, schema))
            image, mask = _slice_scaled(objects, schema, added)
            rows[images].append(image)
            rows[masks].append(mask)
        _, shown_added = _take_slice(host.image, added.astype(np.uint8), added, _choose_slice_axis(host))
        rows["added"].append(shown_added)
        host_names.append(_describe_host(host, added))
        descriptions.append(_describe_pasted(after, schema))
    return _stack_padded(rows) | {"host_names": np.array(host_names), "pasted_words": np.array(descriptions)}


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
    """Select what is shown of a mask: all of a scan's, the objects of a frame's, where everything may be labelled."""
    mask = np.asarray(get_mask_or_filled_boxes(sample))
    if not schema.domain.has_ground:
        return mask
    object_values = [schema.classes[name] for name in schema.objects]
    return np.where(np.isin(mask, object_values), mask, 0)


def collect_bank_examples(bank: Bank, prefix: str, masks: str, rng: np.random.Generator, n: int = 16) -> Arrays:
    """Collect ``n`` random entries of a bank, see :func:`collect_entry_examples`."""
    chosen = np.sort(rng.permutation(len(bank))[:n])
    return collect_entry_examples(bank.take(chosen), prefix, masks)


def collect_entry_examples(bank: Bank, prefix: str, masks: str) -> Arrays:
    """Collect all entries of a small bank; of volumes the slice with most of the object.

    Args:
        bank: crops or scenes.
        prefix: name of the array of the images.
        masks: name of the array of the masks.
    """
    rows: Rows = {prefix: [], masks: []}
    for crop in bank:
        image, mask = _take_slice(crop.image, crop.mask, crop.mask > 0)
        rows[prefix].append(image)
        rows[masks].append(mask)
    return _stack_padded(rows)


def choose_largest_samples(masks: list[tuple[str, NDArray[Any]]]) -> list[int]:
    """Choose for each subject the sample with most labelled pixels, for at most :data:`MAX_EXAMPLES` subjects.

    Args:
        masks: subject and mask of each sample.

    Returns:
        The positions of the chosen samples. The subjects with most labelled pixels are preferred.
    """
    best: dict[str, tuple[int, int]] = {}
    for position, (subject, mask) in enumerate(masks):
        n_labelled = int((mask > 0).sum())
        if n_labelled > best.get(subject, (0, 0))[0]:
            best[subject] = (n_labelled, position)
    chosen = sorted(best.values(), reverse=True)[:MAX_EXAMPLES]
    return sorted(position for _, position in chosen)


def collect_relight_examples(
    samples: list[Sample],
    bank: Bank,
    augment: TrainingAugmentation,
    conditions: OversampledConditions,
    rng: np.random.Generator,
) -> Arrays:
    """Collect training frames before and after an arm's relight, real frames under the target conditions, and scenes.

    Args:
        samples: the training samples.
        bank: the scenes.
        augment: what the arm does.
        conditions: the target conditions.
        rng: draws the samples, the relights and the scenes.
    """
    rows: Rows = {"lit_hosts": [], "relit": [], "lit_real": [], "scenes": []}
    always = TrainingAugmentation(relights=augment.relights, relight_share=1.0)
    for number in rng.permutation(len(samples)):
        host = samples[int(number)]
        after = always.blend(host, rng)
        if len(rows["relit"]) < MAX_EXAMPLES and after.relight_result is not None:
            rows["lit_hosts"].append(host.image)
            rows["relit"].append(after.image)
        elif len(rows["lit_real"]) < MAX_EXAMPLES and has_conditions(host, conditions):
            rows["lit_real"].append(host.image)
    for position in np.sort(rng.permutation(len(bank))[: 2 * MAX_EXAMPLES]).tolist():
        rows["scenes"].append(bank[position].image)
    arrays: Arrays = {}
    for name, images in rows.items():
        arrays |= _stack_padded({name: images})  # each by itself: scenes may be of another size
    return arrays


def collect_prediction_examples(
    samples: list[Sample], schema: Schema, truths: list[NDArray[Any]], predictions: dict[str, list[NDArray[Any]]]
) -> Arrays:
    """Collect test samples, their truth and the predictions of each arm, all at the grid worked in.

    Args:
        samples: the test samples that are shown.
        schema: names their classes.
        truths: their true masks.
        predictions: for each arm the predicted masks.
    """
    rows: Rows = {"images": [], "truth": []}
    for arm in predictions:
        rows[f"prediction:{arm}"] = []
    for position, (sample, true) in enumerate(zip(samples, truths, strict=True)):
        focus = true > 0
        image, truth = _slice_scaled(replace(sample, mask=true), schema, focus)
        rows["images"].append(image)
        rows["truth"].append(truth)
        for arm, masks in predictions.items():
            _, prediction = _take_slice(sample.image, masks[position], focus, _choose_slice_axis(sample))
            rows[f"prediction:{arm}"].append(prediction)
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
    """Take from a volume the slice across ``axis`` with most of ``focus``; a 2D image stays as it is."""
    if mask.ndim == 2:
        return image, mask
    position = find_fullest_slice(focus, axis)
    return np.take(image, position, axis + 1), np.take(mask, position, axis)


def _stack_padded(rows: Rows) -> Arrays:
    """Stack each list to one array, with smaller images padded to the largest; empty where there are no images."""
    if not any(rows.values()):
        return {}
    stacked: Arrays = {}
    for name, images in rows.items():
        size = np.max([image.shape[-2:] for image in images], axis=0)
        padded = []
        for image in images:
            corner = (np.array(image.shape[-2:]) - size) // 2
            padded.append(crop_padded(image, corner, size.tolist()))
        is_mask = padded[0].ndim == 2
        dtype = np.result_type(np.uint8, *padded) if is_mask else np.dtype(np.float16)
        stacked[name] = np.stack(padded).astype(dtype)
    return stacked
