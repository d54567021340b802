"""A folder of crops with masks as a bank: however they are kept, and what is refused with which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

import domaingan as dg
from domaingan import phantoms
from domaingan.bank_folders import open_bank
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import FRAME, SCAN
from domaingan.imaging.intensity import get_intensity_range, to_scaled
from domaingan.views.slices import slice_volumes

WAYS = ("folders", "crops", "beside", "transparent")


def words(folder: Path, **definitions: Any) -> None:
    (folder / "classes.json").write_text(json.dumps(definitions))


def table(folder: Path, *lines: str) -> None:
    (folder / "samples.csv").write_text("\n".join(lines) + "\n")


def picture(index: int, value: int = 255) -> tuple[np.ndarray, np.ndarray]:
    """A red box on blue and its mask; sizes differ."""
    image = np.zeros((24 + index, 30, 3), dtype=np.uint8)
    image[..., 2] = 200
    mask = np.zeros(image.shape[:2], dtype=np.uint8)
    mask[6:18, 10 : 16 + index] = value
    image[mask > 0] = (250, 10, 10)
    return image, mask


def store(folder: Path, way: str, n: int = 3, value: int = 255) -> Path:
    """A folder of crops, kept in one of the ways."""
    names = {"folders": ("images", "masks"), "crops": ("crops", "masks")}.get(way, ("", ""))
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(n):
        image, mask = picture(i, value)
        if way == "transparent":
            image[mask == 0] = 0
            Image.fromarray(np.dstack([image, np.where(mask > 0, 255, 0).astype(np.uint8)])).save(folder / f"c{i}.png")
            continue
        Image.fromarray(image).save(folder / names[0] / f"c{i}.png")
        end = "_mask" if way == "beside" else ""
        Image.fromarray(mask).save(folder / names[1] / f"c{i}{end}.png")
    return folder


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_keep_pictures(way: str, tmp_path: Path) -> None:
    bank = open_bank(store(tmp_path / "x", way))
    info = bank.info
    assert info.kind == "crops" and info.domain == FRAME and not info.generated and len(bank) == 3
    assert (
        bank.size == (32, 32) and info.classes == {"object": 1} and bank.count_conditions() == {"object": {"object": 3}}
    )
    assert bank.subjects == ("c0", "c1", "c2") and info.supporting_classes == {}
    for i, crop in enumerate(bank):
        assert (crop.mask > 0).sum() == 12 * (6 + i) and crop.spacing == (1, 1)
        body = crop.image[:, crop.mask > 0]
        np.testing.assert_allclose(body.mean(axis=1), np.array([250, 10, 10]) / 255, atol=1e-3)
        assert not crop.entry["depth"] and not crop.entry["centre"].any() and not crop.entry["source_size"].any()
        assert (crop.image[:, 0, 0] == crop.image[:, 0, 0].max()).all() == (way == "transparent")  # grey, else blue
    again = bank.save(tmp_path / "bank")
    assert again.info == info and (again.masks == bank.masks).all()


def test_classes_by_the_masks_values(tmp_path: Path) -> None:
    root = store(tmp_path / "x", "folders", value=7)
    ground = {"person": ["road", "pavement"]}
    words(root, classes={"person": 7, "road": 2}, ground=ground, frame=[480, 640])
    table(root, "sample,subject,lighting,height", "c0,a,dusk,1.5", "c1,a,day,2", "c2,b,day,1")
    bank = open_bank(root)
    assert bank.info.classes == {"person": 7}  # what it stands on is no object
    assert bank.info.supporting_classes == {"person": {"road": 1, "pavement": 1}} and bank.subjects == ("a", "b")
    assert bank.count_conditions() == {"object": {"person": 3}, "lighting": {"dusk": 1, "day": 2}}
    assert bank.entries["number:height"].tolist() == [1.5, 2, 1] and (bank.entries["source_size"] == [480, 640]).all()
    assert (bank.entries["depth"] == 12).all()  # as tall as the camera hangs high: its head is on the horizon
    assert np.allclose(bank.entries["centre"], [0.5 + 6 / 480, 0.5])


def test_they_stand_in_frames_as_large_as_their_row_calls_for(tmp_path: Path) -> None:
    root, data = store(tmp_path / "x", "transparent"), phantoms.load_phantom("driving", sequences=4, frames=2)
    table(root, "sample,object", "c0,car", "c1,car", "c2,pedestrian")
    words(root, ground=["road", "pavement"], frame=list(data[0].shape))
    paste, heights = dg.Paste(open_bank(root), per_image=(3, 3), schema=data.schema), []
    for i, sample in enumerate(data):
        after = paste(sample, np.random.default_rng(i))
        heights += [(r.ground_contact[0], r.scale) for r in after.pasted_crops if r.is_placed]
    feet, scales = np.array(heights).T
    assert len(feet) > 12 and np.corrcoef(feet, scales)[0, 1] > 0.5


@pytest.mark.parametrize("way", WAYS)
def test_classes_by_a_column(way: str, tmp_path: Path) -> None:
    root = store(tmp_path / "x", way)
    table(root, "sample,object", "c0,car", "c1,van", "c2,car")
    words(root, ground=["road"])
    bank = open_bank(root)
    assert bank.info.classes == {"car": 1, "van": 2} and bank.count_conditions() == {"object": {"van": 1, "car": 2}}
    assert [int(crop.mask.max()) for crop in bank] == [1, 2, 1]
    assert bank.info.supporting_classes == {"car": {"road": 1}, "van": {"road": 1}}


def test_large_ones_are_shrunk_and_say_so(tmp_path: Path) -> None:
    root = tmp_path / "x"
    root.mkdir()
    image, mask = np.full((300, 500, 3), 90, dtype=np.uint8), np.zeros((300, 500), dtype=np.uint8)
    mask[40:260, 60:460] = 1
    Image.fromarray(image).save(root / "a.png")
    Image.fromarray(mask).save(root / "a_mask.png")
    (crop,) = open_bank(root)
    assert crop.mask.shape == (128, 128) and crop.spacing == pytest.approx((500 / 128, 500 / 128))
    assert (crop.mask > 0).sum() * np.prod(crop.spacing) == pytest.approx(220 * 400, rel=0.03)
    assert np.allclose(crop.image, 90 / 255, atol=1e-3)  # the picture's edge goes on


# ---------------------------------------------------------------------- scans


def scan_crops(folder: Path, dims: int, way: str = "folders", scaled: bool = False, dtype: Any = np.float32) -> Bank:
    """The phantom's lesions as NIfTI files of different sizes; the real bank of the same."""
    data = phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 24))
    data = slice_volumes(data) if dims == 2 else data
    for name in ("images", "masks") if way == "folders" else ("",):
        (folder / name).mkdir(parents=True, exist_ok=True)
    made = 0
    for sample in data:
        assert sample.mask is not None
        if made == 6 or (sample.mask > 0).sum() < 16:
            continue
        spots = np.argwhere(sample.mask > 0)
        where = tuple(slice(max(0, a - 4), b + 5) for a, b in zip(spots.min(0), spots.max(0), strict=True))
        image = to_scaled(sample.image, get_intensity_range(sample, SCAN)) if scaled else sample.image
        image = np.moveaxis(image[(slice(None), *where)], 0, -1)
        if dims == 2:
            image = image[:, :, None]
        affine = np.diag([*sample.spacing, *[1.0] * (4 - dims)])
        mask = sample.mask[where].astype(np.uint8)
        first, second = ("images/{}", "masks/{}") if way == "folders" else ("{}", "{}_mask")
        nib.save(nib.Nifti1Image(image.astype(dtype), affine), folder / f"{first.format(f's{made}')}.nii.gz")
        nib.save(nib.Nifti1Image(mask, affine), folder / f"{second.format(f's{made}')}.nii.gz")
        made += 1
    words(folder, classes=data.schema.classes, channels=data.schema.channels)
    return dg.crops(data, size=16)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("way", ["folders", "beside"])
def test_scans(dims: int, way: str, tmp_path: Path) -> None:
    real = scan_crops(tmp_path / "x", dims, way)
    bank = open_bank(tmp_path / "x")
    info = bank.info
    assert info.domain == SCAN and info.spatial_dims == dims and info.channels == real.info.channels
    assert info.classes == real.info.classes and len(bank) > 1 and set(bank.size) <= {16, 32}
    assert all(crop.spacing == pytest.approx(real[0].spacing) for crop in bank if max(crop.spacing) == 1)
    host = phantoms.load_phantom("medical", subjects=5, shape=(32, 32, 24))
    samples = slice_volumes(host) if dims == 2 else host
    paste, observed = dg.Paste(bank, "feather", (3, 3), classes=host.schema.classes), 0
    paste.check_schema(samples.schema)
    for sample in list(samples)[:: 8 if dims == 2 else 2]:
        after = paste(sample, np.random.default_rng(0))
        observed += sum(record.is_placed for record in after.pasted_crops)
    assert observed


def test_scaled_units_are_taken_as_they_are(tmp_path: Path) -> None:
    scan_crops(tmp_path / "scaled", 3, scaled=True)
    scan_crops(tmp_path / "stored", 3)
    scaled, stored = open_bank(tmp_path / "scaled"), open_bank(tmp_path / "stored")
    definitions = json.loads((tmp_path / "stored" / "classes.json").read_text())
    words(tmp_path / "stored", **definitions, range=[[0, 1000]] * len(scaled.info.channels))
    given = open_bank(tmp_path / "stored")
    shown = scaled.images[:, 0] > 0
    assert scaled.images.max() > 1.1  # brighter than 99.5 % of the scan, as a whole
    assert np.quantile(stored.images[:, 0][shown].astype(float), 0.99) == pytest.approx(1, abs=0.1)
    assert np.quantile(given.images[:, 0][shown].astype(float), 0.99) < 0.9


def test_what_shows_nothing_around_its_object_is_counted(tmp_path: Path) -> None:
    scan_crops(tmp_path, 3)
    one = nib.load(tmp_path / "masks" / "s0.nii.gz")
    nib.save(nib.Nifti1Image(np.ones(one.shape, dtype=np.uint8), one.affine), tmp_path / "masks" / "s0.nii.gz")
    n = len(list((tmp_path / "images").iterdir()))
    bank = open_bank(tmp_path)
    assert len(bank) == n - 1 and bank.info.left_out == {"crops without any surroundings": 1}


# ---------------------------------------------------------------------- mistakes


def test_one_line_that_names_the_file(tmp_path: Path) -> None:
    root = store(tmp_path / "x", "folders")

    def check_refused(match: str) -> None:
        with pytest.raises(DataError, match=match) as error:
            open_bank(root)
        assert "\n" not in str(error.value)

    Image.fromarray(np.zeros((24, 30), dtype=np.uint8)).save(root / "masks" / "c0.png")
    check_refused(r"masks/c0\.png: an empty mask; expected some of object")
    Image.fromarray(np.zeros((5, 30), dtype=np.uint8)).save(root / "masks" / "c0.png")
    check_refused(r"masks/c0\.png: shape \(5, 30\); expected \(24, 30\), as c0\.png")
    (root / "masks" / "c0.png").unlink()
    check_refused(r"images/c0\.png: a crop without a mask; expected a mask for c0")
    (root / "images" / "c0.png").rename(root / "masks" / "z.png")
    check_refused(r"masks/z\.png: a mask without a crop; expected a crop called z")
    (root / "masks" / "z.png").unlink()
    (root / "images" / "c1.png").write_bytes((root / "images" / "c1.png").read_bytes()[:60])
    check_refused(r"images/c1\.png: ")
    store(root, "folders")
    words(root, classes={"car": 3})
    check_refused(r"masks/c\d\.png: mask value 255; expected one of 0, 3, as in classes\.json")
    words(root, classes={"object": 255}, ground="road")
    check_refused(r"classes\.json: ground: ")
    words(root, klasses={"object": 255})
    check_refused(r"classes\.json: unknown key 'klasses'; expected some of classes, .*frame")
    words(root, classes={"object": 255}, region=[0, 0, 1, 1])
    check_refused(r"classes\.json: 'region' for crops")
    (root / "classes.json").unlink()
    table(root, "sample,object", "c0,car")
    check_refused(r"samples\.csv: no object for 'c1'; expected one of car")


def test_scans_that_are_wrong(tmp_path: Path) -> None:
    scan_crops(tmp_path, 3)
    path = tmp_path / "images" / "s0.nii.gz"
    good, image = path.read_bytes(), nib.load(path)
    nib.save(nib.Nifti1Image(np.full(image.shape, np.nan, dtype=np.float32), image.affine), path)
    with pytest.raises(DataError, match=r"s0\.nii\.gz: NaN|s0\.nii\.gz: .*NaN"):
        open_bank(tmp_path)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(DataError, match=r"s0\.nii\.gz"):
        open_bank(tmp_path)
    path.write_bytes(good)
    definitions = json.loads((tmp_path / "classes.json").read_text())
    words(tmp_path, **definitions, range=[5, 1])
    with pytest.raises(DataError, match=r"classes\.json: range \(5\.0, 1\.0\)"):
        open_bank(tmp_path)


# ------------------------------------------------------------------- scenes


def test_labelled_frames_are_scenes_with_masks(tmp_path: Path) -> None:
    from written_sets import write_dataset

    data = phantoms.load_phantom("driving", sequences=2, frames=2)
    write_dataset(data, data, tmp_path / "set")
    bank = open_bank(tmp_path / "set")
    assert bank.info.kind == "scenes" and bank.size == (256, 256) and bank.info.classes == data.schema.classes
    assert bank.info.conditions and (bank.masks != 255).any()
    dg.Relight(bank, "reinhard-per-class", schema=data.schema)(data[0], np.random.default_rng(0))
    with pytest.raises(DataError, match="a set of whole frames; expected the bank that domaingan crops makes"):
        open_bank(tmp_path / "set", "crops")


def test_another_scanners_volumes_are_scenes(tmp_path: Path) -> None:
    data = phantoms.load_phantom("medical", subjects=2, shape=(24, 24, 16))
    for i, sample in enumerate(data):
        image = nib.Nifti1Image(np.moveaxis(sample.image, 0, -1), np.eye(4))
        nib.save(image, tmp_path / f"scan{i}.nii.gz")
    words(tmp_path, classes={}, channels=data.schema.channels)
    table(tmp_path, "sample,scanner", "scan0,a", "scan1,b")
    bank = open_bank(tmp_path)
    assert (
        bank.info.kind == "scenes"
        and bank.info.domain == SCAN
        and bank.count_conditions() == {"scanner": {"a": 1, "b": 1}}
    )
    assert bank.info.channels == list(data.schema.channels)
    dg.Relight(bank, "histogram").check_schema(data.schema)


def test_crops_asked_for_their_look(tmp_path: Path) -> None:
    store(tmp_path / "x", "beside")
    bank = open_bank(tmp_path / "x", "scenes")
    assert bank.info.kind == "scenes" and len(bank) == 3
    with pytest.raises(DataError, match="no bank"):
        (tmp_path / "y").mkdir()
        open_bank(tmp_path / "y", "crops")
