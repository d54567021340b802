"""Fixed ranges of absolute units: found out by values, named by a person, and what they do to pasted contrast."""

from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste, Variation
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import SCAN, Dataset, IntensityRange, Record, Sample, Schema
from domaingan.imaging.intensity import get_intensity_range
from domaingan.imaging.ranges import HOUNSFIELD_RANGE, find_absolute_channels, is_ct, is_hounsfield_range, with_ranges
from domaingan.views.slices import slice_volumes

SCHEMA = Schema("nifti", "scan", 3, ("ct",), {"lesion": 1})
STILL = Variation(scale=(1, 1), rotate=0)


def trunk(number: int, *, lung: bool, lesion: bool = True) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A trunk of 40 HU in air, with a lesion of 100 HU; with a lung beside it."""
    rng = np.random.default_rng(number)
    shape = (44, 44, 24)
    grid = [(np.arange(n) - (n - 1) / 2) / (0.42 * n) for n in shape[:2]]
    body = np.repeat((grid[0][:, None] ** 2 + grid[1][None] ** 2 <= 1)[..., None], shape[2], axis=2)
    image = np.where(body, 40.0, -1000.0) + 10 * rng.normal(size=shape)
    if lung:
        image[8:18, 14:30] = -850 + 10 * rng.normal(size=(10, 16, shape[2]))
    mask = np.zeros(shape, dtype=np.uint8)
    if lesion:
        x = 21 if lung else 16 + number
        mask[x - 3 : x + 3, 19:25, 9:15] = 1
        image[mask > 0] = 100 + 10 * rng.normal(size=int(mask.sum()))
    return np.rint(image).astype(np.float32), mask


def scans(*, lung: bool = False, lesion: bool = True, scale: float = 1.0, offset: float = 0.0, n: int = 3) -> Dataset:
    def read(record: Record) -> Sample:
        image, mask = trunk(int(record.name), lung=lung, lesion=lesion)
        return Sample(
            ((image + offset) * scale)[None].astype(np.float32), mask, source=record.source, geometry=record.geometry
        )

    names = [str(i) for i in range(n)]
    return Dataset([Record(x, subject=x, shape=(44, 44, 24), spacing=(1.0, 1.0, 1.0)) for x in names], read, SCHEMA)


def quiet_crops(dataset: Dataset) -> Bank:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        return crops(dataset, size=16)


def pasted_contrast(bank: Bank, hosts: Dataset) -> float:
    """Median difference between what is pasted and the soft tissue around it, in the hosts' own units."""
    paste, found = Paste(bank, per_image=(1, 1), variation=STILL), []
    for host in hosts:
        low, high = float(host.image.min()), float(host.image.max())
        for seed in range(4):
            after = paste(host, np.random.default_rng(seed))
            new = (after.mask > 0) & (host.mask == 0)
            around = ndimage.binary_dilation(new, iterations=2) & ~(after.mask > 0)
            around &= host.image[0] > low + 0.75 * (high - low)  # not lung
            if new.any():
                found.append(after.image[0][new].mean() - after.image[0][around].mean())
    assert len(found) > 4
    return float(np.median(found))


def test_hounsfield_units_are_recognised_by_values_and_reported() -> None:
    with pytest.warns(AssumptionWarning, match="ct: values look like Hounsfield units, so -1000 to 1000"):
        bank = crops(scans(), size=16)
    assert bank.info.ranges == {"ct": HOUNSFIELD_RANGE}
    low, high = bank.info.percentiles["ct"]
    assert 0 < low < 40 < high < 130
    body = bank.images[0, 0][bank.masks[0] > 0].astype(float)
    assert body.mean() == pytest.approx((100 + 1000) / 2000, abs=0.01)


@pytest.mark.parametrize("donors", [False, True])
@pytest.mark.parametrize("hosts", [False, True])
def test_sixty_units_stay_sixty(donors: bool, hosts: bool) -> None:
    bank = quiet_crops(scans(lung=donors))
    assert pasted_contrast(bank, scans(lung=hosts, lesion=False)) == pytest.approx(60, abs=10)


def test_a_host_in_other_units_is_matched_by_percentiles_and_that_is_reported() -> None:
    bank, hosts = quiet_crops(scans()), scans(scale=1 / 2000, offset=1000)
    with pytest.warns(AssumptionWarning, match="ct of a host is not in the bank's units"):
        assert pasted_contrast(bank, hosts) == pytest.approx(60 / 2000, rel=0.4)


def test_a_patch_without_air_takes_the_banks_range() -> None:
    bank, host = quiet_crops(scans()), scans(lesion=False)[0]
    patch = Sample(host.image[:, 10:34, 10:34] + np.float32(0.1), host.mask[10:34, 10:34], meta={"name": "patch"})
    assert not is_ct(patch.image[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        after = Paste(bank, per_image=(1, 1), variation=STILL)(patch, np.random.default_rng(0))
    new = after.mask > 0
    assert after.image[0][new].mean() - patch.image[0].mean() == pytest.approx(60, abs=15)


def test_slices_have_the_range_of_their_volume() -> None:
    bank = quiet_crops(slice_volumes(scans()))
    assert bank.info.ranges == {"ct": HOUNSFIELD_RANGE}
    for piece in slice_volumes(scans()).select([0, 12]):
        assert get_intensity_range(piece, SCAN).tolist() == [list(HOUNSFIELD_RANGE)]


def test_what_is_no_ct_keeps_its_percentiles(rng: np.random.Generator) -> None:
    mr = scans(offset=1000, scale=0.7)
    bank = crops(mr, size=16)
    assert bank.info.ranges == {} and bank.info.percentiles == {}
    normal = rng.normal(size=(20, 20, 20)).astype(np.float32)
    for values in (normal, np.abs(normal) * 300, normal * 1000, np.where(normal > 1, normal, 0), normal[:0]):
        assert not is_ct(values)


@pytest.mark.parametrize("padding", [-1024, -2000, -3024, 0])
def test_padding_does_not_hide_what_the_units_are(padding: float) -> None:
    image, _ = trunk(0, lung=True)
    assert is_ct(np.pad(image, 8, constant_values=padding))
    stripped = np.where(image > -500, image, np.float32(-1024))
    assert is_ct(stripped + 0.25)


def save(path: Path, array: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.Nifti1Image(array, np.eye(4)).to_filename(path)


def test_a_range_in_classes_json_counts_and_is_written_back(tmp_path: Path) -> None:
    image, mask = trunk(0, lung=False)
    save(tmp_path / "data" / "a" / "ct.nii.gz", image.astype(np.int16))
    save(tmp_path / "data" / "a" / "pet.nii.gz", (image - image.min()).astype(np.float32) / 100)
    save(tmp_path / "data" / "a" / "seg.nii.gz", mask)
    listed = '{"classes": {"lesion": 1}, "channels": ["ct", "pet"], "range": [[-160, 240], null]}'
    (tmp_path / "data" / "classes.json").write_text(listed)
    data = load(tmp_path / "data")
    assert data.schema.ranges == {"ct": (-160, 240)}
    ends = get_intensity_range(data[0], SCAN)
    assert ends[0].tolist() == [-160, 240] and 10 < ends[1, 0] < ends[1, 1] < 13
    with warnings.catch_warnings():
        warnings.simplefilter("error", AssumptionWarning)
        assert crops(data, size=16).info.ranges == {"ct": (-160, 240)}
    write_dataset(data, data, tmp_path / "out")
    assert load(tmp_path / "out").schema.ranges == {"ct": (-160, 240)}


@pytest.mark.parametrize("ranges", [(5, 5), (9, 1), (0, float("nan")), [(0, 1), (0, 1)]])
def test_what_is_no_range_is_refused(ranges: object) -> None:
    with pytest.raises(DataError, match="range"):
        with_ranges(scans(), ranges)  # type: ignore[arg-type]


def test_a_named_range_of_other_units_is_that_of_every_host() -> None:
    donors = with_ranges(scans(offset=1000, scale=0.01), (0, 20))
    bank = crops(donors, size=16)
    assert bank.info.ranges == {"ct": (0, 20)}
    assert pasted_contrast(bank, scans(offset=1000, scale=0.01, lesion=False)) == pytest.approx(0.6, abs=0.1)


def test_a_known_range_tells_which_channels_are_absolute() -> None:
    ct = np.stack([trunk(0, lung=False)[0]] * 2)
    assert find_absolute_channels(Sample(ct)).tolist() == [True, True]
    ends = np.array([[0, 1], [0, 1]], np.float32)
    assert find_absolute_channels(Sample(ct, intensity_range=IntensityRange(ends, None))).tolist() == [False, False]
    is_absolute = np.array([False, True])
    known = Sample(ct, intensity_range=IntensityRange(ends, is_absolute))
    assert find_absolute_channels(known).tolist() == [False, True]


@pytest.mark.parametrize(
    ("pair", "expected"), [((-50, 50), True), ((-50, 49), False), ((0, 100), False), ((-3, 3), False)]
)
def test_a_range_of_hounsfield_units_spans_100_from_below_0(pair: tuple[float, float], expected: bool) -> None:
    assert is_hounsfield_range(pair) is expected
