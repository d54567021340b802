"""A class that nobody in the test has is scored as absent, and the result says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from domaingan.data import Dataset, Geometry, Record, Sample, Schema
from domaingan.evaluation import evaluate

SCHEMA = Schema("nifti", "scan", 2, ("t1",), {"common": 1, "very_rare": 2})


def read_person(record: Record) -> Sample:
    """A square of the common class in everybody, and a pixel of the rare one in those that are trained on."""
    rng = np.random.default_rng(int(record.name))
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 1
    if record.split == "train":
        mask[25:28, 25:28] = 2
    image = (1 + mask + 0.1 * rng.random(mask.shape)).astype(np.float32)[None]
    return Sample(image, mask, source=record.source, geometry=Geometry((1.0, 1.0)))


def test_it_is_reported_and_has_no_score(tmp_path: Path) -> None:
    records = []
    for number in range(6):
        split = "train" if number < 4 else "test"
        records.append(Record(str(number), subject=str(number), split=split, shape=(32, 32), spacing=(1.0, 1.0)))
    data = Dataset(records, read_person, SCHEMA, tmp_path)
    settings: dict[str, Any] = {"steps": 2, "width": 4, "size": 16}
    result = evaluate(data, arms=["none", "classic"], seeds=1, out=tmp_path / "run", **settings)
    assert result["absent"] == ["very_rare"]
    assert any("very rare" in note and "no score" in note for note in result["notes"])
    measured = set(result["arms"]["classic"])
    assert {"dice:common", "hd95:common", "auprc:common", "false_mm2:very_rare"} <= measured
    assert "dice:very_rare" not in measured and "nsd:very_rare" not in measured
