"""Find the stored values of a host that are 0 and 1 in a bank's scaled units."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import BankInfo
from domaingan.core.errors import AssumptionWarning
from domaingan.data import SCAN, Sample
from domaingan.imaging.intensity import get_intensity_range, measure_body_percentiles
from domaingan.imaging.ranges import find_absolute_channels, is_hounsfield_range

MIN_SATURATED_SHARE = 0.005
"""A channel was clipped to a window if more than this share has the lowest value, and the highest value as well."""

MIN_PERCENTILE_WIDTH = 30.0
"""Smallest difference between the percentiles of a body in Hounsfield units: noise alone spreads as far."""


def find_host_range(sample: Sample, info: BankInfo) -> NDArray[np.float32]:
    """Find the stored values of a host that are 0 and 1 in the scaled units of a bank.

    Args:
        sample: a scan.
        info: of the bank.

    Returns:
        ``(C, 2)``. For a channel with a fixed range in the bank: that range, if the host may be in the same units. If
        it is not (it was scaled or clipped), a range that maps its percentiles to those of the bank's donors. For
        other channels: the host's known range, else its percentiles.
    """
    ranges = get_intensity_range(sample, SCAN)
    is_absolute = find_absolute_channels(sample)
    known_range = sample.intensity_range
    is_set_by_user = known_range is not None and known_range.absolute is None
    for i, name in enumerate(info.channels):
        fixed_range = info.ranges.get(name)
        if fixed_range is None:
            if is_absolute[i] and known_range is None:
                ranges[i] = measure_body_percentiles(sample)[i]
        elif is_absolute[i]:
            ranges[i] = fixed_range
        elif is_set_by_user:
            continue
        elif _can_be_in_units(sample.image[i], ranges[i], fixed_range):
            ranges[i] = fixed_range
        else:
            donor_percentiles = info.percentiles.get(name, fixed_range)
            ranges[i] = _match_donor_percentiles(ranges[i], fixed_range, donor_percentiles)
            low, high = fixed_range
            message = f"{name} of a host is not in the bank's units, whose range is {low:g} to {high:g}"
            warnings.warn(f"{message}: matched by percentiles", AssumptionWarning, stacklevel=2)
    return ranges


def _can_be_in_units(channel: NDArray[Any], percentiles: NDArray[np.float32], fixed_range: tuple[float, float]) -> bool:
    """Return whether a channel with these percentiles of the body may be in the bank's units.

    Only Hounsfield units can be recognized. Other units are taken to be the bank's.
    """
    if not is_hounsfield_range(fixed_range):
        return True
    low, high = float(percentiles[0]), float(percentiles[1])
    if not (low >= -1100 and high <= 3100 and high - low >= MIN_PERCENTILE_WIDTH):
        return False
    lowest_share = (channel == channel.min()).mean()
    highest_share = (channel == channel.max()).mean()
    is_clipped = min(lowest_share, highest_share) > MIN_SATURATED_SHARE
    return not is_clipped


def _match_donor_percentiles(
    percentiles: NDArray[np.float32], fixed_range: tuple[float, float], donor_percentiles: tuple[float, float]
) -> NDArray[np.float32]:
    """Compute the range that maps a host's percentiles to those of the donors in scaled units."""
    width = fixed_range[1] - fixed_range[0]
    scaled_low = (donor_percentiles[0] - fixed_range[0]) / width
    scaled_high = (donor_percentiles[1] - fixed_range[0]) / width
    host_width = float(percentiles[1]) - float(percentiles[0])
    step = host_width / max(scaled_high - scaled_low, 1e-6)
    start = float(percentiles[0]) - scaled_low * step
    return np.array([start, start + step], dtype=np.float32)
