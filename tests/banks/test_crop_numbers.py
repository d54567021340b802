"""Crops of objects: worked examples of where they are cut, how they shrink, and on what they stand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from domaingan.banks import create_entries
from domaingan.banks.crops import crops, list_crop_classes
from domaingan.banks.find_objects import downscale_to, find_crop_box, find_objects, to_float16
from domaingan.banks.info import BankInfo, measure_source_size
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Record, Sample, Schema

FRAMES = Schema(
    "masks", "frame", 2, ("red", "green", "blue"), {"sky": 0, "road": 1, "walker": 2, "car": 3}, ignore=(9,),
    objects=("walker", "car"),
)  # fmt: skip
SCANS = Schema("nifti", "scan", 2, ("t1",), {"lesion": 1})


def make_frame(*boxes: tuple[int, int, int, int, int], ground: int = 1) -> Sample:
    """A frame of one ground with boxes ``(value, top, bottom, left, right)``, later ones in front."""
    mask = np.full((100, 120), ground, dtype=np.uint8)
    for value, top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = value
    image = np.broadcast_to(mask / np.float32(10), (3, *mask.shape)).astype(np.float32)
    return Sample(image, mask, meta={"name": "a", "sequence": "a", "spacing": (1.0, 1.0)})


def make_scan(mask: np.ndarray, image: np.ndarray | None = None, schema: Schema = SCANS) -> Dataset:
    """A dataset of one scan that is all body."""

    def read(record: Record) -> Sample:
        pixels = (mask > 0) * 1.0 if image is None else image
        body = np.ones(mask.shape, dtype=bool)
        known = {"source": record.source, "geometry": record.geometry, "foreground": body}
        return Sample(pixels[None].astype(np.float32), mask, **known)

    record = Record("a", subject="a", shape=mask.shape, spacing=(1.0,) * mask.ndim)
    return Dataset([record], read, schema, "scans")


def find(sample: Sample, size: int = 16) -> list:
    return find_objects(sample, FRAMES, size, Counter())


# ---------------------------------------------------------------- what an object stands on


@pytest.mark.parametrize(("gap", "expected"), [(0, 1), (1, 1), (2, 1), (3, -1)])
def test_the_ground_is_looked_for_up_to_three_pixels_below(gap: int, expected: int) -> None:
    # Between the walker and the road lie `gap` rows that are not labelled.
    frame = make_frame((0, 0, 50, 0, 120), (2, 30, 50, 40, 50), (9, 50, 50 + gap, 0, 120))
    (walker,) = find(frame)
    assert walker.supporting_class == expected


def test_the_ground_is_what_most_of_the_base_stands_on() -> None:
    frame = make_frame((2, 30, 50, 40, 50), (0, 50, 53, 40, 44))
    assert find(frame)[0].supporting_class == 1
    frame = make_frame((2, 30, 50, 40, 50), (0, 50, 53, 40, 46))
    assert find(frame)[0].supporting_class == 0


def test_the_base_is_the_lowest_quarter_of_an_object() -> None:
    # An arm beside the walker, above the lowest quarter, hangs over sky: what is below it does not count.
    frame = make_frame((0, 0, 100, 51, 120), (2, 30, 50, 40, 50), (2, 30, 44, 50, 80))
    assert find(frame)[0].supporting_class == 1


@pytest.mark.parametrize(("width", "is_occluded"), [(5, False), (6, True)])
def test_an_object_is_occluded_where_another_is_below_more_than_half_of_its_base(width: int, is_occluded: bool) -> None:
    frame = make_frame((2, 30, 50, 40, 50), (3, 50, 70, 40, 40 + width))
    walker = next(found for found in find(frame) if 2 in found.voxels)
    assert walker.is_occluded == is_occluded


def test_an_object_at_the_lower_border_is_not_occluded() -> None:
    (walker,) = find(make_frame((2, 80, 100, 40, 50)))
    assert not walker.is_occluded and walker.supporting_class == -1


def test_corners_are_shares_of_the_frame() -> None:
    (walker,) = find(make_frame((2, 30, 50, 60, 72)))
    assert walker.low_corner == pytest.approx((0.3, 0.5))
    assert walker.high_corner == pytest.approx((0.5, 0.6))
    assert walker.centre.tolist() == pytest.approx([0.4, 0.55])
    assert walker.source_size == (100, 120)
    assert walker.depth == 0


# ---------------------------------------------------------------- where a crop is cut


def test_a_crop_is_as_large_as_its_size_or_a_quarter_larger_than_its_object() -> None:
    corner, edge = find_crop_box(np.array([10, 20]), np.array([14, 30]), 16)
    assert (corner.tolist(), edge) == ([4, 17], 16)
    corner, edge = find_crop_box(np.array([0, 0]), np.array([40, 21]), 16)
    assert (corner.tolist(), edge) == ([-5, -15], 50)
    assert find_crop_box(np.array([0, 0]), np.array([21, 3]), 16)[1] == 27  # 26.25 pixels, rounded up


def test_a_patch_that_shrinks_is_smoothed_first() -> None:
    stripes = np.tile(np.array([0.0, 1.0], dtype=np.float32), (1, 48, 24))
    shrunk = downscale_to(stripes, 16)
    assert shrunk.shape == (1, 16, 16)
    assert np.abs(shrunk[:, :, 2:-2] - 0.5).max() < 0.1


def test_a_patch_that_fits_is_not_touched() -> None:
    patch = np.eye(16, dtype=np.float32)[None]
    assert downscale_to(patch, 16) is patch
    assert downscale_to(patch, 32) is patch


def test_a_mask_that_shrinks_keeps_its_values() -> None:
    mask = np.repeat(np.repeat(np.array([[0, 7], [5, 0]], dtype=np.uint8), 16, 0), 16, 1)
    assert set(np.unique(downscale_to(mask, 8, is_mask=True))) == {0, 5, 7}


def test_the_height_of_a_shrunk_crop_is_that_of_its_object() -> None:
    # 60 rows and 12 columns in a crop of 32: it is cut 75 pixels wide.
    (walker,) = find(make_frame((2, 20, 80, 40, 52)), size=32)
    rows = np.flatnonzero((walker.mask > 0).any(axis=1))
    assert walker.spacing == pytest.approx((75 / 32, 75 / 32))
    assert (rows[-1] - rows[0] + 1) * walker.spacing[0] == pytest.approx(60, abs=75 / 32)


def test_values_beyond_half_precision_are_clipped() -> None:
    stored = to_float16(np.array([[1e9, -1e9, 0.5]], dtype=np.float32))
    assert stored.dtype == np.float16
    assert stored.tolist() == [[60000, -60000, 0.5]]


# ---------------------------------------------------------------- what becomes a crop


@pytest.mark.parametrize(("shape", "n"), [((3, 4), 1), ((11, 1), 0)])
def test_an_object_has_at_least_twelve_pixels(shape: tuple[int, int], n: int) -> None:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[10 : 10 + shape[0], 10 : 10 + shape[1]] = 1
    left_out: Counter[str] = Counter()
    sample = make_scan(mask)[0]
    assert len(find_objects(sample, SCANS, 16, left_out)) == n
    assert left_out == ({} if n else {"objects under 12 pixels": 1})


@pytest.mark.parametrize(("side", "n"), [((5, 3, 2), 1), ((29, 1, 1), 0)])
def test_an_object_of_a_volume_has_at_least_thirty_voxels(side: tuple[int, int, int], n: int) -> None:
    mask = np.zeros((32, 12, 12), dtype=np.uint8)
    mask[tuple(slice(2, 2 + k) for k in side)] = 1
    schema = Schema("nifti", "scan", 3, ("t1",), {"lesion": 1})
    assert len(find_objects(make_scan(mask, schema=schema)[0], schema, 16, Counter())) == n


def test_the_largest_class_value_of_a_bank_is_255() -> None:
    mask = np.zeros((32, 32), dtype=np.uint16)
    mask[10:20, 10:20] = 255
    largest = Schema("nifti", "scan", 2, ("t1",), {"lesion": 255})
    assert crops(make_scan(mask, schema=largest), size=16)[0].mask.max() == 255
    mask[mask > 0] = 256
    with pytest.raises(DataError, match=r"class value 256 \(lesion\); expected values of 1 to 255"):
        crops(make_scan(mask, schema=Schema("nifti", "scan", 2, ("t1",), {"lesion": 256})), size=16)
    with pytest.raises(DataError, match=r"class value 0 \(lesion\)"):
        crops(make_scan(mask, schema=Schema("nifti", "scan", 2, ("t1",), {"lesion": 0})), size=16)


def test_only_objects_of_frames_and_all_classes_of_scans_are_in_a_crop() -> None:
    assert list_crop_classes(FRAMES) == {"walker": 2, "car": 3}
    assert list_crop_classes(SCANS) == {"lesion": 1}
    unnamed = Schema("masks", "frame", 2, ("grey",), {"road": 1})
    with pytest.raises(DataError, match="no objects named"):
        list_crop_classes(unnamed)


def test_a_flat_channel_has_a_width_of_one() -> None:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[10:20, 10:20] = 1
    image = np.full(mask.shape, 7.0)
    image[15, 15] = 9.0  # one pixel of 1024 is no percentile
    (crop,) = crops(make_scan(mask, image), size=16)
    assert crop.image.min() == 0
    assert crop.image.max() == 2


def test_numbers_that_are_measured() -> None:
    mask = np.zeros((40, 40, 40), dtype=np.uint8)
    distance = sum((axis - 20) ** 2 for axis in np.indices(mask.shape))
    mask[distance <= 25] = 1
    image = 1.0 + mask
    image[:8, :8, :8] = 0  # so that the range is 0 to 2
    schema = Schema("nifti", "scan", 3, ("t1",), {"lesion": 1})
    bank = crops(make_scan(mask, image, schema), size=16, condition=["radius_mm", "volume_mm3", "contrast"])
    assert bank.info.conditions == {} and bank.info.numbers == ["radius_mm", "volume_mm3", "contrast"]
    entry = bank.entries[0]
    assert entry["number:volume_mm3"] == pytest.approx((mask > 0).sum(), rel=1e-4)
    assert 4 / 3 * np.pi * entry["number:radius_mm"] ** 3 == pytest.approx((mask > 0).sum(), rel=1e-4)
    assert entry["number:contrast"] == pytest.approx(0.5)


def test_the_depth_of_a_crop_is_that_of_its_shallowest_pixel() -> None:
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[5:12, 10:14] = 1
    (crop,) = crops(make_scan(mask), size=16)
    # The image's border is the body's surface: its pixels are 0 mm below it.
    assert crop.entry["depth"] == 5


def test_a_volume_condition_is_for_volumes() -> None:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[10:20, 10:20] = 1
    with pytest.raises(DataError, match="no condition 'volume_mm3'; expected one of lesion, radius_mm, contrast"):
        crops(make_scan(mask), size=16, condition="volume_mm3")


# ---------------------------------------------------------------- entries


def test_a_new_entry_is_free_and_knows_nothing() -> None:
    info = BankInfo(spatial_dims=2, channels=["t1"], classes={}, conditions={"lesion": ["a"]}, numbers=["age"])
    (entry,) = create_entries(info, 1)
    assert entry["subject"] == entry["host"] == entry["condition:lesion"] == -1
    assert entry["place"].tolist() == [-1, -1]
    assert entry["spacing"].tolist() == [1, 1]
    assert np.isnan(entry["number:age"])
    assert entry["depth"] == entry["radius_mm"] == entry["contrast"] == 0
    assert entry["source_size"].tolist() == entry["centre"].tolist() == [0, 0]


def test_the_source_size_is_shape_times_spacing() -> None:
    sample = Sample(np.zeros((1, 10, 20), dtype=np.float32), meta={"spacing": (0.5, 2.0)})
    assert measure_source_size(sample) == [5, 40]


def test_boxes_without_a_mask_are_counted() -> None:
    sample = make_frame((2, 30, 50, 40, 50))
    sample.boxes = np.array([[40, 30, 50, 50], [80, 30, 90, 50], [5, 5, 9, 9]], dtype=np.float32)
    sample.labels = np.array([2, 2, 3])
    sample.instances = (sample.mask == 2).astype(np.int32)
    left_out: Counter[str] = Counter()
    assert len(find_objects(sample, FRAMES, 16, left_out)) == 1
    assert left_out == {"objects with a box but no mask": 2}
