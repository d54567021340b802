"""Whether an annotation file has changed since its objects were read."""

from __future__ import annotations

from pathlib import Path

from domaingan.core.reading import check_regular_file


def read_stamp(path: Path) -> tuple[int, int]:
    """Read what tells whether a file has changed.

    Args:
        path: the file.

    Returns:
        Its size in bytes, and the time of its last change in nanoseconds.

    Raises:
        DataError: it is not there.
    """
    status = check_regular_file(path).stat()
    return status.st_size, status.st_mtime_ns
