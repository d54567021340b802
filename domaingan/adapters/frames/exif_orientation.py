"""EXIF orientation: how the stored pixels of a picture are turned to be shown, as cameras that hang upside down need.

Source: EXIF 2.32, tag 274.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from domaingan.core.errors import AssumptionWarning

ORIENTATION_TAG = 0x0112

FORMATS_TURNED_BY_PILLOW = ("TIFF",)
"""Pillow's names of the formats that Pillow turns by itself."""

PNG_TAIL_BYTES = 1 << 16
"""Bytes at the end of a PNG file in which EXIF data that comes after the pixels is looked for."""

_PNG_LENGTH_BYTES = 4
"""Bytes before the name of a PNG chunk that hold the chunk's length."""


def read_orientation(picture: Image.Image, path: Path) -> int:
    """Read how the pixels that Pillow gives must be turned. Nothing is decoded.

    Args:
        picture: an open picture.
        path: its file.

    Returns:
        EXIF's orientation, 1 (not at all) to 8; 1 where the picture has none or an impossible one.
    """
    if picture.format in FORMATS_TURNED_BY_PILLOW:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = _read_png_exif(picture, path) if picture.format == "PNG" else picture.getexif()
            orientation = exif.get(ORIENTATION_TAG, 1)
    # Pillow's parser raises all of these on damaged EXIF data. The picture can be read without them.
    except (SyntaxError, ValueError, LookupError, TypeError, OSError, EOFError, struct.error):
        return 1
    if isinstance(orientation, int) and 1 <= orientation <= 8:
        return orientation
    return 1


def _read_png_exif(picture: Image.Image, path: Path) -> Image.Exif:
    """Read the EXIF data of a PNG file without decoding its pixels, as Pillow would."""
    exif = Image.Exif()
    data = picture.info.get("exif")
    if data is None:
        data = _find_png_exif(path)
    if data is not None:
        exif.load(data)
    return exif


def _find_png_exif(path: Path) -> bytes | None:
    """Find the last ``eXIf`` chunk at the end of a PNG file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - PNG_TAIL_BYTES))
        tail = file.read(PNG_TAIL_BYTES)
    name_start = tail.rfind(b"eXIf")
    if name_start < _PNG_LENGTH_BYTES:
        return None
    length = int.from_bytes(tail[name_start - _PNG_LENGTH_BYTES : name_start], "big")
    data_start = name_start + len(b"eXIf")
    return tail[data_start : data_start + length]


def is_transposed(orientation: int) -> bool:
    """Whether rows and columns are exchanged when a picture is shown.

    Args:
        orientation: 1 to 8.
    """
    return orientation >= 5


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn pixels as they are to be shown.

    Args:
        pixels: ``(rows, columns, …)`` as they are stored.
        orientation: 1 to 8.

    Returns:
        ``(H, W, …)``, a view.
    """
    if is_transposed(orientation):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


class OrientationLog:
    """Counts the pictures of a dataset that have an EXIF orientation, and warns once about all of them."""

    def __init__(self) -> None:
        self.turned_names: list[str] = []
        self.unturned_names: list[str] = []

    def add(self, name: str, orientation: int, *, is_stored: bool) -> None:
        """Count a picture.

        Args:
            name: of its file.
            orientation: 1 to 8. Pictures of orientation 1 are not counted.
            is_stored: whether the pixels are left as they are stored.
        """
        if orientation == 1:
            return
        names = self.unturned_names if is_stored else self.turned_names
        names.append(f"{name} (orientation {orientation})")

    def warn(self, root: object) -> None:
        """Warn about the pictures, if there are any.

        Args:
            root: the dataset's folder.
        """
        parts = []
        if self.turned_names:
            count, example = len(self.turned_names), self.turned_names[0]
            parts.append(f"{count} pictures are turned as their EXIF data says, such as {example}")
        if self.unturned_names:
            count, example = len(self.unturned_names), self.unturned_names[0]
            parts.append(
                f"{count} pictures are not turned as their EXIF data says, such as {example}: "
                "their labels have the size of the pixels as stored"
            )
        if parts:
            warnings.warn(f"{root}: {'; '.join(parts)}", AssumptionWarning, stacklevel=3)
