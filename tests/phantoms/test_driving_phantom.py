"""The driving phantom: deterministic, varied, exactly labelled, and as its schema says."""

from __future__ import annotations

import pickle
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.data import FRAME, Dataset, Sample
from domaingan.phantoms.driving import (
    CLASSES,
    MIN_INSTANCE_PIXELS,
    OBJECTS,
    SEQUENCES_PER_CYCLE,
    choose_condition,
    has_cyclists,
)

SMALL = (48, 80)
GROUND = [CLASSES[name] for name in ("road", "lane", "pavement")]


@pytest.fixture(scope="module")
def street() -> Dataset:
    return phantoms.load_phantom("driving", frames=3).load_into_memory()


def same(a: Sample, b: Sample) -> bool:
    pairs = [(a.image, b.image), (a.mask, b.mask), (a.instances, b.instances), (a.boxes, b.boxes), (a.labels, b.labels)]
    return all(x.tobytes() == y.tobytes() for x, y in pairs)


def test_schema_records_and_samples_agree(street: Dataset) -> None:
    assert street.schema.domain == FRAME and street.schema.objects == OBJECTS and street.schema.ignore == ()
    assert [record.name for record in street.records[2:4]] == ["seq00_000002", "seq01_000000"]
    assert len(street.groups) == 12
    for record, sample in zip(street.records, street, strict=True):
        assert sample.image.shape == (3, 96, 160) and sample.image.dtype == np.float32
        assert sample.image.min() >= 0 and sample.image.max() <= 1
        assert sample.mask.shape == record.shape == sample.shape and sample.mask.dtype == np.uint8
        assert sample.source.time == record.time and sample.statistical_unit == record.statistical_unit
        assert sample.condition == record.condition and sample.source == record.source and sample.meta == {}


def test_every_pixel_has_one_of_the_classes_and_cyclists_are_the_rarest(street: Dataset) -> None:
    pixels = sum(np.bincount(sample.mask.ravel(), minlength=256) for sample in street)
    assert (pixels[len(CLASSES) :] == 0).all() and (pixels[: len(CLASSES)] > 0).all()
    assert pixels.argsort()[246] == CLASSES["cyclist"]
    assert all(
        {"road", "building", "sky"} <= {name for name in CLASSES if (s.mask == CLASSES[name]).any()} for s in street
    )
    with_some = {
        r.sequence for r, s in zip(street.records, street, strict=True) if (s.labels == CLASSES["cyclist"]).any()
    }
    assert {f"seq{n:02d}" for n in range(12) if has_cyclists(0, n)} >= with_some
    assert "dusk" in {street.records[3 * int(name[3:])].condition["lighting"] for name in with_some}


def test_instances_boxes_and_labels_agree_with_the_mask(street: Dataset) -> None:
    for sample in street:
        assert sample.instances.dtype == np.int32 and sample.boxes.dtype == np.float32
        assert sample.instances.max() == len(sample.boxes) == len(sample.labels)
        objects = np.isin(sample.mask, [CLASSES[name] for name in OBJECTS])
        assert objects[sample.instances > 0].all()
        for number, (box, label) in enumerate(zip(sample.boxes, sample.labels, strict=True), start=1):
            rows, columns = np.nonzero(sample.instances == number)
            assert len(rows) >= MIN_INSTANCE_PIXELS and (sample.mask[rows, columns] == label).all()
            assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        left_over = objects & (sample.instances == 0)
        assert left_over.mean() < 0.01  # far ones, and what little is seen of hidden ones


def test_feet_stand_on_the_ground(street: Dataset) -> None:
    below = Counter[bool]()
    for sample in street:
        for number, (_, _, _, bottom) in enumerate(sample.boxes.astype(int), start=1):
            if bottom < sample.shape[0]:
                column = int(np.median(np.flatnonzero(sample.instances[bottom - 1] == number)))
                value = sample.mask[bottom, column]
                # what hides the feet is in front: another object, a tree, a pole
                below[value in GROUND] += value not in [CLASSES[name] for name in (*OBJECTS, "tree", "pole")]
    assert below[True] > 100 and below[False] <= 0.01 * below[True]


def test_objects_are_as_tall_as_perspective_has_them(street: Dataset) -> None:
    """Feet farther below the horizon belong to taller people: their height grows with it, in one sequence."""
    for sequence in street.groups:
        feet, heights = [], []
        for sample in street.where(sequence=sequence):
            for box, label in zip(sample.boxes, sample.labels, strict=True):
                if label == CLASSES["pedestrian"] and box[3] < 96 and box[1] > 0:
                    feet.append(box[3])
                    heights.append(box[3] - box[1])
        if len(feet) >= 8 and np.ptp(feet) > 8:
            assert np.corrcoef(feet, heights)[0, 1] > 0.6


@given(seed=st.integers(0, 2**40), block=st.integers(0, 20))
def test_how_often_conditions_and_cyclists_come(seed: int, block: int) -> None:
    numbers = range(block * SEQUENCES_PER_CYCLE, (block + 1) * SEQUENCES_PER_CYCLE)
    known = [choose_condition(seed, number) for number in numbers]
    assert Counter(c["lighting"] for c in known) == {"day": 4, "dusk": 1, "night": 1}
    assert Counter(c["weather"] for c in known) == {"clear": 4, "fog": 1, "rain": 1}
    riding = [c["lighting"] for number, c in zip(numbers, known, strict=True) if has_cyclists(seed, number)]
    assert sorted(riding) == ["day", "dusk"]
    assert all(c["weather"] == "clear" for c in known if c["lighting"] == "dusk")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**40), number=st.integers(0, 25), frame=st.integers(0, 12), more=st.integers(1, 9))
def test_a_frame_depends_on_seed_and_numbers_alone(seed: int, number: int, frame: int, more: int) -> None:
    few = phantoms.load_phantom("driving", sequences=number + 1, frames=frame + 1, seed=seed, shape=SMALL)
    many = phantoms.load_phantom(
        "phantom:driving", sequences=number + more, frames=frame + more, seed=seed, shape=SMALL
    )
    many = pickle.loads(pickle.dumps(many))
    name = f"seq{number:02d}_{frame:06d}"
    (first,), (second,) = few.where(name=name), many.where(name=name)
    assert same(first, second)


def test_seeds_sequences_and_moments_differ() -> None:
    def mask(seed: int, number: int, frame: int) -> np.ndarray:
        return phantoms.load_phantom("driving", seed=seed, shape=SMALL)[8 * number + frame].mask

    first = mask(0, 0, 0)
    assert all((first != other).mean() > 0.05 for other in (mask(1, 0, 0), mask(0, 3, 0), mask(0, 0, 1)))


def test_another_shape_shows_the_same_scene() -> None:
    small, large = (
        phantoms.load_phantom("driving", sequences=1, frames=1, shape=shape)[0] for shape in ((48, 80), (96, 160))
    )
    assert (small.mask == large.mask[::2, ::2]).mean() > 0.9
    assert phantoms.load_phantom("driving", sequences=1, frames=1, shape=(64, 40))[0].shape == (64, 40)


def test_what_lighting_and_weather_do_to_a_frame() -> None:
    looks: dict[str, list[tuple[float, float]]] = {}
    for seed in range(4):
        data = phantoms.load_phantom("driving", sequences=SEQUENCES_PER_CYCLE, frames=1, seed=seed, shape=SMALL)
        for record, sample in zip(data.records, data, strict=True):
            grey = sample.image.mean(axis=0)
            for name in ("lighting", "weather"):
                looks.setdefault(str(record.condition[name]), []).append((grey.mean(), grey.std()))
    brightness = {name: np.mean([b for b, _ in values]) for name, values in looks.items()}
    assert brightness["day"] > 1.3 * brightness["dusk"] > 1.3 * brightness["night"]
    contrast = {name: np.mean([c for _, c in values]) for name, values in looks.items()}
    assert contrast["fog"] < contrast["clear"]


def test_making_one_is_quick() -> None:
    data = phantoms.load_phantom("driving", sequences=1, frames=6)
    seconds = []
    for index in range(6):
        start = time.process_time()
        data[index]
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequences": 0}, "0 sequences"),
        ({"frames": 0}, "0 frames"),
        ({"seed": -1}, "seed -1"),
        ({"shape": (96,)}, "two numbers"),
        ({"shape": (96, 16)}, "at least 32"),
    ],
)
def test_mistakes_are_named(options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        phantoms.load_phantom("driving", **options)
