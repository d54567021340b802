"""What is tested must not be trained on under another name, nor have been what a bank or a model was made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample
from domaingan.evaluation import evaluate
from domaingan.evaluation.leaks import refuse_copies
from domaingan.evaluation.split import Fold, refuse_leak
from domaingan.gan import GAN
from domaingan.imaging.near_duplicates import collect_datasets
from domaingan.views.slices import slice_volumes

QUICK: dict[str, Any] = {"seeds": 1, "steps": 1, "width": 4, "size": 16, "dims": 2}
PEOPLE = phantoms.load_phantom("medical", subjects=6, shape=(32, 32, 16))


class Renamed:
    """Reads samples that are called otherwise."""

    def __init__(self, data: Dataset, names: dict[str, str]) -> None:
        self.data, self.own = data, {new: old for old, new in names.items()}

    def __call__(self, record: Record) -> Sample:
        original = next(one for one in self.data.records if one.name == self.own[record.name])
        sample = self.data.read(original)
        return replace(sample, meta={"name": record.name, "subject": record.subject})


def rename(data: Dataset, **names: str) -> Dataset:
    renamed = {record.name: names.get(record.name, record.name) for record in data.records}
    records = [replace(r, name=renamed[r.name], subject=renamed[r.name]) for r in data.records]
    return Dataset(records, Renamed(data, renamed), data.schema, data.root)


def join(first: Dataset, second: Dataset) -> Dataset:
    def read(record: Record) -> Sample:
        part = first if record in first.records else second
        return part.read(record)

    return Dataset([*first.records, *second.records], read, first.schema, first.root)


def test_a_scan_under_two_names_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    train, test = PEOPLE[:4], join(PEOPLE[4:], rename(PEOPLE[1:2], phantom_001="someone"))
    with pytest.raises(DataError, match=r"1 tested image is trained on .*'someone' is 'phantom_001'"):
        evaluate(train, arms=["classic", "none"], test=test, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_two_spellings_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match=r"'phantom_000' and 'Phantom-0'.*two spellings"):
        Fold(PEOPLE[:3], rename(PEOPLE[3:4], phantom_003="Phantom-0"))
    Fold(PEOPLE[:3], rename(PEOPLE[3:4], phantom_003="phantom_0_0"))


def test_a_bank_of_tested_scans_under_other_names_is_refused(tmp_path: Path) -> None:
    renamed = rename(PEOPLE[4:5], phantom_004="donor")
    bank = crops(renamed, 16).save(tmp_path / "bank")
    fold = Fold(PEOPLE[:4], PEOPLE[4:])
    refuse_leak(bank, fold.test)  # by its names it is fine
    with pytest.raises(
        DataError, match=r"1 tested image is what it was made of.*'phantom_004' is its 'donor'"
    ) as caught:
        refuse_copies(collect_datasets([PEOPLE]), [fold], bank)
    assert caught.value.path == str(tmp_path / "bank")
    sliced = Fold(slice_volumes(fold.train), slice_volumes(fold.test))
    with pytest.raises(DataError, match="1 tested image is what it was made of"):
        refuse_copies(collect_datasets([PEOPLE]), [sliced], bank)
    assert refuse_copies(collect_datasets([PEOPLE]), [fold], crops(PEOPLE[:4], 16)) == []


def test_a_bank_without_checksums_is_reported() -> None:
    bank = crops(PEOPLE[:4], 16)
    old = Bank(bank.info.model_copy(update={"checksums": {}}), bank.images, bank.masks, bank.entries)
    (note,) = refuse_copies(collect_datasets([PEOPLE]), [Fold(PEOPLE[:4], PEOPLE[4:])], old)
    assert "by names alone" in note


def test_a_bank_in_another_spelling_is_refused() -> None:
    bank = crops(rename(PEOPLE[:1], phantom_000="PHANTOM-0"), 16)
    with pytest.raises(DataError, match="PHANTOM-0"):
        refuse_leak(bank, PEOPLE[:1])


def test_a_model_and_what_it_draws_know_the_scans(tmp_path: Path) -> None:
    bank = crops(slice_volumes(PEOPLE[:2]), 16)
    info = bank.info.model_copy(update={"checksums": {"00ff": "phantom_000"}})
    known = Bank(info, bank.images, bank.masks, bank.entries)
    gan = GAN.for_crops(known, width=4, latent=4, batch=2)
    gan.fit(known, 1, tmp_path / "m", device="cpu", precision="32", eval_every=0)
    drawn = GAN.load(tmp_path / "m").sample(4).save(tmp_path / "drawn")
    assert drawn.info.checksums == {"00ff": "phantom_000"}


def test_frames_that_follow_one_another_are_reported(tmp_path: Path) -> None:
    wide = gaussian_filter(np.random.default_rng(0).random((3, 48, 480)), (0, 6, 6)).astype(np.float32)
    schema = phantoms.load_phantom("driving", sequences=1, frames=1, shape=(48, 80)).schema

    def read(record: Record) -> Sample:
        start = 2 * int(record.name[3:])
        return Sample(wide[:, :, start : start + 64], source=record.source, geometry=record.geometry)

    frames = Dataset([Record(f"img{i}") for i in range(40)], read, schema)
    odd, even = frames.select(range(1, 40, 2)), frames.select(range(0, 40, 2))
    notes = refuse_copies(collect_datasets([frames]), [Fold(odd, even)], None)
    assert any("tested images look almost as one that is trained on" in note for note in notes)
    assert any("nothing says which belong together" in note for note in notes)
    assert "20 of 20 tested images" in notes[0]
