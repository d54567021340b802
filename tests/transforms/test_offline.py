"""Datasets augmented offline: a function of the seed and the sample's number, whoever makes them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.bank import Bank
from domaingan.blend import Paste
from domaingan.cropping import crops
from domaingan.errors import DataError
from domaingan.grid import as_slices
from domaingan.sample import Dataset
from domaingan.transforms import Offline, preview

PEOPLE = phantoms.load("medical", subjects=4, shape=(40, 40, 16))


@pytest.fixture(scope="module")
def flat() -> Bank:
    return crops(as_slices(PEOPLE), size=16)


@pytest.fixture(scope="module")
def solid() -> Bank:
    return crops(PEOPLE, size=16)


@pytest.mark.parametrize("classic", [False, True])
def test_same_bytes_from_one_process_or_several(solid: Bank, classic: bool) -> None:
    made = Offline(PEOPLE, Paste(solid), classic, seed=3)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        there = list(pool.map(made.__getitem__, range(2)))
    for here, other in zip((made[0], made[1]), there, strict=True):
        assert here.image.tobytes() == other.image.tobytes()
        assert here.mask is not None and other.mask is not None and here.mask.tobytes() == other.mask.tobytes()


def test_a_2d_bank_goes_into_the_slices_of_volumes(flat: Bank) -> None:
    made, host = Offline(PEOPLE, Paste(flat), False, seed=0)[1], PEOPLE[1]
    assert made.mask is not None and host.mask is not None and made.image.shape == host.image.shape
    placed = [record for record in made.meta["pasted"] if record["place"] is not None]
    assert placed and all(0 <= record["slice"] < 16 for record in placed)
    changed = {int(z) for z in np.nonzero(made.mask != host.mask)[2]}
    assert changed <= {record["slice"] for record in placed}
    untouched = [z for z in range(16) if z not in {record["slice"] for record in placed}]
    assert (made.image[..., untouched] == host.image[..., untouched]).all()


def test_a_3d_bank_is_refused_for_slices(solid: Bank) -> None:
    with pytest.raises(DataError, match="3D bank"):
        Offline(as_slices(PEOPLE), Paste(solid), False, seed=0)


@pytest.mark.parametrize("kind", ["flat", "solid"])
def test_preview_shows_rows_of_four(kind: str, request: pytest.FixtureRequest) -> None:
    bank: Bank = request.getfixturevalue(kind)
    picture = preview(Offline(PEOPLE, Paste(bank), False, seed=0), rows=2)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[1] > 4 * 100


def test_hosts_with_nan_are_refused(solid: Bank) -> None:
    made = Offline(_with_nan(), Paste(solid), False, seed=0)
    with pytest.raises(DataError, match="NaN"):
        made[0]


def _with_nan() -> Dataset:
    kept = PEOPLE.in_memory()
    kept[0].image[0, 3, 3, 3] = np.nan
    return kept
