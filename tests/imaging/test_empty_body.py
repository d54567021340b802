"""Slices that show nothing of the body, and masks of the body that are empty."""

from __future__ import annotations

import numpy as np
import pytest
from balls import a_bank, a_host

from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.data import SCAN, Dataset, Record, Sample, Schema
from domaingan.imaging.intensity import get_intensity_range
from domaingan.views.slices import slice_volumes

SCHEMA = Schema("nifti", "scan", 3, ("t1",), {"lesion": 1})


def read_stripped(record: Record) -> Sample:
    """A stripped brain from slice 4 on; what is labelled begins in slice 2."""
    rng = np.random.default_rng(3)
    image = np.zeros((1, 32, 32, 14), dtype=np.float32)
    image[0, 4:28, 4:28, 4:] = rng.uniform(200, 300, (24, 24, 10))
    mask = np.zeros(image.shape[1:], dtype=np.uint8)
    mask[10:16, 10:16, 2:8] = 1
    return Sample(image, mask, source=record.source, geometry=record.geometry)


@pytest.fixture
def dataset() -> Dataset:
    records = [Record(name, subject=name, shape=(32, 32, 14), spacing=(1.0, 1.0, 1.0)) for name in "ab"]
    return Dataset(records, read_stripped, SCHEMA)


def test_crops_of_slices_beside_the_body_have_no_known_place(dataset: Dataset) -> None:
    bank = crops(slice_volumes(dataset), size=16)
    assert len(bank) == 12  # six labelled slices of each
    is_beside = (bank.entries["centre"] == 0).all(axis=1)
    assert is_beside.sum() == 4 and (bank.entries["depth"][is_beside] == 0).all()
    paste = Paste(bank, placement="prior", per_image=(1, 1))
    assert paste(slice_volumes(dataset)[9], np.random.default_rng(0)).pasted_crops[0].is_placed


@pytest.mark.parametrize("how", [{}, {"placement": "prior"}, {"atlas": np.ones((5, 5))}])
def test_nothing_is_pasted_where_no_body_is(how: dict[str, object], rng: np.random.Generator) -> None:
    bank, host = a_bank(2, rng), a_host(2, rng)
    bank.entries["centre"] = 0.5
    host.foreground = np.zeros(host.shape, dtype=bool)
    after = Paste(bank, per_image=(2, 2), **how)(host, rng)  # type: ignore[arg-type]
    assert [record.place for record in after.pasted_crops] == [None, None]
    assert (after.image == host.image).all() and (after.mask == host.mask).all()


def test_the_range_of_an_image_without_body_is_that_of_all_of_it(rng: np.random.Generator) -> None:
    image = rng.uniform(100, 300, (1, 50, 50)).astype(np.float32)
    sample = Sample(image, meta={"foreground": np.zeros((50, 50), dtype=bool)})
    np.testing.assert_allclose(get_intensity_range(sample, SCAN), [[101, 299]], atol=1)
