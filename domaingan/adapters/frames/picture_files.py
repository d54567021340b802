"""Which files of a folder are pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".webp", ".bmp", ".pgm", ".ppm")
"""Suffixes of picture files in lower case. Files may have them in upper case too."""

_OTHER_PICTURES = ".gif .heic .heif .avif .jp2 .j2k .jxl .tga .exr .hdr .pcx .svg .psd .pbm .pnm .jpe .dib"
_RAW_PICTURES = ".raw .dng .cr2 .cr3 .nef .arw"
_ARRAYS = ".npy .npz .mat .dcm"

UNREAD_PICTURE_SUFFIXES = (*_OTHER_PICTURES.split(), *_RAW_PICTURES.split(), *_ARRAYS.split())
"""Suffixes in lower case of pictures and arrays that are not read."""


def list_pictures(folder: Path, *, is_recursive: bool = False) -> list[Path]:
    """List the picture files in a folder.

    Args:
        folder: the folder.
        is_recursive: whether to look in its subfolders too.

    Returns:
        The files sorted by path, without hidden ones. Links to missing files are among them: reading them is an error
        that names the link.
    """
    paths = folder.rglob("*") if is_recursive else folder.glob("*")
    pictures = []
    for path in _skip_hidden(paths, folder):
        if path.suffix.lower() in PICTURE_SUFFIXES and (path.is_file() or path.is_symlink()):
            pictures.append(path)
    return sorted(pictures)


def find_unread_pictures(folder: Path, expected_names: Collection[str] = ()) -> dict[str, list[Path]]:
    """Find files in a folder and below that seem to be pictures, but are of no kind that is read.

    Args:
        folder: of frames or of masks.
        expected_names: paths below the folder, without suffix. Files of these names seem to be pictures whatever
            their suffix.

    Returns:
        The files by their suffix in lower case, without hidden ones.
    """
    unread: dict[str, list[Path]] = {}
    for path in _skip_hidden(sorted(folder.rglob("*")), folder):
        suffix = path.suffix.lower()
        name = path.relative_to(folder).with_suffix("").as_posix()
        seems_picture = suffix in UNREAD_PICTURE_SUFFIXES or name in expected_names
        if suffix not in PICTURE_SUFFIXES and seems_picture and path.is_file():
            unread.setdefault(suffix, []).append(path)
    return unread


def _skip_hidden(paths: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Yield the paths below a folder without hidden files and what lies in hidden folders."""
    for path in paths:
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
