"""Files that other software has: two pictures in a JPEG, masks as BMP or stored with loss, soft edges, unread kinds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from domaingan.adapters import load
from domaingan.adapters.frames.frame_samples import list_mask_values
from domaingan.adapters.frames.lossy_masks import _is_lossless_webp
from domaingan.adapters.frames.picture_files import find_unread_pictures
from domaingan.adapters.frames.picture_header import read_picture_header
from domaingan.adapters.frames.picture_io import read_mask_picture, read_picture
from domaingan.bank_folders import open_bank
from domaingan.core.errors import AssumptionWarning, DataError

ROUND = (np.add.outer((np.arange(64) - 30.0) ** 2, (np.arange(48) - 22.0) ** 2) < 300).astype(np.uint8)


def mask_set(root: Path, name: str, mask: np.ndarray, classes: dict[str, int], **options: object) -> Path:
    for folder in ("images", "masks"):
        (root / folder).mkdir()
    Image.new("RGB", mask.shape[::-1], (60, 90, 120)).save(root / "images" / "a.png")
    Image.fromarray(mask).save(root / "masks" / name, **options)
    (root / "classes.json").write_text(json.dumps({"classes": classes, "objects": [*classes]}))
    return root


# ------------------------------------------------------------------- with loss


@pytest.mark.parametrize("quality", [30, 60, 75, 90, 95, 100])
@pytest.mark.parametrize("ending", [".jpg", ".webp", ".tif"])
def test_two_values_far_apart_come_back(tmp_path: Path, ending: str, quality: int) -> None:
    path = tmp_path / f"a{ending}"
    options = {"compression": "jpeg"} if ending == ".tif" else {}
    Image.fromarray(ROUND * 255).save(path, quality=quality, **options)
    values, header = read_mask_picture(path)
    assert header.is_lossy and set(np.unique(values)) == {0, 255}
    assert (values != ROUND * 255).mean() < 0.003


def test_other_two_values(tmp_path: Path) -> None:
    Image.fromarray(ROUND * 130 + 40).save(tmp_path / "a.jpg", quality=90)
    assert np.array_equal(read_mask_picture(tmp_path / "a.jpg")[0], ROUND * 130 + 40)


@pytest.mark.parametrize(
    "mask", [ROUND, ROUND * 60, ROUND * 7 + 20, np.arange(3072, dtype=np.uint16).astype(np.uint8).reshape(64, 48)]
)
def test_other_labels_are_refused(tmp_path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask).save(tmp_path / "a.jpg", quality=95)
    with pytest.raises(DataError, match=r"a\.jpg: labels stored with loss; expected PNG"):
        read_mask_picture(tmp_path / "a.jpg")


def test_three_values_are_refused_however_far_apart(tmp_path: Path) -> None:
    three = ROUND * 255
    three[:, :10] = 128
    Image.fromarray(three).save(tmp_path / "a.jpg", quality=95)
    with pytest.raises(DataError, match="labels stored with loss"):
        read_mask_picture(tmp_path / "a.jpg")


def test_nothing_labelled_is_nothing(tmp_path: Path) -> None:
    Image.fromarray(ROUND * 0).save(tmp_path / "a.jpg")
    assert not read_mask_picture(tmp_path / "a.jpg")[0].any()


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.bmp"])
def test_what_loses_nothing_is_not_taken_for_it(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(ROUND * 3).save(tmp_path / name, **options)
    assert not read_picture_header(tmp_path / name).is_lossy and read_mask_picture(tmp_path / name)[0].max() == 3


def test_a_jpeg_under_another_name_is_found_out(tmp_path: Path) -> None:
    Image.fromarray(ROUND * 3).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(DataError, match="labels stored with loss"):
        read_mask_picture(tmp_path / "a.png")


def test_a_set_says_what_it_snapped_and_refuses_the_rest(tmp_path: Path) -> None:
    root = mask_set(tmp_path, "a.jpg", ROUND * 255, {"sign": 255}, quality=90)
    Image.new("RGB", (48, 64)).save(root / "images" / "b.png")
    Image.fromarray(ROUND).save(root / "masks" / "b.jpg")
    with pytest.warns(AssumptionWarning, match=r"1 masks were stored with loss, such as a\.jpg"):
        data = load(root)
    assert len(data) == 1 and np.array_equal(data[0].mask, ROUND * 255)
    (problem,) = data.problems
    assert problem.path.endswith("b.jpg") and problem.reason.startswith("labels stored with loss")


# ------------------------------------------------------------------- other kinds


def test_the_first_picture_of_a_phone_s_jpeg(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    first, second = Image.fromarray(noise), Image.new("RGB", (28, 20))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second, second], quality=95)
    first.save(tmp_path / "b.jpg", quality=95)
    assert read_picture_header(tmp_path / "a.jpg").shape == (40, 56)
    assert np.array_equal(read_picture(tmp_path / "a.jpg"), read_picture(tmp_path / "b.jpg"))


def test_several_pages_are_refused(tmp_path: Path) -> None:
    page = Image.new("L", (9, 9))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(DataError, match="2 pictures in one file"):
        read_mask_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.bmp", "a.BMP", "a.tif", "a.pgm", "a.png"])
def test_masks_of_any_kind_without_loss(tmp_path: Path, name: str) -> None:
    root = mask_set(tmp_path, name, ROUND * 2, {"sign": 2})
    assert np.array_equal(load(root)[0].mask, ROUND * 2)


def test_a_palette_in_a_bitmap(tmp_path: Path) -> None:
    picture = Image.fromarray(ROUND * 2)
    picture.putpalette([0, 0, 0, 9, 9, 9, 250, 0, 0])
    picture.save(tmp_path / "a.bmp")
    assert np.array_equal(read_mask_picture(tmp_path / "a.bmp")[0], ROUND * 2)


def test_what_is_not_read_is_reported(tmp_path: Path) -> None:
    root = mask_set(tmp_path, "a.png", ROUND, {"sign": 1})
    for name in ("images/b.heic", "images/b.txt", "images/d.HEIC", "masks/b.npy", "masks/notes.txt", "masks/.x.npy"):
        (root / name).write_bytes(b"0")
    (root / "masks" / "c.json").write_text("{}")
    (root / "masks" / "readme.json").write_text("{}")
    Image.new("RGB", (48, 64)).save(root / "images" / "c.png")
    messages = {Path(one.path).name: one.reason for one in load(root).problems}
    assert {name: reason.partition(";")[0] for name, reason in messages.items()} == {
        "b.heic": "2 files that end in .heic are not read",
        "b.npy": "1 files that end in .npy are not read",
        "c.json": "1 files that end in .json are not read",
    }
    assert "expected one of .png, .jpg" in messages["b.npy"]
    assert find_unread_pictures(root / "images") == {".heic": [root / "images" / "b.heic", root / "images" / "d.HEIC"]}


# ------------------------------------------------------------------- crops


def crop_folder(root: Path, mask: np.ndarray, name: str = "a_mask.png") -> Path:
    Image.new("RGB", mask.shape[::-1], (120, 100, 90)).save(root / "a.png")
    Image.fromarray(mask).save(root / name)
    (root / "classes.json").write_text(json.dumps({"frame": [720, 960], "ground": ["road"]}))
    return root


@pytest.mark.parametrize("top", [255, 200, 65535])
def test_soft_edges_are_cut_at_half(tmp_path: Path, top: int) -> None:
    distance = np.sqrt(np.add.outer((np.arange(64) - 30.0) ** 2, (np.arange(48) - 22.0) ** 2))
    soft = (np.clip((22 - distance) / 10, 0, 1) * top).astype(np.uint8 if top < 256 else np.uint16)
    with pytest.warns(AssumptionWarning, match=f"many values up to {top} .* cut at half"):
        bank = open_bank(crop_folder(tmp_path, soft), "crops")
    assert abs(int((bank.masks[0] > 0).sum()) - int((2 * soft.astype(int) >= top).sum())) <= 2


@pytest.mark.parametrize("mask", [ROUND * 255, ROUND, ROUND * 7])
def test_hard_edges_stay(tmp_path: Path, mask: np.ndarray) -> None:
    bank = open_bank(crop_folder(tmp_path, mask), "crops")
    assert int((bank.masks[0] > 0).sum()) == ROUND.sum()


def test_parts_by_number_are_one_object(tmp_path: Path) -> None:
    parts = ROUND.copy()
    parts[:30][ROUND[:30] > 0], parts[40:][ROUND[40:] > 0] = 2, 3
    bank = open_bank(crop_folder(tmp_path, parts), "crops")
    assert int((bank.masks[0] > 0).sum()) == ROUND.sum()


def test_a_jpeg_mask_of_a_crop(tmp_path: Path) -> None:
    with pytest.warns(AssumptionWarning, match="1 masks were stored with loss"):
        bank = open_bank(crop_folder(tmp_path, ROUND * 255, "a_mask.jpg"), "crops")
    assert abs(int((bank.masks[0] > 0).sum()) - ROUND.sum()) <= 3


# ------------------------------------------------------------------- sizes


def test_pictures_that_would_fill_the_memory_are_not_decoded(tmp_path: Path) -> None:
    header = b"P5 %d %d 255\n"
    asked = [((12_000, 12_000), "12000×12000 pixels; expected at most 134 million"), ((20_000, 20_000), "bomb")]
    asked += [((9000, 9000), "9000×9000 pixels in 18 bytes; expected a whole picture")]
    for sides, found in asked:
        path = tmp_path / "a.pgm"
        path.write_bytes(header % sides + b"0")
        with pytest.raises(DataError, match=found):
            read_mask_picture(path)


def test_large_blank_pictures_are_read(tmp_path: Path) -> None:
    Image.new("1", (7000, 6000)).save(tmp_path / "a.png")
    assert read_picture_header(tmp_path / "a.png").shape == (6000, 7000)


def test_many_values_without_names_are_doubted(tmp_path: Path) -> None:
    root = mask_set(tmp_path, "a.png", np.clip(np.cumsum(ROUND, axis=1) * 9, 0, 255).astype(np.uint8), {"sign": 1})
    (root / "classes.json").unlink()
    with pytest.warns(AssumptionWarning, match="are their edges soft"):
        load(root)


@pytest.mark.parametrize(
    ("chunks", "is_lossless"),
    [
        ([(b"VP8L", b"abc")], True),
        ([(b"VP8 ", b"abc")], False),
        ([(b"VP8X", b"0123456789"), (b"ICCP", b"odd"), (b"VP8L", b"")], True),  # chunks are padded to an even size
        ([(b"VP8X", b"0123456789"), (b"ANIM", b"six678")], False),
    ],
)
def test_the_first_picture_of_a_webp_file_tells_its_kind(
    tmp_path: Path, chunks: list[tuple[bytes, bytes]], is_lossless: bool
) -> None:
    content = b"RIFF\0\0\0\0WEBP"
    for kind, data in chunks:
        content += kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)
    (tmp_path / "a.webp").write_bytes(content)
    assert _is_lossless_webp(tmp_path / "a.webp") is is_lossless


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_the_values_of_a_mask_are_listed_in_order(dtype: type) -> None:
    mask = np.array([[200, 0], [7, 200]], dtype=dtype)
    assert list_mask_values(mask) == [0, 7, 200]
