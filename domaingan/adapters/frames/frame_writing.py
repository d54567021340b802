"""Frames: from a sample back to picture files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.adapters.frames.frame_samples import FrameHeader
from domaingan.adapters.frames.picture_header import PictureHeader
from domaingan.adapters.frames.picture_io import (
    choose_suffix,
    read_mask_picture,
    read_picture_with_header,
    write_mask_picture,
    write_picture,
)
from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.data import Sample

ReadPixels = Callable[[Path, tuple[int, ...]], tuple[NDArray[Any], PictureHeader]]
"""Reads the pixels ``(…, H, W)`` and the header of a file, given a shape ``(H, W)``."""


def get_frame_header(sample: Sample) -> FrameHeader | None:
    """Get how a sample's files were stored; None where it was made and not read.

    Args:
        sample: a frame.
    """
    return sample.header if isinstance(sample.header, FrameHeader) else None


def write_frame(sample: Sample, stem: Path) -> Path:
    """Write the picture of a frame. A frame that was not changed is a copy of its file, of whatever kind that is.

    Args:
        sample: the frame.
        stem: path of the new file without suffix.

    Returns:
        The new file.
    """
    frame_header = get_frame_header(sample)
    header = frame_header.image if frame_header else None
    source = header.path if header else None
    if source is not None and _is_unchanged(sample.image, source, read_picture_with_header):
        return _copy_file(source, stem)
    path = add_suffix(stem, choose_suffix(header))
    write_picture(path, sample.image, header)
    return path


def write_mask(sample: Sample, stem: Path) -> None:
    """Write the mask of a frame as the kind of picture that it was. A mask that was not changed is a copy of its file.

    Args:
        sample: a frame with a mask.
        stem: path of the new file without suffix.
    """
    frame_header = get_frame_header(sample)
    header = frame_header.mask if frame_header else None
    mask = np.asarray(sample.mask)
    source = header.path if header and not header.is_lossy else None
    if source is not None and _is_unchanged(mask, source, read_mask_picture):
        _copy_file(source, stem)
        return
    suffix = choose_suffix(header)
    if suffix == ".webp":  # WebP has no grey and no palette
        suffix = ".png"
    write_mask_picture(add_suffix(stem, suffix), mask, header)


def add_suffix(stem: Path, suffix: str) -> Path:
    """Add a suffix to a path, whose name may have dots in it.

    Args:
        stem: the path without suffix.
        suffix: with its dot.
    """
    return stem.with_name(stem.name + suffix)


def _is_unchanged(pixels: NDArray[Any], source: Path, read_pixels: ReadPixels) -> bool:
    """Whether a file can still be read and has these pixels ``(…, H, W)``."""
    try:
        stored_pixels, _ = read_pixels(source, pixels.shape[-2:])
    except DataError:
        return False
    return np.array_equal(stored_pixels, pixels)


def _copy_file(source: Path, stem: Path) -> Path:
    path = add_suffix(stem, source.suffix)
    with write_file_atomically(path) as temporary:
        shutil.copyfile(source, temporary)
    return path
