"""Scenes: worked examples of bodies, unknown classes and sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domaingan.banks.scenes import MIN_BODY_VALUE, UNLABELLED_VALUE, downscale_body, scenes
from domaingan.core.errors import AssumptionWarning
from domaingan.data import Dataset, Record, Sample, Schema


def make_dataset(schema: Schema, *samples: Sample) -> Dataset:
    by_name = {str(i): sample for i, sample in enumerate(samples)}

    def read(record: Record) -> Sample:
        return by_name[record.name]

    return Dataset([Record(name, shape=sample.shape) for name, sample in by_name.items()], read, schema)


def make_frame(mask: np.ndarray | None, shape: tuple[int, int] = (16, 32)) -> Sample:
    return Sample(np.full((3, *shape), 0.5, dtype=np.float32), mask, meta={"name": "a"})


@pytest.mark.parametrize(("dims", "size"), [(2, 64), (3, 32)])
def test_the_default_size_is_64_or_32_in_3d(dims: int, size: int) -> None:
    schema = Schema("nifti", "scan", dims, ("t1",), {})
    scan = Sample(np.random.default_rng(0).uniform(1, 2, (1, *(12,) * dims)).astype(np.float32), meta={"name": "a"})
    assert scenes(make_dataset(schema, scan)).size == (size,) * dims


def test_values_that_are_no_class_are_unlabelled() -> None:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {"sky": 0, "road": 3, "void": 7}, ignore=(7,))
    mask = np.zeros((16, 32), dtype=np.uint8)
    mask[:, 16:24], mask[:, 24:28], mask[:, 28:] = 3, 7, 5
    bank = scenes(make_dataset(schema, make_frame(mask), make_frame(None)), size=8)
    assert UNLABELLED_VALUE == 255
    assert bank.info.classes == {"sky": 0, "road": 3}
    assert bank.masks[0, 0].tolist() == [0, 0, 0, 0, 3, 3, 255, 255]
    assert (bank.masks[1] == 255).all()


def test_a_class_of_value_255_leaves_no_room_for_what_is_unknown() -> None:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {"road": 255})
    bank = scenes(make_dataset(schema, make_frame(np.full((16, 32), 255))), size=8)
    assert bank.info.classes == {} and not bank.masks.any()


def test_frames_without_any_mask_have_no_classes() -> None:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {"road": 3})
    bank = scenes(make_dataset(schema, make_frame(None)), size=8)
    assert bank.info.classes == {} and not bank.masks.any()
    assert bank.entries["centre"].tolist() == [[0.5, 0.5]]
    assert bank.entries["spacing"].tolist() == [[2, 4]]


def test_a_body_is_squeezed_without_the_air_beside_it() -> None:
    inside = np.zeros((32, 32), dtype=bool)
    inside[8:24, 8:24] = True
    image = np.where(inside, 0.6, -5).astype(np.float32)[None]
    body, within = downscale_body(image, inside, (8, 8))
    assert within[2:6, 2:6].all() and within.sum() == 16
    np.testing.assert_allclose(body[0][within], 0.6, rtol=1e-4)
    assert (body[0][~within] == 0).all()


def test_the_darkest_of_a_body_is_not_what_lies_beside_it() -> None:
    inside = np.ones((16, 16), dtype=bool)
    body, within = downscale_body(np.full((1, 16, 16), -0.2, dtype=np.float32), inside, (8, 8))
    assert within.all()
    assert (body == MIN_BODY_VALUE).all() and MIN_BODY_VALUE == 2.0**-10


def test_a_thin_body_is_where_its_share_is_largest() -> None:
    inside = np.zeros((32, 32), dtype=bool)
    inside[:, 16] = True
    _, within = downscale_body(inside[None].astype(np.float32), inside, (8, 8))
    assert within.any(axis=1).all() and not within[:, :3].any()


def test_the_scene_of_a_scan_is_the_box_around_its_body() -> None:
    image = np.zeros((1, 40, 60), dtype=np.float32)
    image[0, 10:26, 20:52] = np.random.default_rng(0).uniform(100, 200, (16, 32))
    scan = Sample(image, meta={"name": "a", "spacing": (2.0, 0.5), "foreground": image[0] > 0})
    bank = scenes(make_dataset(Schema("nifti", "scan", 2, ("t1",), {}), scan), size=8)
    assert bank.entries["source_size"].tolist() == [[32, 16]]
    assert bank.entries["spacing"].tolist() == [[4, 2]]
    assert (bank.images > 0).all()


def test_the_scenes_of_ct_scans_share_their_range() -> None:
    rng = np.random.default_rng(0)
    body = np.zeros((40, 60), dtype=bool)
    body[4:36, 6:54] = True
    image = np.where(body, np.rint(rng.uniform(0, 100, body.shape)), -1000)[None].astype(np.float32)
    scan = Sample(image, foreground=body, meta={"name": "a"})
    schema = Schema("nifti", "scan", 2, ("ct",), {"lesion": 1})
    with pytest.warns(AssumptionWarning, match="ct: values look like Hounsfield units"):
        bank = scenes(make_dataset(schema, scan), size=8)
    assert bank.info.ranges == {"ct": (-1000, 1000)}
    assert bank.info.percentiles["ct"] == pytest.approx((0, 100), abs=1.5)
    assert bank.info.classes == {}
    np.testing.assert_allclose(bank.images.astype(float).mean(), (50 + 1000) / 2000, atol=0.01)


def test_values_of_conditions_are_sorted_rarest_first() -> None:
    schema = Schema("masks", "frame", 2, ("red", "green", "blue"), {}, conditions=("light", "lanes"))
    samples = []
    for light, lanes in [("day", 2.0), ("day", 2.5), ("night", 2.0), ("dusk", 1.0), ("", 2.0)]:
        samples.append(replace(make_frame(None), condition={"light": light, "lanes": lanes}))
    bank = scenes(make_dataset(schema, *samples), size=8)
    assert bank.info.conditions == {"light": ["dusk", "night", "day"], "lanes": ["1", "2.5", "2"]}
    assert bank.entries["condition:light"].tolist() == [2, 2, 1, 0, -1]
    only = scenes(make_dataset(schema, *samples), size=8, condition="lanes")
    assert list(only.info.conditions) == ["lanes"]


def test_a_large_body_is_sampled_twice_for_every_pixel_of_its_scene() -> None:
    # Of 64 pixels every second is left, two for each of 16: what lies on the odd ones is not seen.
    image = np.zeros((1, 64, 64), dtype=np.float32)
    image[:, 1::2] = image[:, :, 1::2] = 1
    body, _ = downscale_body(image, np.ones((64, 64), dtype=bool), (16, 16))
    assert (body == MIN_BODY_VALUE).all()
    finer, _ = downscale_body(image[:, :62, :62], np.ones((62, 62), dtype=bool), (16, 16))
    assert finer.min() > 0.5
