"""Entries of ``meta`` that are known by name become fields of a sample."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domaingan.data import Crowd, Geometry, IntensityRange, Record, Sample, Source

IMAGE = np.zeros((2, 4, 6), dtype=np.float32)


def test_known_keys_become_fields_and_the_others_stay() -> None:
    given = {
        "name": "a",
        "subject": "s1",
        "sequence": "q",
        "split": "train",
        "time": 7.0,
        "spacing": [2, 3],
        "affine": np.eye(4),
        "axes": [[1, -1], [0, 1]],
        "header": "h",
        "foreground": [[1] * 6] * 4,
        "range": [[0, 10], [5, 9]],
        "absolute": [True, False],
        "areas": np.array([4.5]),
        "crowds": [Crowd(1, np.zeros(4, np.float32), 3.0)],
        "scanner": "b",
    }
    before = dict(given)
    sample = Sample(IMAGE, meta=given)
    assert sample.meta == {"scanner": "b"} and given.keys() == before.keys()
    assert sample.source == Source("a", "s1", "q", "train", 7.0)
    assert sample.spacing == (2, 3) and sample.geometry.axes == ((1, -1), (0, 1))
    assert sample.geometry.affine is given["affine"] and sample.header == "h"
    assert sample.foreground is not None and sample.foreground.dtype == bool and sample.foreground.all()
    known = sample.intensity_range
    assert known is not None and known.ends.tolist() == [[0, 10], [5, 9]] and known.ends.dtype == np.float32
    assert known.absolute is not None and known.absolute.tolist() == [True, False]
    assert sample.areas is given["areas"] and len(sample.crowds) == 1


def test_an_entry_replaces_a_field_and_leaves_the_others() -> None:
    sample = Sample(IMAGE, source=Source("a", "s1"), geometry=Geometry((2.0, 2.0), axes=((0, 1), (1, 1))))
    renamed = replace(sample, meta={"name": "b", "spacing": (1.0, 3.0)})
    assert renamed.source == Source("b", "s1") and sample.name == "a"
    assert renamed.spacing == (1.0, 3.0) and renamed.geometry.axes == ((0, 1), (1, 1))


def test_a_range_without_units_is_a_persons() -> None:
    known = Sample(IMAGE, meta={"range": (0, 100)}).intensity_range
    assert known is not None and known.absolute is None
    assert Sample(IMAGE, meta={"absolute": [True, True]}).intensity_range is None


def test_none_clears_a_field() -> None:
    sample = Sample(
        IMAGE, foreground=np.ones((4, 6), bool), intensity_range=IntensityRange(np.zeros((2, 2), np.float32))
    )
    cleared = replace(sample, meta={"foreground": None, "range": None, "spacing": None, "subject": None})
    assert cleared.foreground is None and cleared.intensity_range is None
    assert cleared.spacing == (1.0, 1.0) and cleared.source.subject == ""


def test_nothing_known_is_a_pixel_of_one_millimetre() -> None:
    sample = Sample(IMAGE)
    assert sample.spacing == (1.0, 1.0) and sample.name == sample.group == "" and sample.pasted_crops == ()


@pytest.mark.parametrize(
    ("source", "group", "unit"),
    [
        (Source("a"), "a", "a"),
        (Source("a", "s"), "s", "s"),
        (Source("a", "s", "q", time=12.0), "s", "s"),
        (Source("a", sequence="q"), "q", "q"),
        (Source("a", sequence="q", time=4.9), "q", "q@0s"),
        (Source("a", sequence="q", time=12.0), "q", "q@10s"),
        (Source("a", time=12.0), "a", "a"),
    ],
)
def test_whom_a_sample_belongs_to(source: Source, group: str, unit: str) -> None:
    sample = Sample(IMAGE, source=source)
    assert (sample.group, sample.statistical_unit) == (group, unit)
    record = Record(source.name, source.subject, source.sequence, time=source.time)
    assert (record.group, record.statistical_unit) == (group, unit)


def test_a_record_says_where_its_image_lies() -> None:
    rows = ((2.0, 0, 0, 1), (0, 3.0, 0, 0), (0, 0, 4.0, 0), (0, 0, 0, 1.0))
    record = Record("a", shape=(4, 5, 6), spacing=(2.0, 3.0, 4.0), affine=rows, index=None, parent="v")
    assert record.geometry.spacing == (2.0, 3.0, 4.0) and record.source.parent == "v"
    assert record.geometry.affine is not None and record.geometry.affine.tolist() == [list(row) for row in rows]
    plain = Record("b", shape=(4, 5))
    assert plain.geometry.spacing == () and plain.geometry.affine is None
