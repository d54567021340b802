"""Which stored values are 0 and 1 in scaled units: those of a fixed range where units are absolute, else percentiles.

Hounsfield units mean the same in every scan, so a CT has one range for all; a lesion of +60 HU stays one of +60 HU in
any other CT. The units of MR mean something in their own scan alone: there it is percentiles of the body.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, IntensityRange, Sample
from domaingan.imaging.body import is_hounsfield

HOUNSFIELD_RANGE = (-1000.0, 1000.0)
"""What is 0 and 1 in a CT, in Hounsfield units: air, and above bone's spongy parts."""

MAX_SAMPLED_VOXELS = 200_000
"""The units of a channel are guessed from at most this many voxels, evenly spread."""

MIN_PADDING_SHARE = 0.02
"""A value can be padding if at least this share of the voxels has it."""

ChannelRange = tuple[float, float]


def find_absolute_channels(sample: Sample) -> NDArray[np.bool_]:
    """Find which channels of a scan have absolute units, such as Hounsfield units.

    A scan whose intensity range is known tells it. Otherwise a channel has absolute units if its values look like a CT,
    see :func:`is_ct`.

    Args:
        sample: a scan.

    Returns:
        ``(C,)`` bool. No channel has absolute units where a range is known that does not tell it.
    """
    known = sample.intensity_range
    if known is None:
        return np.array([is_ct(channel) for channel in sample.image], dtype=bool)
    if known.absolute is None:
        return np.zeros(len(sample.image), dtype=bool)
    return known.absolute


def is_hounsfield_range(pair: ChannelRange) -> bool:
    """Tell a range of Hounsfield units from one of other absolute units, which begin at 0, or of normalised values.

    >>> is_hounsfield_range((-160, 240)), is_hounsfield_range((0, 20)), is_hounsfield_range((-3, 3))
    (True, False, False)
    """
    return pair[0] < 0 and pair[1] - pair[0] >= 100


def is_ct(channel: NDArray[Any]) -> bool:
    """Tell by the values of a ``(*spatial)`` channel, padding and all, whether they are Hounsfield units."""
    values = channel.ravel()[:: max(1, channel.size // MAX_SAMPLED_VOXELS)]
    if not values.size or values.min() > -20:  # most scans
        return False
    paddings = _find_paddings(values)
    shown = values[~np.isin(values, paddings)]
    has_air = bool(((paddings <= -900) & (paddings >= -1100)).any())
    return is_hounsfield(shown, has_air=has_air)


def _find_paddings(values: NDArray[Any]) -> NDArray[Any]:
    """Values that may lie around a scan: 0, or as low as air or the lowest, and often there."""
    found, counts = np.unique(values, return_counts=True)
    is_often = counts >= MIN_PADDING_SHARE * values.size
    paddings: NDArray[Any] = found[is_often & ((found == 0) | (found <= -900) | (found == found[0]))]
    return paddings


@dataclass(frozen=True)
class RangeSetter:
    """Gives samples the range of those channels that have a fixed one.

    Attributes:
        rows: what is 0 and 1 in each channel, NaN where that is measured.
    """

    rows: tuple[ChannelRange, ...]

    def __call__(self, sample: Sample) -> Sample:
        """Give a sample its ``intensity_range``."""
        ends = np.array(self.rows, dtype=np.float32)
        is_fixed = np.asarray(~np.isnan(ends).any(axis=1))
        return replace(sample, intensity_range=IntensityRange(ends, is_fixed))


def with_ranges(dataset: Dataset, ranges: ChannelRange | Sequence[ChannelRange | None] | None) -> Dataset:
    """Give the scans of a dataset a fixed range.

    Args:
        dataset: of scans.
        ranges: what is 0 and 1: one pair for all channels, or one for each channel, None where it is measured. Without
            ranges the dataset is returned as it is.

    Returns:
        The same samples; they get their range when they are read.

    Raises:
        DataError: frames, other than one pair a channel, or no range.
    """
    if ranges is None:
        return dataset
    schema = dataset.schema
    if schema.domain.is_rgb:
        raise DataError("a range for frames", path=dataset.root, expected="it for scans alone")
    is_one = len(ranges) == 2 and not any(isinstance(end, Sequence) or end is None for end in ranges)
    rows = [ranges] * len(schema.channels) if is_one else list(ranges)
    if len(rows) != len(schema.channels):
        expected = f"LOW, HIGH, or a pair for each of {', '.join(schema.channels)}"
        raise DataError(f"{len(rows)} ranges", path=dataset.root, expected=expected)
    named: dict[str, ChannelRange] = {}
    for channel, row in zip(schema.channels, rows, strict=True):
        if row is None:
            continue
        low, high = float(row[0]), float(row[1])  # type: ignore[index, arg-type]
        if not (np.isfinite([low, high]).all() and low < high):
            raise DataError(f"range {low:g} to {high:g}", path=dataset.root, expected="the lower number first")
        named[channel] = (low, high)
    missing = (float("nan"), float("nan"))
    change = RangeSetter(tuple(named.get(channel, missing) for channel in schema.channels))
    return dataset.map(change, replace(schema, ranges=named))


@dataclass(frozen=True)
class Scaling:
    """Say how a scan was brought to scaled units.

    Attributes:
        ends: ``(C, 2)`` what is 0 and 1.
        absolute: ``(C,)`` which of them are of absolute units.
        percentiles: ``(C, 2)`` of those the percentiles of the body, else as ``ends``.
    """

    ends: NDArray[np.float32]
    absolute: NDArray[np.bool_]
    percentiles: NDArray[np.float32]


def find_shared_ranges(
    channels: Sequence[str], scalings: Sequence[Scaling]
) -> tuple[dict[str, ChannelRange], dict[str, ChannelRange]]:
    """Find the ranges that all scans share because their units are absolute.

    Args:
        channels: their names.
        scalings: of each scan.

    Returns:
        The range by channel, and for the same channels the median of the scans' percentiles.
    """
    ranges, percentiles = dict[str, ChannelRange](), dict[str, ChannelRange]()
    for i, name in enumerate(channels):
        pairs = {(float(one.ends[i, 0]), float(one.ends[i, 1])) for one in scalings}
        if len(pairs) > 1 or not all(one.absolute[i] for one in scalings):
            continue
        low, high = np.median([one.percentiles[i] for one in scalings], axis=0).tolist()
        ranges[name], percentiles[name] = pairs.pop(), (low, high)
    return ranges, percentiles


def warn_about_guessed_ranges(
    channels: Sequence[str], scalings: Sequence[Scaling], named_ranges: Mapping[str, ChannelRange]
) -> None:
    """Warn about channels whose units were guessed from their values alone.

    Args:
        channels: their names.
        scalings: of each scan.
        named_ranges: of the channels whose range a person named.
    """
    for i, name in enumerate(channels):
        n = sum(bool(one.absolute[i]) for one in scalings)
        if name in named_ranges or not n:
            continue
        low, high = HOUNSFIELD_RANGE
        if n == len(scalings):
            which, otherwise = name, "another"
        else:
            which, otherwise = f"{name} of {n} of {len(scalings)} crops", "one for all"
        said = f"{which}: values look like Hounsfield units, so {low:g} to {high:g} is the range;"
        warnings.warn(f'{said} "range" in classes.json or --range names {otherwise}', AssumptionWarning, stacklevel=3)
