"""Picture files: every kind that people have is read as it should be, and written back without loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from domaingan.adapters.frames.picture_files import list_pictures
from domaingan.adapters.frames.picture_header import read_picture_header
from domaingan.adapters.frames.picture_io import (
    choose_suffix,
    read_mask_picture,
    read_picture,
    read_picture_with_header,
    write_mask_picture,
    write_picture,
)
from domaingan.core.errors import DataError

BYTES = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5
GREY = BYTES[..., 0]


def saved(path: Path, array: Any, mode: str | None = None, **options: Any) -> Path:
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "b.TIF", "c.tiff", "d.webp"])
def test_colour_is_read_exactly(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name.endswith("webp") else {}
    image = read_picture(saved(tmp_path / name, BYTES, **options))
    assert image.dtype == np.float32 and image.shape == (3, 4, 4) and image.flags.c_contiguous
    assert np.array_equal(np.rint(image * 255), BYTES.transpose(2, 0, 1)) and image.max() <= 1


@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG"])
def test_jpeg_has_the_bytes_of_opencv(tmp_path: Path, name: str) -> None:
    import cv2

    smooth = np.stack([np.add.outer(np.arange(32), np.arange(24)) * 4] * 3, axis=-1).astype(np.uint8)
    path = saved(tmp_path / name, smooth, format="JPEG")
    bgr = cv2.imread(str(path))
    assert bgr is not None
    assert np.array_equal(np.rint(read_picture(path) * 255), bgr[..., ::-1].transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "name"), [("L", "a.png"), ("1", "b.png"), ("LA", "c.png"), ("P", "d.png")])
def test_other_kinds_become_rgb(tmp_path: Path, mode: str, name: str) -> None:
    grey = np.where(GREY > 100, 255, 0).astype(np.uint8)
    image = read_picture(saved(tmp_path / name, grey, mode))
    assert image.shape == (3, 4, 4) and np.array_equal(image[0], image[2])
    assert np.array_equal(image[0] * 255, grey)


def test_sixteen_bits_and_transparency(tmp_path: Path) -> None:
    deep = (np.arange(16, dtype=np.uint16) * 4369).reshape(4, 4)
    path = saved(tmp_path / "deep.png", deep)
    image, header = read_picture_with_header(path)
    assert np.allclose(image[1], deep / 65535) and header.mode == "I;16"
    write_picture(tmp_path / "back.png", image, header)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "back.png")), deep)
    clear = np.dstack([BYTES, np.zeros((4, 4), np.uint8)])
    assert np.array_equal(np.rint(read_picture(saved(tmp_path / "clear.png", clear)) * 255).T, BYTES.swapaxes(0, 1))


# ---------------------------------------------------------------------- masks


@pytest.mark.parametrize("name", ["a.png", "b.tif"])
def test_palette_masks_are_indices(tmp_path: Path, name: str) -> None:
    picture = Image.fromarray(np.array([[0, 1], [11, 2]], np.uint8), mode=None)
    picture.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0] + [7] * 27)
    picture.save(tmp_path / name)
    values, header = read_mask_picture(tmp_path / name)
    assert values.tolist() == [[0, 1], [11, 2]] and values.dtype == np.uint8
    write_mask_picture(tmp_path / f"back-{name}", values, header)
    back = Image.open(tmp_path / f"back-{name}")
    assert back.mode == "P" and np.asarray(back).tolist() == values.tolist()
    colours = back.getpalette("RGB")
    assert colours is not None and colours[:9] == [9, 9, 9, 200, 0, 0, 0, 200, 0]


def test_values_beyond_a_palette(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1]], np.uint8))
    picture.putpalette([9, 9, 9, 200, 0, 0])
    picture.save(tmp_path / "a.png")
    _, header = read_mask_picture(tmp_path / "a.png")
    for high in (7, 255, 256, 65535):
        write_mask_picture(tmp_path / "b.png", np.array([[0, high]]), header)
        assert read_mask_picture(tmp_path / "b.png")[0].tolist() == [[0, high]]
    for wrong in (-1, 65536):
        with pytest.raises(DataError, match=rf"b\.png: mask value {wrong}; expected 0 to 65535"):
            write_mask_picture(tmp_path / "b.png", np.array([[0, wrong]]), header)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits(tmp_path: Path, bits: int) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8 // bits, 1, bits, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + bytes([0b01101100])))
    path = tmp_path / "few.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))
    expected = {1: [0, 1, 1, 0, 1, 1, 0, 0], 2: [1, 2, 3, 0], 4: [6, 12]}[bits]
    values, header = read_mask_picture(path)
    assert values.tolist() == [expected]
    write_mask_picture(path, values, header)
    assert read_mask_picture(path)[0].tolist() == [expected]


def test_masks_in_colour(tmp_path: Path) -> None:
    values = np.array([[0, 3], [7, 7]], np.uint8)
    assert read_mask_picture(saved(tmp_path / "three.png", np.dstack([values] * 3)))[0].tolist() == values.tolist()
    with_alpha = np.dstack([*[values] * 3, np.full((2, 2), 255, np.uint8)])
    assert read_mask_picture(saved(tmp_path / "four.png", with_alpha))[0].tolist() == values.tolist()
    with pytest.raises(DataError, match="a mask in colour; expected class values: a palette, or grey"):
        read_mask_picture(saved(tmp_path / "colour.png", BYTES))
    with pytest.raises(DataError, match="pixels of kind F"):
        read_mask_picture(saved(tmp_path / "float.tif", np.zeros((2, 2), np.float32)))
    with pytest.raises(DataError, match="pixels of kind F; expected RGB, or grey"):
        read_picture(tmp_path / "float.tif")


# ----------------------------------------------------------------------- laws


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5).map(lambda s: (*s[:2], 3))))
def test_unchanged_frames_survive(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("frames")
    for name in ("a.png", "a.tif", "a.webp"):
        image, header = read_picture_with_header(
            saved(folder / name, pixels, **({"lossless": True} if "webp" in name else {}))
        )
        write_picture(folder / f"b{header.suffix}", image, header)
        assert np.array_equal(read_picture(folder / f"b{header.suffix}"), image)


@given(
    hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5)),
    st.sampled_from([".png", ".tif"]),
    st.integers(1, 65535),
)
def test_masks_survive(tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, suffix: str, top: int) -> None:
    path = tmp_path_factory.mktemp("masks") / f"a{suffix}"
    write_mask_picture(path, values % top)
    back, header = read_mask_picture(path)
    assert np.array_equal(back, values % top)
    write_mask_picture(path, back, header)
    assert np.array_equal(read_mask_picture(path)[0], back) and read_picture_header(path) == header


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow mentions some of the damage
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
@given(data=st.data())
def test_damaged_files_say_so(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """Whatever happens to a file, reading gives a picture of the size its header says, or a DataError."""
    folder = tmp_path_factory.mktemp("damaged")
    whole = saved(folder / name, np.kron(BYTES, np.ones((4, 4, 1), np.uint8))).read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    patch = data.draw(st.binary(max_size=6) | st.none())
    (folder / name).write_bytes(whole[:start] if patch is None else whole[:start] + patch + whole[start + len(patch) :])
    for read in (read_picture, read_mask_picture):
        try:
            array = read(folder / name)
        except DataError as error:
            assert error.path == str(folder / name)
        else:
            shape = array.shape[1:] if isinstance(array, np.ndarray) else array[0].shape
            assert shape == read_picture_header(folder / name).shape


def test_cut_short(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", np.zeros((64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-60])
    assert read_picture_header(path).shape == (64, 64)
    with pytest.raises(DataError, match=r"a\.jpg: cannot be read \(.*truncated.*\); expected a whole picture"):
        read_picture(path)
    (tmp_path / "b.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"b\.png: no picture that can be read; expected PNG, JPEG"):
        read_picture(tmp_path / "b.png")
    with pytest.raises(DataError, match=r"c\.png: no such file"):
        read_picture(tmp_path / "c.png")
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    pages[0].save(tmp_path / "d.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=r"d\.tif: 2 pictures in one file; expected one"):
        read_picture(tmp_path / "d.tif")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shape \(1, 2, 2\); expected \(3, H, W\)"):
        write_picture(tmp_path / "a.png", np.zeros((1, 2, 2), np.float32))
    with pytest.raises(DataError, match="NaN"):
        write_picture(tmp_path / "a.png", np.full((3, 2, 2), np.nan, np.float32))
    assert not any(tmp_path.iterdir())


def test_grey_frames_stay_grey_until_they_are_coloured(tmp_path: Path) -> None:
    image, header = read_picture_with_header(saved(tmp_path / "a.png", GREY))
    write_picture(tmp_path / "b.png", image, header)
    assert Image.open(tmp_path / "b.png").mode == "L"
    image[0] += 0.1
    write_picture(tmp_path / "b.png", image, header)
    assert Image.open(tmp_path / "b.png").mode == "RGB" and read_picture(tmp_path / "b.png").max() <= 1
    assert choose_suffix(header) == ".png" and choose_suffix(None) == ".png"
    assert choose_suffix(read_picture_header(saved(tmp_path / "c.jpg", GREY))) == ".png"


def test_pictures_in_a_folder(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", ".hidden.png", "notes.txt", "deep/c.webp", ".dark/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in list_pictures(tmp_path)] == ["a.jpg", "b.PNG"]
    assert [path.name for path in list_pictures(tmp_path, is_recursive=True)] == ["a.jpg", "b.PNG", "c.webp"]


@pytest.mark.parametrize(("height", "is_refused"), [(4096, False), (4097, True)])
def test_the_size_of_a_file_is_checked_above_32_million_pixels(tmp_path: Path, height: int, is_refused: bool) -> None:
    path = tmp_path / "a.ppm"
    path.write_bytes(f"P6 8192 {height} 255\n".encode())  # a header without pixels
    expected = "8192×4097 pixels in" if is_refused else "cannot be read"
    with pytest.raises(DataError, match=expected):
        read_picture(path)
