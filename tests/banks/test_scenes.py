"""Scenes: whole frames as a bank, told apart by their conditions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.imaging.resample import resize

SCHEMA = Schema("test", "frame", 2, ("red", "green", "blue"), {"road": 0}, conditions=("lighting", "lanes"))


def _read(record: Record) -> Sample:
    image = np.full((3, *record.shape), 0.25, dtype=np.float32)
    image[0, : record.shape[0] // 2] = 1
    return Sample(image, condition=dict(record.condition), source=record.source, geometry=record.geometry)


def drives(schema: Schema = SCHEMA) -> Dataset:
    lights = ["day", "day", "dusk", "", "day", "night", "night"]
    records = [
        Record(f"f{i}", sequence="a" if i < 4 else "b", time=2.0 * i, shape=(20 + i, 40), condition=condition)
        for i, light in enumerate(lights)
        for condition in [{"lighting": light, "lanes": 1.0 + i % 2} if light else {"lanes": 2.0}]
    ]
    return Dataset(records, _read, schema, "somewhere")


def test_a_bank_of_whole_frames_without_masks() -> None:
    bank, data = scenes(drives(), size=16), drives()
    assert len(bank) == len(data) and bank.size == (16, 16) and bank.info.kind == "scenes" and not bank.masks.any()
    assert bank.info.conditions == {"lighting": ["dusk", "night", "day"], "lanes": ["2", "1"]}
    assert bank[3].condition == {"lanes": "2"} and bank.entries["condition:lighting"][3] == -1
    assert bank.info.subjects == ["a@0s", "a@5s", "b@5s", "b@10s"]
    for i, sample in enumerate(data):
        assert bank.info.subjects[bank.entries["subject"][i]] == sample.statistical_unit
        np.testing.assert_allclose(bank[i].image, resize(sample.image, (16, 16)), atol=1e-3)
        np.testing.assert_allclose(np.array(bank[i].spacing) * 16, sample.shape, rtol=1e-6)
        assert tuple(bank.entries["source_size"][i]) == sample.shape


def test_one_condition_or_none() -> None:
    assert list(scenes(drives(), 16, ["lighting"]).info.conditions) == ["lighting"]
    assert scenes(drives(), 16, ()).count_conditions() == {}


def test_saved_and_loaded(tmp_path: Path) -> None:
    bank = scenes(drives(), 16)
    again = Bank.load(bank.save(tmp_path / "bank").path or "")
    assert again.info == bank.info and (again.images == bank.images).all() and (again.entries == bank.entries).all()


def test_the_phantom_has_looks() -> None:
    bank = scenes(phantoms.load_phantom("driving", sequences=6, frames=1), 32)
    assert set(bank.info.conditions) == {"lighting", "weather"} and len(bank) == 6
    assert bank.images.min() >= 0 and bank.images.max() <= 1


def test_bad_input() -> None:
    with pytest.raises(DataError, match="no condition 'weather'; expected one of lighting, lanes"):
        scenes(drives(), 16, ["weather"])
    with pytest.raises(DataError, match="size 20; expected a power of two"):
        scenes(drives(), 20)
    with pytest.raises(DataError, match="no frame"):
        scenes(drives()[:0], 16)
    with pytest.raises(DataError, match="f0: NaN or infinite"):
        scenes(drives().map(_spoilt), 16)


def _spoilt(sample: Sample) -> Sample:
    sample.image[0, 0, 0] = np.nan
    return sample
