"""Pictures with an EXIF orientation are turned as OpenCV and Pillow turn them, and so are their labels."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from domaingan.adapters import load
from domaingan.adapters.frames.exif_orientation import ORIENTATION_TAG
from domaingan.adapters.frames.picture_header import read_picture_header
from domaingan.adapters.frames.picture_io import read_mask_picture, read_picture_with_header
from domaingan.bank_folders.crop_files import read_alpha
from domaingan.core.errors import AssumptionWarning, DataError

ALL = range(1, 9)
PIXELS = np.random.default_rng(5).integers(0, 256, (6, 10, 3), dtype=np.uint8)


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif


def save(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"lossless": True} if path.suffix == ".webp" else {}
    Image.fromarray(pixels).save(path, exif=exif_of(orientation), **options)
    return path


def stored_for(shown: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels that are shown as ``shown``: found by trying, so that nothing of the code under test is used."""
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    picture = Image.fromarray(shown)
    picture.getexif()[ORIENTATION_TAG] = inverse
    return np.asarray(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", ALL)
def test_as_pillow_turns_it(tmp_path: Path, ending: str, orientation: int) -> None:
    path = save(tmp_path / f"a{ending}", PIXELS, orientation)
    with Image.open(path) as picture:
        shown = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    image, header = read_picture_with_header(path)
    assert np.array_equal(np.rint(image * 255).astype(np.uint8).transpose(1, 2, 0), shown)
    assert header.shape == shown.shape[:2] == read_picture_header(path).shape


@pytest.mark.parametrize("orientation", ALL)
def test_as_opencv_turns_it(tmp_path: Path, orientation: int) -> None:
    path = save(tmp_path / "a.jpg", np.repeat(np.repeat(PIXELS, 8, 0), 8, 1), orientation)
    shown = cv2.imread(str(path))
    assert np.array_equal(np.rint(read_picture_with_header(path)[0] * 255).transpose(1, 2, 0), shown[..., ::-1])


def test_a_png_whose_exif_comes_after_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    whole = path.read_bytes()
    data = exif_of(8).tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + data
    chunk = struct.pack(">I", len(data)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(whole[:-12] + chunk + whole[-12:])
    assert read_picture_header(path).orientation == 8
    assert np.array_equal(np.rint(read_picture_with_header(path)[0] * 255).transpose(1, 2, 0), np.rot90(PIXELS))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0MM\0*\0\0\0", b"Exif\0\0", b"nothing", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\0\0"]
)
@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_damaged_exif_data_is_none(tmp_path: Path, exif: bytes, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    Image.fromarray(PIXELS).save(path, exif=exif)
    assert read_picture_header(path).orientation == 1 and read_picture_with_header(path)[0].shape == (3, 6, 10)


@pytest.mark.parametrize("orientation", [0, 9, 400])
def test_numbers_that_are_no_orientation(tmp_path: Path, orientation: int) -> None:
    assert read_picture_header(save(tmp_path / "a.jpg", PIXELS, orientation)).orientation == 1


def test_the_pixels_as_stored_where_the_set_has_their_shape(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", PIXELS, 6)
    assert read_picture_header(path).possible_shapes == ((10, 6), (6, 10))
    assert np.array_equal(np.rint(read_picture_with_header(path, (6, 10))[0] * 255).transpose(1, 2, 0), PIXELS)
    assert (
        read_picture_with_header(path, (10, 6))[0].shape
        == (3, 10, 6)
        == read_picture_with_header(path, (7, 7))[0].shape
    )


def test_transparency_is_turned_with_its_picture(tmp_path: Path) -> None:
    opaque = np.zeros((6, 10), np.uint8)
    opaque[:2] = 255
    path = save(tmp_path / "a.png", np.dstack([PIXELS, opaque]), 6)
    assert read_alpha(path).shape == (10, 6) and read_alpha(path)[:, -2:].all() and read_alpha(path).sum() == 20


# -------------------------------------------------------------------- with labels

MASK = np.zeros((6, 10), np.uint8)
MASK[1:4, 6:9] = 1
LIGHT = np.dstack([MASK * 255] * 3)


def mask_set(root: Path, orientation: int, mask: np.ndarray, *, of_mask: int = 1) -> Path:
    save(root / "images" / "a.png", stored_for(LIGHT, orientation), orientation)
    save(root / "masks" / "a.png", mask, of_mask)
    (root / "classes.json").write_text(json.dumps({"classes": {"sign": 1}, "objects": ["sign"], "min_area": 0}))
    return root


@pytest.mark.parametrize("orientation", ALL)
def test_masks_lie_on_what_is_shown(tmp_path: Path, orientation: int) -> None:
    root = mask_set(tmp_path, orientation, MASK)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load(root)
    messages = [str(one.message) for one in caught if issubclass(one.category, AssumptionWarning)]
    assert len(messages) == (orientation != 1)
    assert all(
        f"1 pictures are turned as their EXIF data says, such as a.png (orientation {orientation})" in s
        for s in messages
    )
    sample = data[0]
    assert data.problems == () and sample.shape == (6, 10)
    assert np.array_equal(sample.image[0] > 0.5, sample.mask > 0)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_masks_drawn_on_the_stored_pixels_keep_them(tmp_path: Path, orientation: int) -> None:
    stored = stored_for(LIGHT, orientation)
    root = mask_set(tmp_path, orientation, (stored[..., 0] > 0).astype(np.uint8))
    with pytest.warns(AssumptionWarning, match="1 pictures are not turned as their EXIF data says"):
        data = load(root)
    assert data[0].shape == (10, 6) and np.array_equal(data[0].image[0] > 0.5, data[0].mask > 0)


@pytest.mark.parametrize("orientation", [3, 6])
def test_masks_that_carry_the_same_tag_are_turned_too(tmp_path: Path, orientation: int) -> None:
    root = mask_set(tmp_path, orientation, stored_for(MASK, orientation), of_mask=orientation)
    with pytest.warns(AssumptionWarning):
        data = load(root)
    assert np.array_equal(data[0].mask, MASK) and np.array_equal(data[0].image[0] > 0.5, MASK > 0)
    assert np.array_equal(read_mask_picture(root / "masks" / "a.png")[0], MASK)


def test_a_mask_of_neither_shape(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shape \(5, 5\); expected \(6, 10\), as a\.png"):
        load(mask_set(tmp_path, 6, np.zeros((5, 5), np.uint8)))


@pytest.mark.parametrize(("sides", "shape"), [((6, 10), (6, 10)), ((10, 6), (10, 6)), ((None, None), (6, 10))])
def test_coco_tells_by_its_sizes(tmp_path: Path, sides: tuple[int | None, int | None], shape: tuple[int, int]) -> None:
    save(tmp_path / "images" / "a.png", stored_for(LIGHT, 6), 6)
    image = {"id": 1, "file_name": "a.png", "height": sides[0], "width": sides[1]}
    one = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [6, 1, 3, 3] if shape == (6, 10) else [1, 1, 3, 3]}
    document = {"images": [image], "annotations": [one], "categories": [{"id": 1, "name": "sign"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    with pytest.warns(AssumptionWarning, match="EXIF"):
        sample = load(tmp_path)[0]
    assert sample.shape == shape
    if shape == (6, 10):
        assert np.array_equal(sample.image[0] > 0.5, MASK > 0)
