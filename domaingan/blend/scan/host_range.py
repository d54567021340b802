"""What is 0 and 1 in a host that a bank's crops go into: the bank's fixed range where units are absolute."""

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
"""Where so many voxels have the lowest value, and so many the highest, a window was cut out of the units."""

MIN_PERCENTILE_WIDTH = 30.0
"""Percentiles that lie less apart are not of a body in Hounsfield units: noise alone spreads as far."""


def find_host_range(sample: Sample, info: BankInfo) -> NDArray[np.float32]:
    """Find the stored values of a host that are 0 and 1 in the scaled units of a bank.

    Args:
        sample: a scan.
        info: of the bank.

    Returns:
        ``(C, 2)``. Of a channel in which the bank has a fixed range that range, if the host may be in the same units;
        if it is not (scaled, or a window of it), what makes its percentiles those of the bank's donors. Of other
        channels what is known of the host, else its percentiles.
    """
    ends, absolute = get_intensity_range(sample, SCAN), find_absolute_channels(sample)
    known = sample.intensity_range
    is_named = known is not None and known.absolute is None  # by a person
    for i, name in enumerate(info.channels):
        fixed = info.ranges.get(name)
        if fixed is None:
            if absolute[i] and known is None:
                ends[i] = measure_body_percentiles(sample)[i]
        elif absolute[i] or (not is_named and _can_be_in_units(sample.image[i], ends[i], fixed)):
            ends[i] = fixed
        elif not is_named:
            ends[i] = _match_donor_percentiles(ends[i], fixed, info.percentiles.get(name, fixed))
            said = f"{name} of a host is not in the bank's units, whose range is {fixed[0]:g} to {fixed[1]:g}"
            warnings.warn(f"{said}: matched by percentiles", AssumptionWarning, stacklevel=2)
    return ends


def _can_be_in_units(channel: NDArray[Any], percentiles: NDArray[np.float32], fixed_range: tuple[float, float]) -> bool:
    """Whether a channel, of which these are the percentiles of the body, may be in the bank's units.

    Of Hounsfield units a patch may lack all that tells them; nothing tells others.
    """
    if not is_hounsfield_range(fixed_range):
        return True
    low, high = float(percentiles[0]), float(percentiles[1])
    if not (low >= -1100 and high <= 3100 and high - low >= MIN_PERCENTILE_WIDTH):
        return False
    is_window = min((channel == channel.min()).mean(), (channel == channel.max()).mean()) > MIN_SATURATED_SHARE
    return not is_window


def _match_donor_percentiles(
    percentiles: NDArray[np.float32], fixed_range: tuple[float, float], donor_percentiles: tuple[float, float]
) -> NDArray[np.float32]:
    """The range that makes a host's percentiles what the donors' are in scaled units."""
    width = fixed_range[1] - fixed_range[0]
    low, high = (donor_percentiles[0] - fixed_range[0]) / width, (donor_percentiles[1] - fixed_range[0]) / width
    step = (float(percentiles[1]) - float(percentiles[0])) / max(high - low, 1e-6)
    start = float(percentiles[0]) - low * step
    return np.array([start, start + step], dtype=np.float32)
