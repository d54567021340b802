"""Where in a body objects are tried: anywhere, where the bank's were found, or where a map says.

Coordinates are relative to the box of the host's foreground, so that heads of different sizes and positions agree. A
prior's run along the body's axes, so that scans stored in other directions agree, and so do a NIfTI file's map's; other
maps are as the hosts' arrays.
Whatever is proposed, an object goes only where it fits (:func:`domaingan.blend.placement.find_place`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import Bank
from domaingan.blend.scan.atlas import align_map_axes, read_atlas, read_axes
from domaingan.core.errors import DataError
from domaingan.imaging.body_axes import BodyAxes, from_body_coordinates
from domaingan.imaging.resample import resize

PRIOR_STRENGTH = 20
"""Of so many subjects, half of the objects go where those of their class were found, and half anywhere; of n subjects a
share of n / (n + PRIOR_STRENGTH). A prior that was narrower than ten people support cost a segmenter more than it
gained."""

PROPOSALS_PER_TRY = 4
"""So many places are drawn from a prior for each that is tried: many lie outside, or on something."""

PLACEMENTS = ("uniform", "prior")
"""Names of the placements that follow from a bank alone."""

Box = tuple[slice, ...]
Mask = NDArray[np.bool_]
Centres = NDArray[np.int64]

CentreSampler = Callable[[int, Mask, int, np.random.Generator], Centres]
"""Called with the code of an object's class, where its middle may be ``(*host)``, how many places and the source of
draws; returns middles ``(n, dims)`` to be tried in order."""


class Placement(Protocol):
    """Say where in a host crops are tried."""

    def for_box(self, box: Box, axes: BodyAxes) -> CentreSampler:
        """Return what samples places in a host.

        Args:
            box: around the host's foreground.
            axes: for each axis of the host the body's axis that it runs along, and its direction.
        """


@dataclass(frozen=True)
class UniformPlacement:
    """Try every free place in the body with the same probability."""

    def for_box(self, box: Box, axes: BodyAxes) -> CentreSampler:
        """Return what samples places uniformly; box and axes do not matter."""
        return lambda kind, free, tries, rng: _sample_free(free, None, tries, rng)


@dataclass(frozen=True, eq=False)
class PlacementPrior:
    """A kernel density of where each class was found, mixed with anywhere by the number of subjects that support it.

    Attributes:
        centres: for each class's code ``(n, dims)`` relative coordinates.
        bandwidths: for each the standard deviations ``(dims,)`` of its Gaussian kernels.
        prior_shares: for each the share of its objects that follow the density.
    """

    centres: Mapping[int, NDArray[np.float64]]
    bandwidths: Mapping[int, NDArray[np.float64]]
    prior_shares: Mapping[int, float]

    @classmethod
    def from_bank(cls, bank: Bank, entries: NDArray[np.int64]) -> PlacementPrior:
        """Learned from these entries of a bank, by the values of its first class condition.

        Raises:
            DataError: nothing is known of where they lay.
        """
        rows, codes = bank.entries[entries], get_class_codes(bank)[entries]
        known = (rows["centre"] != 0).any(axis=1)  # no object has its middle in the corner of the box
        if not known.any():
            raise DataError("crops of unknown places", path=bank.path, expected="a bank of crops cut from scans")
        centres = {int(code): rows["centre"][known & (codes == code)].astype(float) for code in np.unique(codes[known])}
        shares = {}
        for code in centres:
            subjects = np.unique(rows["subject"][known & (codes == code)])
            n = int((subjects >= 0).sum()) or len(bank.subjects)  # a generator's crops are of all that it saw
            shares[code] = n / (n + PRIOR_STRENGTH)
        return cls(centres, {code: _compute_bandwidths(own) for code, own in centres.items()}, shares)

    def for_box(self, box: Box, axes: BodyAxes) -> CentreSampler:
        """In the host's own pixels."""
        start, size = np.array([side.start for side in box]), np.array([side.stop - side.start for side in box])

        def middles(kind: int, free: Mask, tries: int, rng: np.random.Generator) -> Centres:
            anywhere = _sample_free_by_body_axes(free, axes, tries, rng)
            if rng.random() >= self.prior_shares.get(kind, 0.0):
                return anywhere
            centres = self.centres[kind][rng.integers(len(self.centres[kind]), size=PROPOSALS_PER_TRY * tries)]
            centres = centres + self.bandwidths[kind] * rng.normal(size=centres.shape)
            centres = from_body_coordinates(centres, axes)
            spots = np.rint(start + centres * size - 0.5).astype(np.int64)
            spots = spots[((spots >= 0) & (spots < free.shape)).all(axis=1)]
            return np.concatenate([spots[free[tuple(spots.T)]][:tries], anywhere])

        return middles


@dataclass(frozen=True, eq=False)
class PlacementAtlas:
    """A map of relative weights over the foreground's box, the same for every class.

    Attributes:
        weights: ``(*map)`` none negative, of any size.
        axes: how its axes run in the body; None: as the hosts' arrays do.
    """

    weights: NDArray[np.float32]
    axes: BodyAxes | None = None

    def for_box(self, box: Box, axes: BodyAxes) -> CentreSampler:
        """The map as large as the host's box, and turned as its axes are."""
        stored = self.weights if self.axes is None else align_map_axes(self.weights, self.axes, axes)
        weights = np.maximum(resize(stored, [side.stop - side.start for side in box]), 0)

        def middles(kind: int, free: Mask, tries: int, rng: np.random.Generator) -> Centres:
            return _sample_free(free[box], weights, tries, rng) + [side.start for side in box]

        return middles


def build_placement(
    bank: Bank, entries: NDArray[np.int64], name: str, atlas: NDArray[Any] | str | Path | None
) -> Placement:
    """A placement by name, or a map's.

    Raises:
        DataError: no such placement; a map beside a prior; a map that is not as :func:`read_atlas` wants it; or frames,
            whose objects stand on the ground of their class, as large as their row calls for.
    """
    if name not in PLACEMENTS:
        raise DataError(f"placement {name!r}", expected=f"one of {', '.join(PLACEMENTS)}")
    if name != PLACEMENTS[0] and atlas is not None:
        raise DataError(f"placement {name!r} and an atlas", expected="one of them")
    if not bank.info.domain.has_body and (name != PLACEMENTS[0] or atlas is not None):
        raise DataError("a placement for frames", path=bank.path, expected="none: objects go where their class stands")
    if atlas is not None:
        dims = bank.info.spatial_dims
        return PlacementAtlas(read_atlas(atlas, dims), read_axes(atlas, dims))
    return PlacementPrior.from_bank(bank, entries) if name != PLACEMENTS[0] and len(entries) else UniformPlacement()


def get_class_codes(bank: Bank) -> NDArray[np.int64]:
    """The code of each entry's class: of its first class condition, 0 where there is none."""
    names = list(bank.info.conditions)
    return np.asarray(bank.entries[f"condition:{names[0]}"] if names else np.zeros(len(bank)), dtype=np.int64)


def _compute_bandwidths(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scott's bandwidths (D. W. Scott, "Multivariate Density Estimation", 1992).

    The variance counts one more centre than there are, with that of a uniform distribution (1/12), so that the kernels
    of few are wide.
    """
    n, dims = centres.shape
    variance = (((centres - centres.mean(axis=0)) ** 2).sum(axis=0) + 1 / 12) / n
    width: NDArray[np.float64] = np.sqrt(variance) * n ** (-1 / (dims + 4))
    return width


def _sample_free_by_body_axes(free: Mask, axes: BodyAxes, n: int, rng: np.random.Generator) -> Centres:
    """Some of the places that are free, drawn evenly, the same in the body whichever way the array's axes run."""
    order = np.argsort([axis for axis, _ in axes], kind="stable")
    reversed_axes = [i for i, (_, sign) in enumerate(axes) if sign < 0]
    spots = _sample_free(np.transpose(np.flip(free, reversed_axes), order), None, n, rng)[:, np.argsort(order)]
    for i in reversed_axes:
        spots[:, i] = free.shape[i] - 1 - spots[:, i]
    return spots


def _sample_free(free: Mask, weights: NDArray[np.float32] | None, n: int, rng: np.random.Generator) -> Centres:
    """Some of the places that are free, drawn evenly or by weights; none where there is none (of any weight)."""
    spots = np.flatnonzero(free)
    if weights is not None:
        chances = np.cumsum(weights.ravel()[spots], dtype=np.float64)
        spots = spots[chances.searchsorted(rng.random(n) * chances[-1], side="right")] if chances.any() else spots[:0]
    elif len(spots):
        spots = rng.choice(spots, n)
    return np.stack(np.unravel_index(spots, free.shape), axis=1).astype(np.int64)
