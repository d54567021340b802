"""The range of a host in the units of a bank: worked examples of what is taken over, matched or left."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from domaingan.banks import BankInfo
from domaingan.blend.scan.host_range import _can_be_in_units, _match_donor_percentiles, find_host_range
from domaingan.core.errors import AssumptionWarning
from domaingan.data import IntensityRange, Sample

HOUNSFIELD = (-1000.0, 1000.0)
BANK = BankInfo(
    spatial_dims=2, channels=["ct", "pet"], classes={}, ranges={"ct": HOUNSFIELD}, percentiles={"ct": (0.0, 100.0)}
)


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        yield


def make_scan(ct: np.ndarray, known: IntensityRange | None = None) -> Sample:
    pet = np.linspace(0, 10, ct.size).reshape(ct.shape)
    body = np.ones(ct.shape, dtype=bool)
    return Sample(np.stack([ct, pet]).astype(np.float32), intensity_range=known, foreground=body)


def make_tissue(low: float = -30, high: float = 90) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, (64, 64))


def test_a_host_in_hounsfield_units_has_the_banks_range() -> None:
    ct = np.rint(make_tissue())
    ct[:8] = -1000
    ranges = find_host_range(make_scan(ct), BANK)
    assert ranges[0].tolist() == [-1000, 1000]
    assert ranges[1] == pytest.approx([0.05, 9.95], abs=0.01)


def test_a_host_that_may_be_in_hounsfield_units_has_the_banks_range() -> None:
    assert find_host_range(make_scan(make_tissue()), BANK)[0].tolist() == [-1000, 1000]


def test_a_host_in_other_units_is_matched_by_percentiles() -> None:
    ct = make_tissue(0, 1)
    with pytest.warns(AssumptionWarning, match="ct of a host is not in the bank's units, whose range is -1000 to 1000"):
        ranges = find_host_range(make_scan(ct), BANK)
    # The donors' percentiles 0 and 100 are 0.5 and 0.55 in scaled units: the host's lie there.
    low, high = np.percentile(ct, (0.5, 99.5))
    scaled = (np.array([low, high]) - ranges[0, 0]) / (ranges[0, 1] - ranges[0, 0])
    assert scaled == pytest.approx([0.5, 0.55], abs=1e-4)


def test_a_range_that_a_person_set_stays() -> None:
    ends = np.array([[0, 1], [2, 3]], dtype=np.float32)
    known = IntensityRange(ends, None)
    assert find_host_range(make_scan(make_tissue(0, 1), known), BANK).tolist() == ends.tolist()


def test_without_a_fixed_range_a_scan_in_hounsfield_units_has_its_percentiles() -> None:
    ct = np.rint(make_tissue())
    ct[:8] = -1000
    info = BANK.model_copy(update={"ranges": {}, "percentiles": {}})
    ranges = find_host_range(make_scan(ct), info)
    assert ranges[0] == pytest.approx(np.percentile(ct, (0.5, 99.5)), abs=0.01)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1100, 3100, True),
        (-1101, 0, False),
        (0, 3101, False),
        (0, 30, True),
        (0, 29.9, False),
    ],
)
def test_percentiles_that_hounsfield_units_can_have(low: float, high: float, expected: bool) -> None:
    channel = np.linspace(low, high, 1001)
    assert _can_be_in_units(channel, np.array([low, high], np.float32), HOUNSFIELD) is expected
    # Only Hounsfield units can be recognised.
    assert _can_be_in_units(channel, np.array([low, high], np.float32), (0.0, 20.0))


@pytest.mark.parametrize(("count", "expected"), [(5, True), (6, False)])
def test_a_scan_is_clipped_where_half_a_percent_has_either_end(count: int, expected: bool) -> None:
    channel = np.linspace(-100, 200, 1000)
    percentiles = np.array([-100, 200], np.float32)
    channel[:count] = -100
    assert _can_be_in_units(channel, percentiles, HOUNSFIELD)
    channel[-count:] = 200
    assert _can_be_in_units(channel, percentiles, HOUNSFIELD) is expected


def test_percentiles_are_mapped_to_those_of_the_donors() -> None:
    # 0.25 and 0.75 of the donors' scaled units are 10 and 20 in the host.
    found = _match_donor_percentiles(np.array([10, 20], np.float32), (0.0, 4.0), (1.0, 3.0))
    assert found.tolist() == [5, 25]
