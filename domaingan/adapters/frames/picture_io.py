"""Picture files: frames as RGB in [0, 1], masks as the values they store, and both written back without loss.

Pictures are turned as their EXIF orientation says, as viewers, OpenCV and label tools show them (see
:mod:`domaingan.adapters.frames.exif_orientation`), unless what belongs to them has the size of the pixels as they are
stored. Pillow reads everything: it is as exact as OpenCV (equal bytes for JPEG), gives the indices of palette masks,
and says
so when a file is cut short, where OpenCV fills up with grey.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from domaingan.adapters.frames.exif_orientation import read_orientation, turn_upright
from domaingan.adapters.frames.lossy_masks import is_lossy, snap_to_levels
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.core.reading import check_regular_file

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".pgm", ".ppm")
"""Endings of picture files, in lower case; upper case is understood as well."""

UNREAD_PICTURE_SUFFIXES = (
    *(
        ".gif",
        ".heic",
        ".heif",
        ".avif",
        ".jp2",
        ".j2k",
        ".jxl",
        ".tga",
        ".exr",
        ".hdr",
        ".pcx",
        ".svg",
        ".psd",
        ".raw",
    ),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".npy", ".npz", ".mat", ".dcm", ".pbm", ".pnm", ".jpe", ".dib"),
)
"""Endings of pictures that are not read, in lower case."""

MAX_PICTURE_PIXELS = 1 << 27
"""Of a picture: 134 million, 1.6 GB as a frame."""

LARGE_PICTURE_PIXELS = 1 << 25
"""Pixels from which on a file is asked whether it can hold so many."""

MAX_PIXELS_PER_BYTE = 10_000
"""Pixels a byte: of black and white PNG files 8,256 at most."""

MULTI_PICTURE_FORMATS = ("MPO",)
"""Kinds of files, in Pillow's words, whose first picture is the whole, and the others previews or another view."""

PictureShape = tuple[int, int]

GREY_16_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
_FRAME_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "L", "LA", "La", "1", "CMYK", "YCbCr")
_MASK_MODES = ("1", "L", "LA", "P", "PA", "I", *GREY_16_MODES, "RGB", "RGBA")
_GREY_STRETCH = {"L;2": 85, "L;4": 17}  # Pillow stretches grey of 2 and 4 bits to 8; a mask's values are what is stored
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {  # a third of the time of the defaults, for files 5 % larger
    ".png": {"format": "PNG", "compress_level": 2},
    ".tif": {"format": "TIFF", "compression": "tiff_lzw"},
    ".tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    ".webp": {"format": "WEBP", "lossless": True, "exact": True, "method": 1, "quality": 20},
}


@dataclass(frozen=True)
class PictureHeader:
    """What is known of a picture file without decoding it.

    Attributes:
        shape: (H, W) as it is shown.
        mode: Pillow's name of the kind of pixels, such as ``RGB``, ``L`` (grey), ``P`` (palette), ``I;16``.
        suffix: the file's ending, in lower case.
        palette: of a palette picture its colours, R, G, B by turns.
        orientation: of its EXIF data, 1 (as stored) to 8.
        is_lossy: whether its pixels are only near those that were saved.
        path: the file.
    """

    shape: PictureShape
    mode: str
    suffix: str
    palette: tuple[int, ...] = ()
    orientation: int = 1
    is_lossy: bool = False
    path: Path | None = field(default=None, compare=False)

    @property
    def possible_shapes(self) -> tuple[PictureShape, ...]:
        """The shape that it is shown in, then, where that is another, the one that is stored."""
        height, width = self.shape
        stored = (width, height) if self.orientation >= 5 else self.shape
        return (self.shape,) if stored == self.shape else (self.shape, stored)


def list_pictures(folder: Path, *, recursive: bool = False) -> list[Path]:
    """The picture files in a folder by name (in its folders too where ``deep``), hidden ones left out."""
    found = folder.rglob("*") if recursive else folder.glob("*")
    seen = (path for path in found if path.suffix.lower() in PICTURE_SUFFIXES)
    shown = [path for path in seen if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return sorted(path for path in shown if path.is_file() or path.is_symlink())  # a dead link is told when it is read


def find_unread_pictures(folder: Path, expected_names: Collection[str] = ()) -> dict[str, list[Path]]:
    """Find files in a folder, and in its folders, that seem to be pictures but are of no kind that is read.

    Args:
        folder: of frames or of masks.
        expected: names, without endings, of which every file should be read, whatever its ending.

    Returns:
        The files by their endings in lower case; hidden ones are left out.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        ending = path.suffix.lower()
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        is_meant = (
            ending in UNREAD_PICTURE_SUFFIXES or path.relative_to(folder).with_suffix("").as_posix() in expected_names
        )
        if ending not in PICTURE_SUFFIXES and is_meant and not is_hidden and path.is_file():
            found.setdefault(ending, []).append(path)
    return found


def read_picture_header(path: Path) -> PictureHeader:
    """The header of a picture file.

    Raises:
        DataError: it is no picture, cannot be read, or holds several.
    """
    with _open_picture(path) as picture:
        return _describe_picture(picture, path)


def find_common_shape(image: PictureHeader, others: Sequence[PictureHeader]) -> PictureShape:
    """Find the shape that a frame and its masks have in common: as they are shown, else as they are stored.

    Args:
        image: of the frame.
        others: of its masks.

    Raises:
        DataError: there is none.
    """
    for shape in image.possible_shapes:
        if all(shape in other.possible_shapes for other in others):
            return shape
    misfit = next((other for other in others if not set(other.possible_shapes) & set(image.possible_shapes)), others[0])
    expected = f"{image.shape}, as {image.path.name if image.path else 'its frame'}"
    raise DataError(f"shape {misfit.shape}", path=misfit.path, expected=expected)


def read_picture(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """A frame as ``(3, H, W)`` float32 RGB in [0, 1]; grey is repeated, 16 bits are scaled, transparency is dropped.

    Args:
        path: the file.
        shape: its height and width in its dataset: one that only the pixels as they are stored have leaves them so.

    Raises:
        DataError: it is no picture, is damaged or cut short, holds several, or has pixels of another kind.
    """
    return read_picture_with_header(path, shape)[0]


def read_picture_with_header(
    path: Path, shape: tuple[int, ...] | None = None
) -> tuple[NDArray[np.float32], PictureHeader]:
    """As :func:`read_picture`, with the header."""
    with _open_picture(path) as picture:
        header = _describe_picture(picture, path)
        if picture.mode in GREY_16_MODES:
            grey = _turn_as_shown(np.asarray(picture), header, shape).astype(np.float32) / np.float32(65535)
            return np.stack([grey] * 3), header
        if picture.mode not in _FRAME_MODES:
            raise DataError(f"pixels of kind {picture.mode}", path=path, expected="RGB, or grey of 8 or 16 bits")
        pixels = _turn_as_shown(np.asarray(picture.convert("RGB")), header, shape)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return np.divide(planes, np.float32(255), dtype=np.float32), header


def read_mask_picture(path: Path, shape: tuple[int, ...] | None = None) -> tuple[NDArray[Any], PictureHeader]:
    """A mask's values as stored, ``(H, W)`` uint8, uint16 or int32, with the header: of a palette its indices.

    What was stored with loss (JPEG) has its values back only where they are two and far apart.

    Args:
        path: the file.
        shape: as of :func:`read_picture`.

    Raises:
        DataError: as :func:`read_picture`, or it is in colour and its three channels differ, or it was stored with loss
            and its values cannot be told any more.
    """
    with _open_picture(path) as picture:
        header = _describe_picture(picture, path)
        if picture.mode not in _MASK_MODES:
            raise DataError(f"pixels of kind {picture.mode}", path=path, expected="a palette, or grey of 8 or 16 bits")
        stretched = _GREY_STRETCH.get(_get_raw_mode(picture), 1)
        values = _turn_as_shown(np.asarray(picture), header, shape)
    if header.is_lossy:
        return snap_to_levels(values, path), header
    if values.ndim == 3:
        colours = values[..., :3] if header.mode.startswith("RGB") else values[..., :1]
        if (colours != colours[..., :1]).any():
            raise DataError("a mask in colour", path=path, expected="class values: a palette, or grey")
        values = values[..., 0]
    if values.dtype == bool:
        values = values.astype(np.uint8)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return (values // stretched if stretched > 1 else values), header


@contextmanager
def _open_picture(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are checked here, and of damaged EXIF data
            picture = Image.open(check_regular_file(path))
        with picture:
            _check_size(picture, path)
            yield picture
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError("no picture that can be read", path=path, expected="PNG, JPEG, TIFF, WebP or BMP") from None
    # Pillow's decoders raise all of these on damaged files, and warnings where they are made errors.
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, Image.DecompressionBombError, Warning) as error:
        raise DataError(f"cannot be read ({error})", path=path, expected="a whole picture") from None


def _check_size(picture: Image.Image, path: Path) -> None:
    """Refuse pictures of which nothing is decoded, as they would fill the memory.

    Raises:
        DataError: it has too many pixels, or many more than its file can hold.
    """
    width, height = picture.size
    pixels = width * height
    if pixels > MAX_PICTURE_PIXELS:
        found = f"{width}×{height} pixels"
        raise DataError(found, path=path, expected=f"at most {MAX_PICTURE_PIXELS // 10**6} million")
    n_bytes = path.stat().st_size
    if pixels > LARGE_PICTURE_PIXELS and pixels > MAX_PIXELS_PER_BYTE * n_bytes:
        raise DataError(f"{width}×{height} pixels in {n_bytes} bytes", path=path, expected="a whole picture")


def _describe_picture(picture: Image.Image, path: Path) -> PictureHeader:
    n = getattr(picture, "n_frames", 1)
    if n != 1 and picture.format not in MULTI_PICTURE_FORMATS:
        raise DataError(f"{n} pictures in one file", path=path, expected="one")
    orientation = read_orientation(picture, path)
    shape = picture.size if orientation >= 5 else picture.size[::-1]
    palette = picture.getpalette("RGB") if picture.mode == "P" else None
    colours, suffix = tuple(palette or ()), path.suffix.lower()
    return PictureHeader(shape, picture.mode, suffix, colours, orientation, is_lossy(picture, path), path)


def _turn_as_shown(pixels: NDArray[Any], header: PictureHeader, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """The pixels (rows, columns, …) as Pillow gives them, turned as they are shown, or as they are stored."""
    is_stored = shape is not None and tuple(shape) != header.shape and tuple(shape) in header.possible_shapes
    return pixels if is_stored else turn_upright(pixels, header.orientation)


def _get_raw_mode(picture: Image.Image) -> str:
    tiles = getattr(picture, "tile", None)
    return str(tiles[0][3]) if tiles else ""


# ------------------------------------------------------------------- writing


def choose_suffix(header: PictureHeader | None) -> str:
    """The ending to write a picture with: its own where that keeps every pixel, ``.png`` for JPEG and new ones."""
    return header.suffix if header is not None and header.suffix in _SAVE_OPTIONS else ".png"


def write_picture(path: Path, image: NDArray[np.float32], header: PictureHeader | None = None) -> None:
    """Write a ``(3, H, W)`` frame in [0, 1] (clipped), rounded to 8 bits; what was grey and still is stays grey.

    Raises:
        DataError: it has other channels, or values that are no numbers.
    """
    if image.ndim != 3 or len(image) != 3:
        raise DataError(f"an image of shape {image.shape}", path=path, expected="(3, H, W)")
    if not np.isfinite(image).all():
        raise DataError("NaN or infinite values", path=path, expected="RGB in [0, 1]")
    mode = header.mode if header is not None else "RGB"
    grey = (mode in GREY_16_MODES or mode in ("L", "LA", "1")) and (image[0] == image[1:]).all()
    image = np.clip(image, 0, 1)
    if grey and mode in GREY_16_MODES and path.suffix != ".webp":
        picture = Image.fromarray(np.rint(image[0] * 65535).astype(np.uint16))
    elif grey:
        picture = Image.fromarray(np.rint(image[0] * 255).astype(np.uint8))
    else:
        picture = Image.fromarray(np.rint(image.transpose(1, 2, 0) * 255).astype(np.uint8))
    _save_picture(picture, path)


def write_mask_picture(path: Path, values: NDArray[Any], header: PictureHeader | None = None) -> None:
    """Write a mask ``(H, W)`` as the kind of picture it was, where its values fit in it; else grey of 8 or 16 bits.

    Raises:
        DataError: a value is negative or does not fit into 16 bits.
    """
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low < 0 or high > 65535:
        raise DataError(f"mask value {low if low < 0 else high}", path=path, expected="0 to 65535")
    mode = header.mode if header is not None else "L"
    if mode == "1" and high <= 1:
        picture = Image.fromarray(values.astype(bool))
    elif high > 255 or mode in GREY_16_MODES or mode == "I":
        picture = Image.fromarray(values.astype(np.uint16))
    else:
        picture = Image.fromarray(values.astype(np.uint8))
        if header is not None and header.palette:
            picture.putpalette(_extend_palette(header.palette, high))
    _save_picture(picture, path)


def _extend_palette(palette: tuple[int, ...], highest_value: int) -> list[int]:
    """The palette, with black for values that were not among its colours."""
    return list(palette) + [0] * (3 * (highest_value + 1) - len(palette))


def _save_picture(picture: Image.Image, path: Path) -> None:
    with write_file_atomically(path) as temporary:
        picture.save(temporary, **_SAVE_OPTIONS[path.suffix.lower()])
