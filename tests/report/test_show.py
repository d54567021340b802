"""``dg.show``: pictures of datasets, samples, banks, crops and models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import domaingan as dg
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.data import Dataset
from domaingan.report.show import draw_bank, show
from domaingan.views.slices import slice_volumes


@pytest.fixture(scope="module")
def people() -> Dataset:
    return slice_volumes(phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16)))


@pytest.fixture(scope="module")
def bank(people: Dataset) -> Bank:
    return dg.crops(people, size=16)


def test_shows_whatever_people_work_with(people: Dataset, bank: Bank, tmp_path: Path) -> None:
    bank.save(tmp_path / "bank")
    for thing in (people, people[5], bank, bank[0], tmp_path / "bank", str(tmp_path / "bank"), "phantom:medical"):
        picture = show(thing, n=2)
        assert isinstance(picture, Image.Image) and min(picture.size) >= 100


def test_writes_the_picture_it_returns(bank: Bank, tmp_path: Path) -> None:
    picture = dg.show(bank, out=tmp_path / "bank.png")
    assert (np.asarray(Image.open(tmp_path / "bank.png")) == np.asarray(picture)).all()


def test_a_bank_is_shown_evenly_and_its_donors_are_named(bank: Bank) -> None:
    crop = bank[0]
    code = int(crop.entry["subject"])
    assert bank.describe_entry(crop) == f"{crop.condition['lesion']}, from {bank.subjects[code]}"
    assert draw_bank(bank, 3).shape[0] < draw_bank(bank, 30).shape[0]


def test_refuses_what_cannot_be_shown(bank: Bank) -> None:
    with pytest.raises(dg.DataError, match="a list"):
        show([1, 2])
    with pytest.raises(dg.DataError, match="empty bank"):
        show(bank.take([]))


def test_a_model_s_picture_is_large_enough_to_see(bank: Bank, tmp_path: Path) -> None:
    gan = dg.GAN.for_crops(bank, width=4, batch=4)
    gan.fit(bank, steps=2, out=tmp_path / "model", eval_every=0)
    for picture in (Image.open(tmp_path / "model" / "samples.png"), show(gan), show(tmp_path / "model")):
        assert min(picture.size) >= 256
