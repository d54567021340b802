"""Picture files: frames as RGB in [0, 1], masks as the values that are stored, and both written without loss.

Pictures are turned as their EXIF orientation says, as viewers, OpenCV and label tools show them (see
:mod:`domaingan.adapters.frames.exif_orientation`), unless their dataset has the shape of the pixels as they are stored.
Pillow reads everything: it is as exact as OpenCV (the same bytes for JPEG), gives the indices of palette masks, and
reports a file that is cut short, where OpenCV fills up with grey.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from domaingan.adapters.frames.exif_orientation import turn_upright
from domaingan.adapters.frames.lossy_masks import snap_to_levels
from domaingan.adapters.frames.picture_header import PictureHeader, describe_picture, open_picture
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically

MAX_UINT8 = 255
MAX_UINT16 = 65535

GREY_16_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's names of grey of 16 bits."""

GREY_8_MODES = ("L", "LA", "1")
"""Pillow's names of grey of up to 8 bits."""

_FRAME_MODES = ("RGB", "RGBA", "RGBX", "P", "PA", "L", "LA", "La", "1", "CMYK", "YCbCr")
_MASK_MODES = ("1", "L", "LA", "P", "PA", "I", *GREY_16_MODES, "RGB", "RGBA")

_GREY_STRETCH = {"L;2": 85, "L;4": 17}
"""Factors by which Pillow stretches grey of 2 and 4 bits to 8 bits. The values of a mask are those that are stored."""

# PNG and WebP: a third of the time that the defaults take, for files that are 5 % larger.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG", "compress_level": 2},
    ".tif": {"format": "TIFF", "compression": "tiff_lzw"},
    ".tiff": {"format": "TIFF", "compression": "tiff_lzw"},
    ".webp": {"format": "WEBP", "lossless": True, "exact": True, "method": 1, "quality": 20},
}


# ------------------------------------------------------------------- reading


def read_picture(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """Read a frame.

    Args:
        path: the file.
        shape: height and width in the dataset. Where only the pixels as they are stored have this shape, they are not
            turned.

    Returns:
        ``(3, H, W)`` float32 RGB in [0, 1]. Grey is repeated, 16 bits are scaled, transparency is dropped.

    Raises:
        DataError: it is no picture, is damaged or cut short, holds several pictures, or has another kind of pixels.
    """
    return read_picture_with_header(path, shape)[0]


def read_picture_with_header(
    path: Path, shape: tuple[int, ...] | None = None
) -> tuple[NDArray[np.float32], PictureHeader]:
    """Read a frame and its header.

    Args:
        path: as of :func:`read_picture`.
        shape: as of :func:`read_picture`.

    Returns:
        The frame as of :func:`read_picture`, and its header.

    Raises:
        DataError: as :func:`read_picture`.
    """
    with open_picture(path) as picture:
        header = describe_picture(picture, path)
        if picture.mode in GREY_16_MODES:
            grey = _turn_as_shown(np.asarray(picture), header, shape)
            scaled = grey.astype(np.float32) / np.float32(MAX_UINT16)
            return np.stack([scaled] * 3), header
        if picture.mode not in _FRAME_MODES:
            raise DataError(f"pixels of kind {picture.mode}", path=path, expected="RGB, or grey of 8 or 16 bits")
        pixels = _turn_as_shown(np.asarray(picture.convert("RGB")), header, shape)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return np.divide(planes, np.float32(MAX_UINT8), dtype=np.float32), header


def read_mask_picture(path: Path, shape: tuple[int, ...] | None = None) -> tuple[NDArray[Any], PictureHeader]:
    """Read the values of a mask as they are stored. Those of a palette picture are its indices.

    A mask that was stored with loss (JPEG) gets its values back where there are two that are far apart.

    Args:
        path: the file.
        shape: as of :func:`read_picture`.

    Returns:
        The values, ``(H, W)`` uint8, uint16 or int32, and the header.

    Raises:
        DataError: as :func:`read_picture`; its colours are not grey; or it was stored with loss and its values cannot
            be restored.
    """
    with open_picture(path) as picture:
        header = describe_picture(picture, path)
        if picture.mode not in _MASK_MODES:
            raise DataError(f"pixels of kind {picture.mode}", path=path, expected="a palette, or grey of 8 or 16 bits")
        stretch = _GREY_STRETCH.get(_get_raw_mode(picture), 1)
        values = _turn_as_shown(np.asarray(picture), header, shape)
    if header.is_lossy:
        return snap_to_levels(values, path), header
    if values.ndim == 3:
        values = _merge_equal_channels(values, header, path)
    if values.dtype == bool:
        values = values.astype(np.uint8)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if stretch > 1:
        values = values // stretch
    return values, header


def _merge_equal_channels(values: NDArray[Any], header: PictureHeader, path: Path) -> NDArray[Any]:
    """Merge the channels of a grey mask that is stored in colour; transparency is dropped.

    Raises:
        DataError: the channels differ.
    """
    n_colours = 3 if header.mode.startswith("RGB") else 1
    colours = values[..., :n_colours]
    if (colours != colours[..., :1]).any():
        raise DataError("a mask in colour", path=path, expected="class values: a palette, or grey")
    return values[..., 0]


def _turn_as_shown(pixels: NDArray[Any], header: PictureHeader, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """Turn pixels ``(rows, columns, …)`` as they are shown, unless only the stored ones have the shape asked for."""
    if shape is not None and tuple(shape) != header.shape and tuple(shape) in header.possible_shapes:
        return pixels
    return turn_upright(pixels, header.orientation)


def _get_raw_mode(picture: Image.Image) -> str:
    """Get the name of the kind of pixels in the file, where Pillow converts them to another kind."""
    tiles = getattr(picture, "tile", None)
    return str(tiles[0][3]) if tiles else ""


# ------------------------------------------------------------------- writing


def choose_suffix(header: PictureHeader | None) -> str:
    """Choose the suffix to write a picture with.

    Args:
        header: of the file that the picture was read from, None where it was made.

    Returns:
        The file's own suffix where that kind keeps every pixel, else ``.png``.
    """
    if header is not None and header.suffix in _SAVE_OPTIONS:
        return header.suffix
    return ".png"


def write_picture(path: Path, image: NDArray[np.float32], header: PictureHeader | None = None) -> None:
    """Write a frame, rounded to 8 bits. A frame that was grey and still is stays grey, of 16 bits where it had them.

    Args:
        path: the file. Its suffix says of which kind.
        image: ``(3, H, W)`` RGB, clipped to [0, 1].
        header: of the file that the frame was read from.

    Raises:
        DataError: the image has another shape, or values that are no finite numbers.
    """
    if image.ndim != 3 or len(image) != 3:
        raise DataError(f"an image of shape {image.shape}", path=path, expected="(3, H, W)")
    if not np.isfinite(image).all():
        raise DataError("NaN or infinite values", path=path, expected="RGB in [0, 1]")
    mode = header.mode if header is not None else "RGB"
    was_grey = mode in GREY_16_MODES or mode in GREY_8_MODES
    is_grey = was_grey and (image[0] == image[1:]).all()
    image = np.clip(image, 0, 1)
    if is_grey and mode in GREY_16_MODES and path.suffix != ".webp":
        pixels = np.rint(image[0] * MAX_UINT16).astype(np.uint16)
    elif is_grey:
        pixels = np.rint(image[0] * MAX_UINT8).astype(np.uint8)
    else:
        pixels = np.rint(image.transpose(1, 2, 0) * MAX_UINT8).astype(np.uint8)
    _save_picture(Image.fromarray(pixels), path)


def write_mask_picture(path: Path, values: NDArray[Any], header: PictureHeader | None = None) -> None:
    """Write a mask. It stays the kind of picture that it was if its values fit, else it becomes grey of 8 or 16 bits.

    Args:
        path: the file. Its suffix says of which kind.
        values: ``(H, W)`` whole numbers from 0 to 65535.
        header: of the file that the mask was read from.

    Raises:
        DataError: a value is negative or does not fit in 16 bits.
    """
    lowest, highest = 0, 0
    if values.size:
        lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest > MAX_UINT16:
        raise DataError(f"mask value {lowest if lowest < 0 else highest}", path=path, expected="0 to 65535")
    mode = header.mode if header is not None else "L"
    if mode == "1" and highest <= 1:
        picture = Image.fromarray(values.astype(bool))
    elif highest > MAX_UINT8 or mode in GREY_16_MODES or mode == "I":
        picture = Image.fromarray(values.astype(np.uint16))
    else:
        picture = Image.fromarray(values.astype(np.uint8))
        if header is not None and header.palette:
            picture.putpalette(_extend_palette(header.palette, highest))
    _save_picture(picture, path)


def _extend_palette(palette: tuple[int, ...], highest_value: int) -> list[int]:
    """Extend a palette to a mask's highest value, with black."""
    n_missing = 3 * (highest_value + 1) - len(palette)
    return list(palette) + [0] * n_missing


def _save_picture(picture: Image.Image, path: Path) -> None:
    with write_file_atomically(path) as temporary:
        picture.save(temporary, **_SAVE_OPTIONS[path.suffix.lower()])
