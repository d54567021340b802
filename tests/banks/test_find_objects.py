"""What the crops of a frame's objects know: where they stand, how far below the horizon, whose feet are hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks.crops import crops
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Record, Sample, Schema

SCHEMA = Schema(
    "masks",
    "frame",
    2,
    ("red", "green", "blue"),
    {"sky": 0, "road": 1, "walker": 2, "car": 3},
    ignore=(9,),
    objects=("walker", "car"),
)
HORIZON = 40


class Frames:
    """Reads the samples it was given; a class, so that a dataset can hold it."""

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples

    def __call__(self, record: Record) -> Sample:
        return self.samples[int(record.name)]


def a_frame(*boxes: tuple[int, int, int, int, int], instances: bool = False, drive: str = "a") -> Sample:
    """Sky, road, and objects as boxes ``(value, top, bottom, left, right)``, later ones in front."""
    mask = np.ones((100, 120), dtype=np.uint8)
    mask[:HORIZON] = 0
    numbers = np.zeros(mask.shape, dtype=np.int32)
    for number, (value, top, bottom, left, right) in enumerate(boxes, start=1):
        mask[top:bottom, left:right], numbers[top:bottom, left:right] = value, number
    image = np.broadcast_to(mask / np.float32(10), (3, *mask.shape)).astype(np.float32)
    meta = {"name": "", "sequence": drive, "spacing": (1.0, 1.0)}
    labels = np.array([box[0] for box in boxes], dtype=np.int64)
    corners = np.array([[left, top, right, bottom] for _, top, bottom, left, right in boxes], dtype=np.float32)
    if not instances:
        return Sample(image, mask, meta=meta)
    return Sample(image, mask, corners, labels, meta=meta, instances=numbers)


def a_dataset(*samples: Sample) -> Dataset:
    records = [Record(str(i), sequence=s.group, shape=s.shape) for i, s in enumerate(samples)]
    return Dataset(records, Frames(list(samples)), SCHEMA)


def test_the_ground_is_what_is_right_below() -> None:
    frame = a_frame((2, 50, 70, 20, 26), (3, 20, 30, 40, 60), (3, 60, 80, 80, 100), (2, 90, 100, 5, 15))
    bank = crops(a_dataset(frame), size=16)
    assert bank.info.supporting_classes == {"walker": {"road": 1}, "car": {"sky": 1, "road": 1}}
    assert bank.info.classes == {"walker": 2, "car": 3}
    assert (bank.entries["source_size"] == (100, 120)).all()


def test_who_is_hidden_from_below_is_left_out() -> None:
    frame = a_frame((2, 50, 70, 20, 26), (2, 50, 72, 60, 66), (2, 48, 70, 90, 96), (3, 62, 80, 10, 40))
    bank = crops(a_dataset(frame), size=16)
    assert bank.count_conditions() == {"object": {"walker": 2, "car": 1}}
    assert bank.info.left_out == {"objects whose ground contact is hidden": 1}


def test_a_class_that_stands_on_others_is_kept() -> None:
    frame = a_frame((2, 50, 62, 20, 30), (3, 62, 70, 20, 30))
    assert crops(a_dataset(frame), size=16).count_conditions() == {"object": {"walker": 1, "car": 1}}


def test_objects_with_instances_are_separate_crops() -> None:
    boxes = ((3, 60, 80, 20, 50), (3, 60, 80, 50, 80))
    apart, together = (
        crops(a_dataset(a_frame(*boxes, instances=has_instances)), size=32) for has_instances in (True, False)
    )
    assert (len(apart), len(together)) == (2, 1)
    assert sorted(apart.entries["centre"][:, 1].tolist()) == pytest.approx([35 / 120, 65 / 120])


def test_a_dataset_without_instances_has_its_smallest_area() -> None:
    data = a_dataset(a_frame((2, 50, 54, 20, 25), (3, 60, 80, 20, 50)))
    small = Dataset(data.records, data.read, replace(SCHEMA, min_area=60))
    assert (len(crops(data, size=16)), len(crops(small, size=16))) == (2, 1)
    assert crops(small, size=16).info.left_out == {"objects under 60 pixels": 1}


def on_the_road(rng: np.random.Generator, horizon: int, drive: str) -> Sample:
    """Walkers as tall as their row calls for below a horizon in that row."""
    foot = horizon + int(rng.integers(8, 50))
    height = round(0.9 * (foot - horizon) * float(np.exp(rng.normal(0, 0.1))))
    return a_frame((2, max(1, foot - height), foot, 50, 50 + max(4, height // 3)), drive=drive)


def test_the_distance_below_the_horizon_is_that_of_the_drive() -> None:
    rng = np.random.default_rng(0)
    horizons = {"a": 30, "b": 48}
    samples = [on_the_road(rng, row, drive) for drive, row in horizons.items() for _ in range(40)]
    bank = crops(a_dataset(*samples), size=32)
    for drive, row in horizons.items():
        own = [name.startswith(drive) for name in np.array(bank.info.subjects)[bank.entries["subject"]]]
        feet = np.array([np.flatnonzero((s.mask == 2).any(axis=1))[-1] + 1 for s in samples if s.group == drive])
        assert np.abs(feet - row - bank.entries["depth"][own]).max() < 3.1


def test_few_objects_tell_no_horizon() -> None:
    assert (crops(a_dataset(a_frame((2, 50, 70, 20, 26))), size=16).entries["depth"] == 0).all()


def test_crops_of_a_column_of_samples() -> None:
    data = phantoms.load_phantom("driving", sequences=3, frames=2)
    bank = crops(data, size=16, condition="lighting")
    assert set(bank.count_conditions()["lighting"]) <= {"day", "dusk", "night"} and bank.info.supporting_classes


def test_of_several_instances_a_labelled_pixel_belongs_to_its_own() -> None:
    frame = a_frame((3, 60, 80, 20, 50), (2, 50, 70, 60, 66), instances=True)
    assert frame.mask is not None
    frame.mask[60:64, 20:50] = 2  # a stray class in the car's instance
    bank = crops(a_dataset(frame), size=32)
    assert bank.count_conditions() == {"object": {"walker": 1, "car": 1}}
    assert [np.unique(mask).tolist() for mask in bank.masks] == [[0, 3], [0, 2]]


@pytest.mark.parametrize("missing", ["labels", "instances"])
def test_labels_count_only_with_instances(missing: str) -> None:
    frame = replace(a_frame((3, 60, 80, 20, 50), (2, 50, 70, 60, 66), instances=True), **{missing: None})
    assert crops(a_dataset(frame), size=16).count_conditions() == {"object": {"walker": 1, "car": 1}}


@pytest.mark.parametrize(("has_mask", "has_instances", "count"), [(False, False, 2), (True, False, 0), (True, True, 1)])
def test_boxes_without_a_mask_are_counted(has_mask: bool, has_instances: bool, count: int) -> None:
    frame = a_frame((3, 60, 80, 20, 50), (2, 50, 70, 60, 66), instances=True)
    assert frame.mask is not None and frame.instances is not None
    frame.mask[50:60, 60:66] = frame.mask[60:70, 60:66] = 1
    frame.instances[50:70, 60:66] = 0  # the walker has a box alone
    part = replace(frame, mask=frame.mask if has_mask else None, instances=frame.instances if has_instances else None)
    car = a_frame((3, 60, 80, 20, 50))
    left_out = crops(a_dataset(part, car), size=16).info.left_out
    assert sum(n for reason, n in left_out.items() if "box" in reason) == count


def test_masks_may_be_cut_out_of_boxes_and_how_many_is_reported() -> None:
    frame = a_frame((3, 60, 80, 20, 50), (2, 50, 70, 60, 66), instances=True)
    assert frame.mask is not None
    colours = np.array([[0.4, 0.6, 0.9], [0.5, 0.5, 0.5], [0.9, 0.1, 0.1], [0.1, 0.8, 0.1]])[frame.mask]
    noise = np.random.default_rng(0).normal(0, 0.02, colours.shape)
    image = np.moveaxis(np.clip(colours + noise, 0, 1), -1, 0).astype(np.float32)
    boxes_only = a_dataset(replace(frame, image=image, mask=None, instances=None))
    with pytest.raises(DataError, match="2 objects with a box but no mask; expected masks; or --masks grabcut"):
        crops(boxes_only, size=16)
    with pytest.warns(AssumptionWarning, match="^2 masks were cut out of boxes"):
        bank = crops(boxes_only, size=16, masks="grabcut")
    assert bank.count_conditions() == {"object": {"walker": 1, "car": 1}}
    with pytest.raises(DataError, match="masks 'other'"):
        crops(boxes_only, size=16, masks="other")
