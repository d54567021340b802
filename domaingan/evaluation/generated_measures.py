"""Measures of generated objects: their spread beside that of real crops, and the real-vs-fake accuracy.

The accuracy is measured at places that the generator never saw: those of real objects of the test subjects. So it
judges the object and not the place. The test subjects' crops are used for this measurement alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage, stats

from domaingan.banks import BOUND_REACH_PIXELS, Bank
from domaingan.banks.crops import crops
from domaingan.banks.find_objects import to_float16
from domaingan.core.devices import choose_device
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.data.slice_axes import find_fullest_slice
from domaingan.gan import GAN
from domaingan.gan.conditioning import is_known_spacing
from domaingan.gan.inpainting import ObjectTexture, paste_textures, random_rotations
from domaingan.imaging.intensity import (
    compute_equivalent_radius,
    find_extent,
    find_nonzero,
    find_ring,
    measure_contrast,
)
from domaingan.imaging.padded_crops import crop_padded
from domaingan.metrics.fidelity.two_sample_classifier import classify_pairs

MAX_PAIRS = 300
"""At most this many pairs are classified."""

MIN_PAIRS_PER_HALF = 10
"""With fewer pairs in either half nothing is classified."""

CROP_MEASURES = ("contrast", "radius_mm", "texture")
"""What is measured on each crop."""

VIEW_MARGIN = 5
"""The classifier sees this many pixels beyond what was generated."""

CONFIDENCE_QUANTILE = 0.975
"""Quantile of Student's t for 95 % intervals."""

Floats = NDArray[np.float64]


# ------------------------------------------------------------------------------------------------- spread


def measure_spread(bank: Bank) -> dict[str, Any]:
    """Measure mean and standard deviation over a bank of the measures of its crops.

    Args:
        bank: crops, real or generated.

    Returns:
        ``{"n": crops, "contrast": {"mean", "sd"}, "radius_mm": …, "texture": …}``. The contrast is to the ring, in
        scaled units of the first channel. The radius is that of a disc or ball of the same size. The texture is that
        of :func:`measure_texture`.
    """
    measures = np.array([_measure_crop(bank, i) for i in range(len(bank))])
    means = np.nanmean(measures, axis=0).tolist()
    deviations = np.nanstd(measures, axis=0).tolist()
    spread: dict[str, Any] = {"n": len(bank)}
    for name, mean, deviation in zip(CROP_MEASURES, means, deviations, strict=True):
        spread[name] = {"mean": mean, "sd": deviation}
    return spread


def _measure_crop(bank: Bank, index: int) -> tuple[float, float, float]:
    """Measure contrast, radius and texture of a crop."""
    crop = bank[index]
    ring = find_ring(crop.mask, inside=find_nonzero(crop.image))
    contrast = float(measure_contrast(crop.image, crop.mask, ring)[0])
    size = float(np.count_nonzero(crop.mask) * np.prod(crop.spacing))
    radius = compute_equivalent_radius(size, bank.info.spatial_dims)
    return contrast, radius, measure_texture(crop.image, crop.mask)


def measure_texture(image: NDArray[Any], mask: NDArray[Any]) -> float:
    """Measure the mean absolute difference of neighbours inside a mask, over axes and channels.

    Args:
        image: ``(C, *spatial)``.
        mask: ``(*spatial)``; above 0 inside.

    Returns:
        The mean; NaN where no two neighbours are inside.

    >>> measure_texture(np.array([[[0.0, 1.0, 3.0]]]), np.array([[0, 1, 1]]))
    2.0
    """
    is_inside = np.asarray(mask) > 0
    differences = []
    for axis in range(is_inside.ndim):
        without_first = np.delete(is_inside, 0, axis)
        without_last = np.delete(is_inside, -1, axis)
        both_inside = np.logical_and(without_first, without_last)
        differences.append(np.abs(np.diff(image, axis=axis + 1))[:, both_inside].ravel())
    all_differences = np.concatenate(differences)
    return float(all_differences.mean()) if len(all_differences) else float("nan")


# ------------------------------------------------------------------------------------------------- real or fake


@dataclass(frozen=True)
class HeldOutPlaces:
    """Real objects of subjects that a generator never saw, and the real crops that it was trained on.

    Attributes:
        real: crops of the held-out objects, at most :data:`MAX_PAIRS`.
        training_crops: the crops of the training subjects.
        seed: seeds what is drawn.
    """

    real: Bank
    training_crops: Bank
    seed: int

    @classmethod
    def from_test(cls, test: Dataset, training_crops: Bank, seed: int) -> HeldOutPlaces | None:
        """Find the places in a test set whose classes and pixels are like those of the training crops.

        Args:
            test: the test samples.
            training_crops: the crops of the training subjects.
            seed: seeds which places are taken where there are many.

        Returns:
            The places; None where there are none.
        """
        try:
            real = crops(test, training_crops.size[0])
        except DataError:  # nothing is labelled
            return None
        comparable = np.flatnonzero(_find_comparable(real, training_crops))
        chosen = np.random.default_rng(seed).permutation(comparable)[:MAX_PAIRS]
        if not len(chosen):
            return None
        return cls(real.take(np.sort(chosen)), training_crops, seed)

    def paste_training_crops(self) -> Bank:
        """Paste into each place the inside of a training crop of the same class, as the input of refine is made."""
        real = self.real
        rng = torch.Generator().manual_seed(self.seed)
        rotations = random_rotations(len(real), real.info.spatial_dims, real.info.domain, rng)
        images = []
        for i, crop in enumerate(real):
            candidates = self.training_crops.find_matching(**crop.condition)
            drawn = int(torch.randint(len(candidates), (), generator=rng))
            donor = self.training_crops[int(candidates[drawn])]
            image = torch.from_numpy(crop.image)[None]
            mask = torch.from_numpy(crop.mask)[None]
            texture = ObjectTexture.from_crop(donor.image, donor.mask)
            pasted = paste_textures(image, mask, [texture], rotations[i : i + 1])
            images.append(to_float16(pasted[0].numpy()))
        return Bank(real.info, np.stack(images), real.masks, real.entries)

    def inpaint(self, gan: GAN, device: str = "auto") -> Bank:
        """Generate an object in each place; a generator that refines is given :meth:`paste_training_crops`.

        Args:
            gan: a trained GAN that inpaints.
            device: where it generates.
        """
        assert gan.config is not None
        hosts = self.paste_training_crops() if "paste" in gan.config.network.conditioning else self.real
        return gan.sample(len(hosts), self.seed, device, hosts=hosts)


def _find_comparable(real: Bank, training_crops: Bank) -> NDArray[np.bool_]:
    """Find the places where a generator trained on these crops can generate: classes and pixels are like theirs."""
    training_spacing = np.asarray(training_crops.entries["spacing"], dtype=float)
    spacing = np.asarray(real.entries["spacing"], dtype=float)
    has_fitting_pixels = is_known_spacing(spacing, training_spacing) | (not real.info.domain.is_metric)
    mask_values = np.unique(training_crops.masks)
    counts = training_crops.count_conditions()
    is_comparable = np.zeros(len(real), dtype=bool)
    for i, crop in enumerate(real):
        has_known_values = bool(np.isin(crop.mask, mask_values).all())
        has_known_conditions = all(counts.get(name, {}).get(value) for name, value in crop.condition.items())
        is_comparable[i] = has_fitting_pixels[i] and has_known_values and has_known_conditions
    return is_comparable


def measure_real_vs_fake_accuracy(
    real: Bank, generated: Bank, seed: int = 0, device: str = "auto"
) -> dict[str, Any] | None:
    """Measure how well a small network tells generated from real objects, at the same places.

    The network is trained on the pairs of half of the subjects and tested on those of the others, then the other way
    round. It sees each picture by itself. Of volumes it sees three slices, those with most of the object. The lower
    the accuracy, the better the generator; 0.5 is chance.

    Args:
        real: real crops of at least two subjects (for drives: blocks of time; the halves are then the earlier and the
            later ones).
        generated: the same entries with generated objects.
        seed: seeds halves, weights and order.
        device: where the network is trained, see :func:`domaingan.core.devices.choose_device`.

    Returns:
        ``accuracy``, its 95 % interval ``ci`` (Student's t, pairs of a subject taken together), ``per_half``, and the
        number of ``pairs`` and of ``units``; None where there are too few pairs.
    """
    units = np.asarray(real.entries["subject"])
    can_rotate = not real.info.domain.has_ground
    is_first_half = _split_in_halves(units, np.random.default_rng(seed), is_shuffled=can_rotate)
    if min(is_first_half.sum(), (~is_first_half).sum()) < MIN_PAIRS_PER_HALF:
        return None
    edge = _choose_view_edge(real)
    views = [_make_pair_views(real, generated, i, edge) for i in range(len(real))]
    real_views, generated_views, masks, regions = [np.stack(column) for column in zip(*views, strict=True)]
    accuracy = classify_pairs(
        real_views,
        generated_views,
        masks,
        regions,
        is_first_half,
        can_rotate=can_rotate,
        seed=seed,
        device=choose_device(device),
    )
    return {
        "accuracy": float(accuracy.mean()),
        "ci": _compute_cluster_interval(accuracy, units),
        "per_half": [float(accuracy[is_first_half].mean()), float(accuracy[~is_first_half].mean())],
        "pairs": len(accuracy),
        "units": len(np.unique(units)),
    }


def _split_in_halves(units: NDArray[Any], rng: np.random.Generator, *, is_shuffled: bool) -> NDArray[np.bool_]:
    """Choose the pairs of the first half: whole units, about as many pairs in both halves."""
    names, counts = np.unique(units, return_counts=True)
    order = rng.permutation(len(names)) if is_shuffled else np.arange(len(names))
    middles = counts[order].cumsum() - counts[order] / 2
    first_half = names[order[middles <= len(units) / 2]]
    return np.isin(units, first_half)


def _compute_cluster_interval(values: Floats, units: NDArray[Any]) -> list[float]:
    """Compute the 95 % interval of a mean over pairs that come in clusters, from the residuals of the clusters."""
    mean = values.mean()
    residuals = np.array([(values[units == unit] - mean).sum() for unit in np.unique(units)])
    n = len(residuals)
    error = np.sqrt(n / (n - 1) * (residuals**2).sum())
    half = stats.t.ppf(CONFIDENCE_QUANTILE, n - 1) * error / len(values)
    return [max(0.0, float(mean - half)), min(1.0, float(mean + half))]


def _choose_view_edge(bank: Bank) -> int:
    """Choose the edge of a view: it holds nine in ten objects with their surroundings, and is a multiple of 4."""
    edges = []
    for mask in bank.masks:
        extent = find_extent(mask > 0)
        if extent:
            edges.append(max(side.stop - side.start for side in extent))
    wanted = float(np.quantile(edges, 0.9)) + 2 * (BOUND_REACH_PIXELS + VIEW_MARGIN)
    return int(min(bank.size[0], 4 * np.ceil(wanted / 4)))


def _make_pair_views(real: Bank, generated: Bank, index: int, edge: int) -> tuple[NDArray[Any], ...]:
    """Make views of a real crop and of the generated one, their one-hot masks, and the region of a difference."""
    real_crop, generated_crop = real[index], generated[index]
    is_object = real_crop.mask > 0
    region = ndimage.binary_dilation(is_object, np.ones((3,) * is_object.ndim), BOUND_REACH_PIXELS)
    values = np.array(list(real.info.classes.values())).reshape(-1, *[1] * is_object.ndim)
    one_hot = real_crop.mask == values
    corner = np.array([(side.start + side.stop) // 2 - edge // 2 for side in find_extent(is_object) or ()])
    layers = [
        crop_padded(real_crop.image, corner, edge),
        crop_padded(generated_crop.image, corner, edge),
        crop_padded(one_hot, corner, edge, fill=0),
        crop_padded(region[None], corner, edge, fill=0),
    ]
    if is_object.ndim == 2:
        return tuple(layer[None] for layer in layers)
    shown = np.asarray(layers[2].any(axis=0))
    positions = [find_fullest_slice(shown, axis) for axis in range(3)]
    views = []
    for layer in layers:
        views.append(np.stack([np.take(layer, positions[axis], axis + 1) for axis in range(3)]))
    return tuple(views)
