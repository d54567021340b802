"""Write files and folders atomically: into a temporary place beside the target, which is then renamed."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.errors import NO_SPACE_ERRNOS, DataError, WriteError

LOCK_FILE = ".lock"
"""The file in a run's folder that its writer locks, and removes when it ends."""

_NOT_ALLOWED_ERRNOS = (errno.EROFS, errno.EACCES, errno.EPERM)

# --------------------------------------------------------------------- folders


def refuse_existing_folder(out: Path, *, overwrite: bool = False) -> None:
    """Refuse an output folder that exists already, before any long work starts.

    Args:
        out: the output folder.
        overwrite: whether an existing folder may be replaced.

    Raises:
        DataError: ``out`` exists and is not an empty folder, and ``overwrite`` is false; or it holds the working
            folder, which must not be replaced.
    """
    if out.exists() and Path.cwd().is_relative_to(out.resolve()):
        raise DataError("holds the working folder", path=out, expected="a new folder")
    if out.is_dir() and all(path.name == LOCK_FILE for path in out.iterdir()):
        return
    if out.exists() and not overwrite:
        raise DataError("exists already", path=out, expected="a new folder, or --overwrite")


def clear_folder(folder: Path) -> None:
    """Make a folder, or remove everything from it but its writer's lock.

    Args:
        folder: the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name != LOCK_FILE:
            _remove_path(path)


@contextmanager
def report_write_errors(path: Path, expected: str = "more room there; what was there is kept") -> Iterator[None]:
    """Turn the errors of a full or read-only disk into one line.

    Args:
        path: the file or folder that the block writes.
        expected: what the person can do.

    Raises:
        WriteError: the block ran out of space, or may not write there.
    """
    try:
        yield
    except WriteError as error:
        raise WriteError(error.found, path=error.path, expected=expected) from error
    except OSError as error:
        # NumPy and Pillow give no number when a file takes less than they wrote.
        is_short = error.errno is None and any(word in str(error) for word in (" written", "encoder error"))
        if error.errno in NO_SPACE_ERRNOS or is_short:
            raise WriteError(
                f"cannot be written ({_describe_free_space(path, error)})", path=path, expected=expected
            ) from error
        where = Path(error.filename or path)
        if error.errno in _NOT_ALLOWED_ERRNOS and where.is_relative_to(path.parent):
            raise WriteError(
                f"cannot be written ({error.strerror})", path=where, expected="a place to write"
            ) from error
        raise


def _describe_free_space(path: Path, error: OSError) -> str:
    reason = error.strerror or "the disk took less than was to be written"
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    return f"{reason}; {shutil.disk_usage(folder).free / 1e6:.3g} MB are free"


@contextmanager
def write_folder_atomically(out: Path, *, overwrite: bool = False, needed_bytes: int = 0) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``out`` when the block succeeds, and is removed when it fails.

    Args:
        out: the folder that is written.
        overwrite: whether an existing folder is replaced.
        needed_bytes: bytes that will be written, for the message when there is no room for them.

    Raises:
        DataError: as :func:`refuse_existing_folder`, checked before and after the block; or nothing can be written
            there.
    """
    refuse_existing_folder(out, overwrite=overwrite)
    temporary = out.parent / f".{out.name}.partial-{os.getpid()}"
    replaced = out.parent / f".{out.name}.replaced-{os.getpid()}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror})", path=out) from None
    room = f"{needed_bytes / 1e6:.3g} MB there" if needed_bytes else "more room there"
    try:
        with report_write_errors(out, f"{room}; what was there is kept"):
            yield temporary
        refuse_existing_folder(out, overwrite=overwrite)  # somebody else may have written it meanwhile
        if out.exists():
            out.rename(replaced)  # the old folder goes only once the new one is in its place
        temporary.rename(out)
    finally:
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        _remove_path(temporary)
        _remove_path(replaced)


def _remove_path(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def write_file_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder, which is synced and renamed to ``path`` when the block succeeds.

    Args:
        path: the file that is written.

    Raises:
        WriteError: as :func:`report_write_errors`.
    """
    # The suffixes stay at the end: several libraries choose the format by them.
    temporary = path.parent / f".partial-{os.getpid()}-{path.name}"
    try:
        with report_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


# ----------------------------------------------------------------------- files


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON in UTF-8, atomically.

    Args:
        path: the file.
        value: anything that :func:`to_json_types` takes.
    """
    with write_file_atomically(path) as temporary:
        text = json.dumps(to_json_types(value), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def to_json_types(value: Any) -> Any:
    """Convert a value to JSON's own types: NumPy numbers and arrays, paths and tuples; NaN and infinity become None.

    Args:
        value: may be nested.

    >>> to_json_types({"mean": np.float32(0.5), "ci": (float("nan"), 1), Path("a"): np.arange(2)})
    {'mean': 0.5, 'ci': [None, 1], 'a': [0, 1]}
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): to_json_types(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_types(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write arrays as a compressed ``.npz`` file, atomically; it can be read without unpickling.

    Args:
        path: the file.
        arrays: by name, of numbers or text.
    """
    named: dict[str, Any] = dict(arrays)
    with write_file_atomically(path) as temporary:
        np.savez_compressed(temporary, **named)
