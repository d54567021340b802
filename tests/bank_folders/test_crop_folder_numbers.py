"""Folders of crops: worked examples of sizes, heights, masks and intensity ranges."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from domaingan.bank_folders import open_bank
from domaingan.bank_folders.crop_files import get_stem, read_alpha
from domaingan.bank_folders.crop_folder import MAX_BANK_BYTES, _choose_size
from domaingan.bank_folders.crop_pictures import threshold_soft_mask
from domaingan.bank_folders.crop_scans import find_hounsfield_channels, get_intensity_ranges
from domaingan.core.errors import AssumptionWarning
from domaingan.data import Dataset, Record, Sample, Schema


def store_cut_out(path: Path, shape: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    """Write a red box that is opaque on what is transparent."""
    top, bottom, left, right = box
    pixels = np.zeros((*shape, 4), dtype=np.uint8)
    pixels[top:bottom, left:right] = (255, 0, 0, 255)
    Image.fromarray(pixels).save(path)


def make_scans(*images: np.ndarray, channels: int = 1) -> Dataset:
    """A dataset of small scans, each of its own subject."""

    def read(record: Record) -> Sample:
        return Sample(images[int(record.name)].astype(np.float32))

    records = [Record(str(i), subject=f"s{i}", shape=image.shape[1:]) for i, image in enumerate(images)]
    return Dataset(records, read, Schema("nifti", "scan", 2, ("a", "b")[:channels], {"lesion": 1}))


def test_the_height_of_a_shrunk_crop_is_that_of_its_object(tmp_path: Path) -> None:
    # 200 rows need a crop of 250 pixels, and 128 is the largest edge: a pixel of the crop is about 2 of the frame.
    store_cut_out(tmp_path / "a.png", (220, 60), (10, 210, 10, 50))
    (tmp_path / "classes.json").write_text('{"frame": [480, 640]}')
    (crop,) = open_bank(tmp_path)
    assert crop.mask.shape == (128, 128)
    assert crop.spacing[0] == pytest.approx(250 / 128)
    assert crop.entry["depth"] == pytest.approx(200, abs=2)
    assert crop.entry["centre"].tolist() == pytest.approx([0.5 + 100 / 480, 0.5], abs=0.01)
    assert crop.entry["source_size"].tolist() == [480, 640]


def test_a_crop_of_unknown_depth_has_depth_0(tmp_path: Path) -> None:
    store_cut_out(tmp_path / "a.png", (40, 40), (10, 30, 10, 30))
    (crop,) = open_bank(tmp_path)
    assert crop.entry["depth"] == 0
    assert crop.entry["centre"].tolist() == [0, 0]
    assert crop.entry["source_size"].tolist() == [0, 0]


def test_a_cut_out_goes_on_for_two_pixels_and_then_is_grey(tmp_path: Path) -> None:
    store_cut_out(tmp_path / "a.png", (40, 40), (10, 30, 10, 30))
    (crop,) = open_bank(tmp_path)
    top = int(np.flatnonzero(crop.mask.any(axis=1))[0])
    column = crop.mask.shape[1] // 2
    assert crop.image[:, top - 2, column].tolist() == [1, 0, 0]
    assert crop.image[:, top - 3, column].tolist() == pytest.approx([0.4, 0.4, 0.4], abs=1e-3)


@pytest.mark.parametrize(("alpha", "is_object"), [(127, False), (128, True)])
def test_half_opaque_pixels_belong_to_the_object(tmp_path: Path, alpha: int, is_object: bool) -> None:
    pixels = np.zeros((40, 40, 4), dtype=np.uint8)
    pixels[10:30, 10:30] = (0, 0, 255, 255)
    pixels[9, 10:30, 3] = alpha
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_alpha(tmp_path / "a.png")[9, 10] == pytest.approx(alpha / 255)
    assert (open_bank(tmp_path).masks > 0).sum() == 400 + 20 * is_object


@pytest.mark.parametrize(
    ("sides", "expected"), [([10] * 10, 16), ([17] * 10, 32), ([20] * 9 + [500], 128), ([20] * 10 + [500], 32)]
)
def test_nine_in_ten_crops_fit(sides: list[int], expected: int) -> None:
    records = [Record(str(i), shape=(side, 5)) for i, side in enumerate(sides)]
    assert _choose_size(records, 3, 2) == expected


def test_many_crops_are_smaller() -> None:
    n = MAX_BANK_BYTES // (2 * 3 * 128 * 128)
    record = SimpleNamespace(shape=(120, 120))
    assert _choose_size([record] * n, 3, 2) == 128
    assert _choose_size([record] * (n + 1), 3, 2) == 64


def test_a_mask_with_soft_edges_is_cut_at_half() -> None:
    with pytest.warns(AssumptionWarning, match="many values up to 201"):
        assert threshold_soft_mask(np.array([[0, 100, 101, 201]], dtype=np.int32)).tolist() == [[0, 0, 201, 201]]
    for hard in ([[0, 1, 2, 63]], [[0, 100, 255, 255]]):
        assert threshold_soft_mask(np.array(hard, dtype=np.int32)).tolist() == hard


def test_values_from_minus_a_half_to_two_and_a_half_are_scaled_units() -> None:
    ranges = get_intensity_ranges(make_scans(np.array([[[-0.5, 2.5]]])), None)
    assert ranges["s0"].tolist() == [[0, 1]]
    for other in ([-0.6, 2.0], [-0.5, 2.6], [0.1, 0.4]):
        assert get_intensity_ranges(make_scans(np.array([[other]])), None)["s0"].tolist() != [[0, 1]]


def test_each_subject_has_the_percentiles_of_its_own_crops_without_zeros() -> None:
    first = np.concatenate([np.zeros(500), np.arange(1, 1002)])[None, None]
    ranges = get_intensity_ranges(make_scans(first, 10 * first), None)
    assert ranges["s0"].tolist() == [[6, 996]]
    assert ranges["s1"].tolist() == [[60, 9960]]
    assert find_hounsfield_channels(ranges).tolist() == [False]


def test_one_named_range_is_that_of_all_channels() -> None:
    data = make_scans(np.ones((2, 4, 4)), channels=2)
    ranges = get_intensity_ranges(data, (-160.0, 240.0))
    assert ranges["s0"].tolist() == [[-160, 240], [-160, 240]]
    assert find_hounsfield_channels(ranges).tolist() == [True, True]
    assert get_intensity_ranges(data, [(-160.0, 240.0), (0.0, 20.0)])["s0"].tolist() == [[-160, 240], [0, 20]]


def test_a_suffix_of_two_parts_is_one() -> None:
    assert [get_stem(Path(name)) for name in ("a.nii.gz", "a.NII", "a.b.png", "a")] == ["a", "a", "a.b", "a"]
