"""A new layout takes one class and one line: everything else works with it as with the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from written_sets import write_dataset

from domaingan import adapters
from domaingan.adapters import Adapter, load
from domaingan.adapters.base import check_sample_name
from domaingan.adapters.class_definitions import ClassDefinitions
from domaingan.adapters.frames.frame_samples import PIXEL_SPACING, FrameReader, make_frame_schema
from domaingan.adapters.frames.frame_writing import write_frame, write_mask
from domaingan.adapters.frames.picture_header import read_picture_header
from domaingan.adapters.inspect_dataset import inspect_dataset
from domaingan.adapters.sample_table import read_sample_table, write_sample_table
from domaingan.banks.crops import crops
from domaingan.data import Dataset, Record, Sample, Schema

CLASSES = ClassDefinitions(classes={"car": 1}, objects=["car"], min_area=4)


class Pairs(Adapter):
    """``NAME_frame.png`` and ``NAME_mask.png`` in one folder."""

    layout = "pairs"
    expected_files = "NAME_frame.png beside NAME_mask.png"

    def can_open(self, root: Path) -> bool:
        return any(root.glob("*_frame.png"))

    def open(self, root: Path) -> Dataset:
        records = []
        for path in sorted(root.glob("*_frame.png")):
            name = path.name.removesuffix("_frame.png")
            files = {"image": path, "mask": root / f"{name}_mask.png"}
            shape = read_picture_header(path).shape
            records.append(Record(name, shape=shape, spacing=PIXEL_SPACING, files=files))
        table = read_sample_table(root, [record.name for record in records])
        schema = make_frame_schema(self.layout, CLASSES, table.conditions)
        merged = [table.merge_into(record) for record in records]
        return Dataset(merged, FrameReader(schema), schema, root)

    def write_sample(self, out: Path, sample: Sample, schema: Schema) -> None:
        name = check_sample_name(sample)
        write_frame(sample, out / f"{name}_frame")
        write_mask(sample, out / f"{name}_mask")

    def finish_dataset(self, out: Path, schema: Schema, records: Sequence[Record]) -> None:
        write_sample_table(out, records, schema.conditions)


@pytest.fixture
def with_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "ADAPTERS", (*adapters.ADAPTERS, Pairs))
    monkeypatch.setitem(adapters.LAYOUTS, Pairs.layout, Pairs)


def test_a_new_layout_is_detected_inspected_cropped_and_written(tmp_path: Path, with_pairs: None) -> None:
    root = tmp_path / "pairs"
    root.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (2, 24, 32, 3), dtype=np.uint8)
    mask = np.zeros((24, 32), np.uint8)
    mask[8:14, 10:20] = 1
    for name, pixels in zip(("a", "b"), noise, strict=True):
        Image.fromarray(pixels).save(root / f"{name}_frame.png")
        Image.fromarray(mask).save(root / f"{name}_mask.png")
    (root / "samples.csv").write_text("sample,split,lighting\na,train,day\nb,val,dusk\n")
    data = load(root)
    found = inspect_dataset(data)
    assert (found["layout"], found["samples"], found["objects"]) == ("pairs", 2, {"car": 2})
    assert found["conditions"] == {"lighting": {"day": 1, "dusk": 1}} and found["problems"] == []
    assert len(crops(data, size=16)) == 2
    write_dataset(data, data, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == data.schema and [record.split for record in back.records] == ["train", "val"]
    for one, other in zip(data, back, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.mask, other.mask)
