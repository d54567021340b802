"""EXIF orientation: how a picture's stored pixels are turned to be shown, as cameras that hang upside down write it."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from domaingan.core.errors import AssumptionWarning

ORIENTATION_TAG = 0x0112
"""EXIF's number of it."""

FORMATS_TURNED_BY_PILLOW = ("TIFF",)
"""Kinds of files, in Pillow's words, that Pillow turns on its own."""


PNG_TAIL_BYTES = 1 << 16
"""Bytes at the end of a PNG file in which EXIF data is looked for that comes after the pixels."""


def read_orientation(picture: Image.Image, path: Path) -> int:
    """Read how the pixels that Pillow gives must be turned. Nothing is decoded.

    Args:
        picture: opened.
        path: its file.

    Returns:
        EXIF's orientation, 1 (not at all) to 8; 1 where there is none that makes sense.
    """
    if picture.format in FORMATS_TURNED_BY_PILLOW:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif = _read_exif_of_png(picture, path) if picture.format == "PNG" else picture.getexif()
            value = exif.get(ORIENTATION_TAG, 1)
    # Pillow's parser raises all of these on damaged EXIF data, without which the picture is still one.
    except (SyntaxError, ValueError, LookupError, TypeError, OSError, EOFError, struct.error):
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _read_exif_of_png(picture: Image.Image, path: Path) -> Image.Exif:
    """The EXIF data of a PNG file, for which Pillow would decode its pixels."""
    exif = Image.Exif()
    data = picture.info.get("exif")
    if data is None:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - PNG_TAIL_BYTES))
            tail = file.read(PNG_TAIL_BYTES)
        place = tail.rfind(b"eXIf")
        data = tail[place + 4 : place + 4 + int.from_bytes(tail[place - 4 : place], "big")] if place >= 4 else None
    if data is not None:
        exif.load(data)
    return exif


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn pixels as they are to be shown (EXIF 2.32, tag 274).

    Args:
        pixels: ``(rows, columns, …)`` as they are stored.
        orientation: 1 to 8.

    Returns:
        ``(H, W, …)``, a view.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


class OrientationLog:
    """Counts the pictures of a dataset that EXIF data turns, and says once what was done with them."""

    def __init__(self) -> None:
        self.turned_names: list[str] = []
        self.unturned_names: list[str] = []

    def add(self, name: str, orientation: int, *, is_stored: bool) -> None:
        """Count a picture.

        Args:
            name: of its file.
            orientation: 1 to 8; 1 is not counted.
            is_stored: whether its pixels are left as they are stored.
        """
        if orientation != 1:
            (self.unturned_names if is_stored else self.turned_names).append(f"{name} (orientation {orientation})")

    def warn(self, root: object) -> None:
        """Warn of the pictures, if there were any.

        Args:
            root: the dataset's folder.
        """
        parts = []
        if self.turned_names:
            parts.append(
                f"{len(self.turned_names)} pictures are turned as their EXIF data says, such as {self.turned_names[0]}"
            )
        if self.unturned_names:
            count, example = len(self.unturned_names), self.unturned_names[0]
            found = f"{count} pictures are not turned as their EXIF data says, such as {example}"
            parts.append(f"{found}: their labels have the size of the pixels as stored")
        if parts:
            warnings.warn(f"{root}: {'; '.join(parts)}", AssumptionWarning, stacklevel=3)
