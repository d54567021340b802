"""Scores of masks of scans, for each person and each class or region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.data import Sample, Schema
from domaingan.metrics.lesions import LesionMatches
from domaingan.metrics.measures import OPTIONAL_GROUPS, SIZE_WORDS, MeasureGroup
from domaingan.metrics.ranking import ScoreHistogram
from domaingan.metrics.slice_stack import MaskPair, SliceStack, find_volume_units
from domaingan.metrics.surfaces import SurfaceDistances
from domaingan.metrics.voxel_units import VoxelUnits

MIN_FOUND_DICE = 0.1
"""A person's object counts as found from this Dice on."""

ClassProbabilities = Mapping[int, NDArray[Any]]
"""``{class value: (*spatial)}`` predicted probabilities, 0 to 1, at the grid of the mask."""


@dataclass
class _TargetCounts:
    """What is counted of a person's class or region.

    Attributes:
        n_both: voxels in truth and prediction.
        n_true: voxels in the truth.
        n_predicted: voxels in the prediction.
        histogram: of the predicted probabilities; None where there were none.
        surfaces: distances between outlines.
        lesions: matched lesions.
    """

    n_both: int = 0
    n_true: int = 0
    n_predicted: int = 0
    histogram: ScoreHistogram | None = None
    surfaces: SurfaceDistances = field(default_factory=SurfaceDistances)
    lesions: LesionMatches = field(default_factory=LesionMatches)


@dataclass
class _PersonCounts:
    """What is counted of a person: for each class or region, and the units of the voxels."""

    targets: dict[str, _TargetCounts]
    units: VoxelUnits


class ScanCounter:
    """Count masks and predictions of scans piece by piece, and compute every person's scores.

    Slices of a volume that follow one another are put together again: lesions and outlines are those of the volume.

    Args:
        schema: names the classes, the regions and what is ignored.
        groups: which measures are computed beside the Dice, see :data:`OPTIONAL_GROUPS`.

    >>> from domaingan.data import SCAN, Geometry
    >>> counter = ScanCounter(Schema("nifti", SCAN, 2, ("t1",), {"lesion": 1}))
    >>> truth = np.array([[1, 1], [0, 0]])
    >>> sample = Sample(np.zeros((1, 2, 2), np.float32), truth, geometry=Geometry((2.0, 0.5)))
    >>> counter.add("a", sample, prediction=np.array([[1, 0], [0, 0]]))
    >>> scores = counter.compute_scores()["a"]
    >>> scores["dice:lesion"], scores["fn_mm2:lesion"]
    (0.6666666666666666, 1.0)
    """

    def __init__(self, schema: Schema, groups: Sequence[MeasureGroup] = OPTIONAL_GROUPS) -> None:
        self.targets = list_targets(schema)
        self.ignore = schema.ignore
        self.has_background = all(0 not in values for values in self.targets.values())
        self.groups = frozenset(groups)
        self._people: dict[str, _PersonCounts] = {}
        self._stack = SliceStack()

    def add(
        self, unit: str, sample: Sample, prediction: NDArray[Any], probabilities: ClassProbabilities | None = None
    ) -> None:
        """Count a slice or volume of a person. The slices of a volume must follow one another.

        Args:
            unit: whose it is; the pieces of a person are counted together.
            sample: at the data's own grid; its mask is the truth.
            prediction: ``(*spatial)`` the predicted mask.
            probabilities: see :data:`ClassProbabilities`; without them there is no average precision.
        """
        truth = np.asarray(sample.mask)
        person = self._open_person(unit, sample)
        if probabilities is not None and "precision" in self.groups:
            self._count_probabilities(person, truth, probabilities)
        for piece in self._stack.add(unit, sample, truth, prediction):
            self._count_piece(piece)

    def compute_scores(self) -> dict[str, dict[str, float]]:
        """Compute the scores of each person.

        Returns:
            For each person the metrics ``MEASURE:CLASS``, see ``docs/metrics.md``. Those that say how well a class was
            found are NaN where a person does not have it; those that begin with ``false`` are NaN where they have.
        """
        for piece in self._stack.flush():
            self._count_piece(piece)
        scores: dict[str, dict[str, float]] = {}
        for unit, person in self._people.items():
            row: dict[str, float] = {}
            for name, counts in person.targets.items():
                for measure, value in self._compute_measures(counts, person.units).items():
                    row[f"{measure}:{name}"] = value
            scores[unit] = row
        return scores

    def _open_person(self, unit: str, sample: Sample) -> _PersonCounts:
        if unit not in self._people:
            targets = {name: _TargetCounts() for name in self.targets}
            self._people[unit] = _PersonCounts(targets, find_volume_units(sample))
        return self._people[unit]

    def _count_probabilities(
        self, person: _PersonCounts, truth: NDArray[Any], probabilities: ClassProbabilities
    ) -> None:
        is_counted = ~np.isin(truth, self.ignore) if self.ignore else None
        for name, values in self.targets.items():
            counts = person.targets[name]
            counts.histogram = counts.histogram or ScoreHistogram()
            scores = _add_probabilities(probabilities, values)
            is_true = _is_in(truth, values)
            if is_counted is not None:
                scores, is_true = scores[is_counted], is_true[is_counted]
            counts.histogram.add(scores, is_true)

    def _count_piece(self, piece: MaskPair) -> None:
        """Count a volume, or a slice that belongs to none."""
        truth, prediction = piece.truth, piece.prediction
        if self.has_background:
            truth, prediction = _crop_to_foreground(truth, prediction)
        is_counted = ~np.isin(truth, self.ignore) if self.ignore else np.True_
        diagonal = piece.units.measure_diagonal(piece.truth.shape)
        for name, values in self.targets.items():
            counts = self._people[piece.unit].targets[name]
            is_true = _is_in(truth, values) & is_counted
            is_predicted = _is_in(prediction, values) & is_counted
            counts.n_both += int(np.count_nonzero(is_true & is_predicted))
            counts.n_true += int(np.count_nonzero(is_true))
            counts.n_predicted += int(np.count_nonzero(is_predicted))
            is_true, is_predicted = _crop_to_foreground(is_true, is_predicted)
            if "surfaces" in self.groups:
                counts.surfaces.add(is_true, is_predicted, piece.units, diagonal)
            if "lesions" in self.groups:
                counts.lesions.add(is_true, is_predicted, piece.units)

    def _compute_measures(self, counts: _TargetCounts, units: VoxelUnits) -> dict[str, float]:
        """Compute all measures of a class; NaN where one does not apply."""
        measures = _compute_overlap(counts)
        if counts.histogram is not None:
            measures["auprc"] = counts.histogram.compute_auprc()
        if "surfaces" in self.groups:
            measures |= _compute_surfaces(counts, units)
        if "lesions" in self.groups:
            measures |= _compute_lesions(counts)
        if "volumes" in self.groups:
            measures |= _compute_volumes(counts, units)
        return measures


def list_targets(schema: Schema) -> dict[str, tuple[int, ...]]:
    """List the classes and the regions of several classes that are scored, with their mask values."""
    targets: dict[str, tuple[int, ...]] = {}
    for name, value in schema.classes.items():
        if value not in schema.ignore:
            targets[name] = (value,)
    for name, values in schema.regions.items():
        if len(values) > 1:
            targets[name] = values
    return targets


def _compute_overlap(counts: _TargetCounts) -> dict[str, float]:
    if not counts.n_true:
        return {"dice": np.nan, "found": np.nan, "false": float(counts.n_predicted > 0)}
    dice = 2 * counts.n_both / (counts.n_true + counts.n_predicted)
    return {"dice": dice, "found": float(dice >= MIN_FOUND_DICE), "false": np.nan}


def _compute_volumes(counts: _TargetCounts, units: VoxelUnits) -> dict[str, float]:
    suffix = units.volume_suffix
    wrong = (counts.n_predicted - counts.n_both) * units.voxel_size
    has_class = counts.n_true > 0
    return {
        f"tp_{suffix}": counts.n_both * units.voxel_size if has_class else np.nan,
        f"fn_{suffix}": (counts.n_true - counts.n_both) * units.voxel_size if has_class else np.nan,
        f"fp_{suffix}": wrong if has_class else np.nan,
        f"false_{suffix}": np.nan if has_class else wrong,
    }


def _compute_lesions(counts: _TargetCounts) -> dict[str, float]:
    lesions = counts.lesions
    has_class = counts.n_true > 0
    measures = {
        "lesion_f1": lesions.compute_f1() if has_class else np.nan,
        "lesion_sensitivity": lesions.compute_sensitivity(),
    }
    for size in SIZE_WORDS:
        measures[f"lesion_sensitivity_{size}"] = lesions.compute_sensitivity(size)
    measures["fp_lesions"] = float(lesions.n_false) if has_class else np.nan
    measures["false_lesions"] = np.nan if has_class else float(lesions.n_false)
    return measures


def _compute_surfaces(counts: _TargetCounts, units: VoxelUnits) -> dict[str, float]:
    name = f"hd95{units.distance_suffix}"
    if not counts.n_true:
        return {"nsd": np.nan, name: np.nan}
    return {"nsd": counts.surfaces.compute_nsd(), name: counts.surfaces.compute_hd95()}


def _add_probabilities(probabilities: ClassProbabilities, values: Sequence[int]) -> NDArray[np.float32]:
    """Add the probabilities of a region's classes."""
    total = np.asarray(probabilities[values[0]], dtype=np.float32)
    for value in values[1:]:
        total = total + np.asarray(probabilities[value], dtype=np.float32)
    return total


def _is_in(mask: NDArray[Any], values: Sequence[int]) -> NDArray[np.bool_]:
    """Find where a mask has one of a few values; faster than ``np.isin``."""
    found = mask == values[0]
    for value in values[1:]:
        found |= mask == value
    return found


def _crop_to_foreground(truth: NDArray[Any], prediction: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Crop two masks to the box in which either is not 0; to nothing where both are 0."""
    is_foreground = (truth != 0) | (prediction != 0)
    box = []
    for axis in range(truth.ndim):
        others = tuple(other for other in range(truth.ndim) if other != axis)
        filled = np.flatnonzero(is_foreground.any(axis=others))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1) if len(filled) else slice(0, 0))
    return truth[tuple(box)], prediction[tuple(box)]
