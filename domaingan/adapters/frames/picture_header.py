"""What a picture file says of itself before it is decoded: size, kind of pixels, orientation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from domaingan.adapters.frames.exif_orientation import is_transposed, read_orientation
from domaingan.adapters.frames.lossy_masks import is_lossy
from domaingan.core.errors import DataError
from domaingan.core.reading import check_regular_file

MAX_PICTURE_PIXELS = 1 << 27
"""The largest picture: 134 million pixels, which take 1.6 GB as a frame."""

LARGE_PICTURE_PIXELS = 1 << 25
"""Pixels from which on the size of the file is checked."""

MAX_PIXELS_PER_BYTE = 10_000
"""The most pixels that a byte of a file can hold. A black PNG file reaches 8,256."""

MULTI_PICTURE_FORMATS = ("MPO",)
"""Pillow's names of the formats with several pictures, of which the first is the whole one. The others are previews or
another view."""

PictureShape = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class PictureHeader:
    """What is known of a picture file without decoding it.

    Attributes:
        shape: height and width as the picture is shown.
        mode: Pillow's name of the kind of pixels, such as ``RGB``, ``L`` (grey), ``P`` (palette), ``I;16``.
        suffix: the file's suffix in lower case.
        palette: the colours of a palette picture: red, green and blue of the first, then of the second, and so on.
        orientation: of the EXIF data, 1 (shown as stored) to 8.
        is_lossy: whether the file stores the pixels only approximately.
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
        """The shape as shown, followed by the shape as stored where that is different."""
        height, width = self.shape
        if not is_transposed(self.orientation) or height == width:
            return (self.shape,)
        return (self.shape, (width, height))


def read_picture_header(path: Path) -> PictureHeader:
    """Read the header of a picture file.

    Args:
        path: the file.

    Raises:
        DataError: it is no picture, cannot be read, or holds several pictures.
    """
    with open_picture(path) as picture:
        return describe_picture(picture, path)


def find_common_shape(image: PictureHeader, others: Sequence[PictureHeader]) -> PictureShape:
    """Find the shape that a frame and its masks have in common: as they are shown, else as they are stored.

    Args:
        image: of the frame.
        others: of its masks.

    Returns:
        Height and width.

    Raises:
        DataError: they have no shape in common.
    """
    for shape in image.possible_shapes:
        if all(shape in other.possible_shapes for other in others):
            return shape
    misfits = [other for other in others if not set(other.possible_shapes) & set(image.possible_shapes)]
    misfit = misfits[0] if misfits else others[0]
    frame_name = image.path.name if image.path else "its frame"
    raise DataError(f"shape {misfit.shape}", path=misfit.path, expected=f"{image.shape}, as {frame_name}")


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open a picture file with Pillow. Errors while it is open become errors that name the file.

    Args:
        path: the file.

    Yields:
        The picture, of which no pixel is decoded yet.

    Raises:
        DataError: it is no picture, is damaged, or is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are checked here, and about damaged EXIF data
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


def describe_picture(picture: Image.Image, path: Path) -> PictureHeader:
    """Describe an open picture.

    Args:
        picture: as :func:`open_picture` yields it.
        path: its file.

    Raises:
        DataError: the file holds several pictures.
    """
    n_pictures = getattr(picture, "n_frames", 1)
    if n_pictures != 1 and picture.format not in MULTI_PICTURE_FORMATS:
        raise DataError(f"{n_pictures} pictures in one file", path=path, expected="one")
    orientation = read_orientation(picture, path)
    stored_width, stored_height = picture.size
    shape = (stored_width, stored_height) if is_transposed(orientation) else (stored_height, stored_width)
    palette = picture.getpalette("RGB") if picture.mode == "P" else None
    return PictureHeader(
        shape=shape,
        mode=picture.mode,
        suffix=path.suffix.lower(),
        palette=tuple(palette or ()),
        orientation=orientation,
        is_lossy=is_lossy(picture, path),
        path=path,
    )


def _check_size(picture: Image.Image, path: Path) -> None:
    """Refuse a picture that would fill the memory, before it is decoded.

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
