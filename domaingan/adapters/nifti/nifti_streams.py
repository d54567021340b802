"""NIfTI files, gzipped or not, as streams of bytes: open and measure them, with errors that name the file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from isal import igzip, isal_zlib
from nibabel.spatialimages import HeaderDataError

from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.core.errors import DataError
from domaingan.core.reading import open_regular_file

NIFTI_SUFFIXES = (".nii.gz", ".nii")
"""Suffixes of the files that are read. New files have the first one."""

GZIP_MAGIC = b"\x1f\x8b"

GZIP_LEVEL = 2
"""Of igzip's levels 0 to 3. Level 3 takes twice the time and makes scans no smaller."""

GZIP_ERROR = cast("type[Exception]", isal_zlib.error)

MAX_GZIP_RATIO = 1032
"""The most bytes that gzip packs into one."""

GZIP_SIZE_BYTES = 4
"""Bytes at the end of a gzip file that hold the size of its contents, modulo 2³²."""

MAX_PADDING_BYTES = 511
"""The most bytes after the data that are skipped: some programs fill the last block of 512. More bytes are data that
the header does not describe."""

WORKING_BYTES_PER_VOXEL = 8
"""Bytes for each voxel that reading takes beside what is stored: the values, and the same values in C order."""

CHUNK_BYTES = 1 << 20
"""Bytes that are read at once where the contents are only counted or looked through."""


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate the errors of the libraries into one line that names the file.

    Args:
        path: the file.

    Raises:
        DataError: a library raised an error.
    """
    try:
        yield
    except (EOFError, GZIP_ERROR) as error:
        raise DataError(f"truncated or damaged gzip ({error})", path=path) from None
    except MemoryError:
        raise DataError("more than fits into memory", path=path) from None
    except DataError:
        raise
    except (OSError, HeaderDataError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot be read as NIfTI ({reason})", path=path) from None


@contextmanager
def open_stream(path: Path) -> Iterator[IO[bytes]]:
    """Open a file's contents, unpacked if they are packed, whatever its name says.

    Args:
        path: the file.

    Yields:
        A stream of the unpacked bytes.

    Raises:
        DataError: the file is empty.
    """
    with open_regular_file(path) as file:
        start = file.read(len(GZIP_MAGIC))
        file.seek(0)
        if not start:
            raise DataError("empty file", path=path, expected="a NIfTI file")
        if start != GZIP_MAGIC:
            yield file
            return
        with igzip.open(file, "rb") as unpacked:
            yield unpacked


def check_size_on_disk(path: Path, needed: int, header: NiftiHeader) -> None:
    """Check that a file can hold its data, and memory too. Nothing is unpacked or allocated.

    Args:
        path: the file.
        needed: bytes of header and data.
        header: the file's.

    Raises:
        DataError: the file cannot hold the data even if it is packed as tightly as gzip can, or memory cannot.
    """
    size = path.stat().st_size
    with open_regular_file(path) as file:
        is_packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    largest = size * MAX_GZIP_RATIO if is_packed else size
    if needed > largest:
        found = f"truncated: {size} bytes on disk"
        raise DataError(found, path=path, expected=f"{needed} bytes for shape {header.shape}")
    n_voxels = int(np.prod(header.shape, dtype=object))
    working_bytes = needed + n_voxels * WORKING_BYTES_PER_VOXEL
    memory = get_physical_memory()
    if working_bytes > memory:
        found = f"shape {header.shape}, which takes {working_bytes / 1e9:.3g} GB to read"
        raise DataError(found, path=path, expected=f"less than the {memory / 1e9:.3g} GB of memory that there are")


def get_physical_memory() -> float:
    """Get the bytes of memory that this machine has; infinity where it does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on Windows
        return float("inf")


def check_content_size(size: int, needed: int, header: NiftiHeader, path: Path) -> None:
    """Check that a file holds its data and nothing more.

    Args:
        size: bytes of its unpacked contents.
        needed: bytes of header and data.
        header: the file's.
        path: the file, for messages.

    Raises:
        DataError: it holds less, or more than :data:`MAX_PADDING_BYTES` more.
    """
    if size < needed:
        raise DataError(f"truncated: {size} bytes", path=path, expected=f"{needed} for shape {header.shape}")
    if size > needed + MAX_PADDING_BYTES:
        raise DataError(
            f"at least {size - needed} bytes more than its header says",
            path=path,
            expected=f"{needed} bytes for shape {header.shape} of {header.dtype}",
        )


def has_expected_size(path: Path, needed: int) -> bool:
    """Whether a file's contents have the size that they should have. Nothing is unpacked.

    Args:
        path: the file.
        needed: bytes of header and data.

    Returns:
        True where the size is right. False where it is wrong or unknown: a gzip file in several parts tells only the
        size of the last part.
    """
    size = path.stat().st_size
    with open_regular_file(path) as file:
        if file.read(len(GZIP_MAGIC)) != GZIP_MAGIC:
            return needed <= size <= needed + MAX_PADDING_BYTES
        file.seek(-min(GZIP_SIZE_BYTES, size), io.SEEK_END)
        unpacked_size = int.from_bytes(file.read(GZIP_SIZE_BYTES), "little")
    return unpacked_size == needed % 2**32


def count_bytes(path: Path, limit: int) -> int:
    """Count the bytes of a file's unpacked contents.

    Args:
        path: the file.
        limit: the number at which counting ends.
    """
    count = 0
    with open_stream(path) as stream:
        while count < limit:
            piece = stream.read(min(CHUNK_BYTES, limit - count))
            if not piece:
                break
            count += len(piece)
    return count
