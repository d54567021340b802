"""What generators that paint into hosts made, measured: its spread beside that of real crops, and "painted or real?".

That question is asked at places which the generator never saw, those of real objects of the test subjects, so that the
answer judges the painting and not the place. These crops are looked at for this measurement alone.
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
"""At most so many pairs are told apart."""

MIN_PAIRS_PER_HALF = 10
"""With fewer pairs in either half nothing is told apart."""

CROP_MEASURES = ("contrast", "radius_mm", "texture")
"""What is measured on each crop."""

VIEW_MARGIN = 5
"""Painted and real are looked at up to so many pixels beyond what was painted."""

Floats = NDArray[np.float64]


# ------------------------------------------------------------------------------------------------- spread


def measure_spread(bank: Bank) -> dict[str, Any]:
    """Mean and standard deviation over a bank of what is measured on each of its crops.

    Returns:
        ``{"n": crops, "contrast": {"mean", "sd"}, "radius_mm": …, "texture": …}``: contrast to the ring (scaled units,
        first channel), radius of a disc or ball as large, and :func:`texture`.
    """
    found = np.array([_measure_crop(bank, i) for i in range(len(bank))])
    means, sds = np.nanmean(found, axis=0).tolist(), np.nanstd(found, axis=0).tolist()
    columns = {name: {"mean": m, "sd": s} for name, m, s in zip(CROP_MEASURES, means, sds, strict=True)}
    return {"n": len(bank), **columns}


def _measure_crop(bank: Bank, index: int) -> tuple[float, float, float]:
    crop = bank[index]
    around = find_ring(crop.mask, inside=find_nonzero(crop.image))
    radius = compute_equivalent_radius(
        float(np.count_nonzero(crop.mask) * np.prod(crop.spacing)), bank.info.spatial_dims
    )
    return float(measure_contrast(crop.image, crop.mask, around)[0]), radius, measure_texture(crop.image, crop.mask)


def measure_texture(image: NDArray[Any], mask: NDArray[Any]) -> float:
    """Mean absolute difference of neighbours that both lie in a mask, over axes and channels; NaN where none do.

    >>> measure_texture(np.array([[[0.0, 1.0, 3.0]]]), np.array([[0, 1, 1]]))
    2.0
    """
    body, steps = np.asarray(mask) > 0, []
    for axis in range(body.ndim):
        both = np.logical_and(np.delete(body, 0, axis), np.delete(body, -1, axis))
        steps.append(np.abs(np.diff(image, axis=axis + 1))[:, both].ravel())
    every = np.concatenate(steps)
    return float(every.mean()) if len(every) else float("nan")


# ------------------------------------------------------------------------------------------------- painted or real


@dataclass(frozen=True)
class HeldOutPlaces:
    """Real objects of subjects that a generator never saw, and real crops that it did see.

    Attributes:
        real: the former, at most :data:`MAX_PAIRS`.
        seen: the latter.
        seed: of what is drawn.
    """

    real: Bank
    training_crops: Bank
    seed: int

    @classmethod
    def from_test(cls, test: Dataset, training_crops: Bank, seed: int) -> HeldOutPlaces | None:
        """Those of a test set, whose classes and pixels are like those of the crops seen; None where there are none."""
        try:
            real = crops(test, training_crops.size[0])
        except DataError:  # nothing is labelled
            return None
        chosen = np.random.default_rng(seed).permutation(np.flatnonzero(_find_comparable(real, training_crops)))[
            :MAX_PAIRS
        ]
        return cls(real.take(np.sort(chosen)), training_crops, seed) if len(chosen) else None

    def paste_training_crops(self) -> Bank:
        """The same places with the inside of another object, a seen one of the same class, as refine is shown it."""
        real, rng = self.real, torch.Generator().manual_seed(self.seed)
        about: Any = real.info  # what turns asks a model's config for
        turned, images = random_rotations(len(real), about, rng), []
        for i, crop in enumerate(real):
            same = self.training_crops.find_matching(**crop.condition)
            other = self.training_crops[int(same[int(torch.randint(len(same), (), generator=rng))])]
            image, body = torch.from_numpy(crop.image)[None], torch.from_numpy(crop.mask)[None]
            put = paste_textures(image, body, [ObjectTexture.from_crop(other.image, other.mask)], turned[i : i + 1])
            images.append(to_float16(put[0].numpy()))
        return Bank(real.info, np.stack(images), real.masks, real.entries)

    def inpaint(self, gan: GAN) -> Bank:
        """The same places, painted by a generator: in what was there, or in :meth:`pasted` where it is shown that."""
        assert gan.config is not None
        hosts = self.paste_training_crops() if "paste" in gan.config.network.conditioning else self.real
        return gan.sample(len(hosts), seed=self.seed, hosts=hosts)


def _find_comparable(real: Bank, training_crops: Bank) -> NDArray[np.bool_]:
    """Which places a generator that was trained on the crops seen can paint at: classes and pixels are like theirs."""
    spacing, own = (np.asarray(bank.entries["spacing"], dtype=float) for bank in (training_crops, real))
    fits = is_known_spacing(own, spacing) | (not real.info.domain.is_metric)
    values = np.unique(training_crops.masks)
    counts = training_crops.count_conditions()
    return np.array(
        [
            ok
            and bool(np.isin(crop.mask, values).all())
            and all(counts.get(name, {}).get(value) for name, value in crop.condition.items())
            for ok, crop in zip(fits.tolist(), real, strict=True)
        ],
        dtype=bool,
    )


def measure_real_vs_fake_accuracy(real: Bank, generated: Bank, seed: int = 0) -> dict[str, Any] | None:
    """How well a small network tells painted from real, the same places twice.

    It is fitted to the pairs of half of the subjects and asked about those of the others, and the other way round; each
    picture is shown by itself. Of volumes it sees three slices, those with most of the object.

    Args:
        real: real crops, of at least two subjects (of drives: blocks of time; the halves are then the earlier and the
            later ones).
        painted: the same entries, painted.
        seed: of halves, weights and order.

    Returns:
        ``accuracy``, its 95 % interval ``ci`` (Student's t, pairs of a subject taken together), ``per_half``, and the
        number of ``pairs`` and of ``units``; None where there are too few.
    """
    units = np.asarray(real.entries["subject"])
    free = not real.info.domain.has_ground
    part = _split_in_halves(units, np.random.default_rng(seed), is_shuffled=free)
    if min(part.sum(), (~part).sum()) < MIN_PAIRS_PER_HALF:
        return None
    edge = _choose_view_edge(real)
    columns = zip(*(_make_pair_views(real, generated, i, edge) for i in range(len(real))), strict=True)
    one, two, marks, near = (np.stack(column) for column in columns)
    right = classify_pairs(one, two, marks, near, part, can_rotate=free, seed=seed)
    return {
        "accuracy": float(right.mean()),
        "ci": _compute_cluster_interval(right, units),
        "per_half": [float(right[part].mean()), float(right[~part].mean())],
        "pairs": len(right),
        "units": len(np.unique(units)),
    }


def _split_in_halves(units: NDArray[Any], rng: np.random.Generator, *, is_shuffled: bool) -> NDArray[np.bool_]:
    """Which half each pair belongs to: whole units, about as many pairs in both."""
    names, counts = np.unique(units, return_counts=True)
    order = rng.permutation(len(names)) if is_shuffled else np.arange(len(names))
    before = counts[order].cumsum() - counts[order] / 2
    return np.isin(units, names[order[before <= len(units) / 2]])


def _compute_cluster_interval(right: Floats, units: NDArray[Any]) -> list[float]:
    """95 % interval of a mean over pairs that come in clusters, its variance from the clusters' residuals."""
    sums = np.array([(right[units == unit] - right.mean()).sum() for unit in np.unique(units)])
    n = len(sums)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(n / (n - 1) * (sums**2).sum()) / len(right)
    return [max(0.0, float(right.mean() - half)), min(1.0, float(right.mean() + half))]


def _choose_view_edge(bank: Bank) -> int:
    """Edge of what is looked at: it holds nine in ten objects with their surroundings; a multiple of 4."""
    sides = [max(side.stop - side.start for side in where) for mask in bank.masks if (where := find_extent(mask > 0))]
    wanted = float(np.quantile(sides, 0.9)) + 2 * (BOUND_REACH_PIXELS + VIEW_MARGIN)
    return int(min(bank.size[0], 4 * np.ceil(wanted / 4)))


def _make_pair_views(real: Bank, generated: Bank, index: int, edge: int) -> tuple[NDArray[Any], ...]:
    """Views of the real crop and of the painted one, their one-hot masks, and where a difference may be."""
    one, two = real[index], generated[index]
    body = one.mask > 0
    grown = ndimage.binary_dilation(body, np.ones((3,) * body.ndim), BOUND_REACH_PIXELS)
    values = np.array(list(real.info.classes.values())).reshape(-1, *[1] * body.ndim)
    corner = np.array([(side.start + side.stop) // 2 - edge // 2 for side in find_extent(body) or ()])
    layers = [crop_padded(image, corner, edge) for image in (one.image, two.image)]
    layers += [crop_padded(mask, corner, edge, fill=0) for mask in (one.mask == values, grown[None])]
    views = [layers]
    if body.ndim == 3:
        most = [find_fullest_slice(np.asarray(layers[2].any(axis=0)), axis) for axis in range(3)]
        views = [[np.take(layer, most[axis], axis + 1) for layer in layers] for axis in range(3)]
    return tuple(np.stack(column) for column in zip(*views, strict=True))
