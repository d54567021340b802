"""Read files that a person gave: only regular files are opened.

A pipe, a device or a folder in place of a file is an error at once; nobody waits for it.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.core.errors import DataError

MAX_TEXT_BYTES = 1 << 30
"""A larger text file (JSON, CSV) is not read; the largest of COCO has half as many bytes."""

_FILE_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_MAYBE_INFINITE_NUMBER = re.compile(r"[eE]\+?0*[1-9]\d\d|\d{300}")
"""Finds numbers that may lie beyond float64."""

_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def check_regular_file(path: Path) -> Path:
    """Check that a path leads to a regular file, and return it. Nothing is opened.

    Args:
        path: what a library is about to open.

    Returns:
        ``path``.

    Raises:
        DataError: there is nothing, a link that leads nowhere, a folder, a pipe, a socket or a device; or it cannot be
            looked at.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        found = "a link to a file that is not there" if path.is_symlink() else "no such file"
        raise DataError(found, path=path) from None
    except (OSError, ValueError) as error:  # a name with a NUL byte is a ValueError
        raise _make_read_error(path, error) from None
    if not stat.S_ISREG(mode):
        raise DataError(_FILE_KINDS.get(stat.S_IFMT(mode), "no file"), path=path, expected="a regular file")
    return path


def open_regular_file(path: Path) -> io.BufferedReader:
    """Open a regular file for reading its bytes.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`check_regular_file`, or it may not be read.
    """
    try:
        return check_regular_file(path).open("rb")
    except OSError as error:
        raise _make_read_error(path, error) from None


def read_bytes(path: Path, max_bytes: int | None = None) -> bytes:
    """Read a whole regular file.

    Args:
        path: the file.
        max_bytes: a larger file is refused before it is read.

    Raises:
        DataError: as :func:`open_regular_file`, or the file is larger than ``max_bytes``.
    """
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if max_bytes is not None and size > max_bytes:
            raise DataError(f"{size} bytes", path=path, expected=f"at most {max_bytes}")
        try:
            return file.read()
        except OSError as error:
            raise _make_read_error(path, error) from None


def read_text(path: Path) -> str:
    """Read a text file in UTF-8; a byte-order mark, as spreadsheets and Windows write it, is left out.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`read_bytes`, or it is no UTF-8 or holds a NUL byte.
    """
    try:
        text = read_bytes(path, MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _make_decode_error(path, error) from None
    if "\0" in text:
        raise DataError("a NUL byte in it", path=path, expected="text in UTF-8")
    return text


def read_json(path: Path, *, is_finite_only: bool = True) -> Any:
    """Read a JSON file in UTF-8, or in UTF-16 or UTF-32; a byte-order mark is left out.

    Args:
        path: the file.
        is_finite_only: whether ``NaN``, ``Infinity`` and numbers beyond float64 are refused: they are no JSON, but
            often written.

    Raises:
        DataError: as :func:`read_bytes`; it is not JSON or nested too deeply; a key is there twice; a number is not
            finite; or a text holds half a surrogate pair, which no file can be named.
    """
    raw = read_bytes(path, MAX_TEXT_BYTES)
    try:
        text = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError as error:
        raise _make_decode_error(path, error) from None
    strict: dict[str, Any] = {"object_pairs_hook": _refuse_duplicate_keys}
    if is_finite_only:
        strict["parse_constant"] = _refuse_constant
        strict |= {"parse_float": _parse_finite_float} if _MAYBE_INFINITE_NUMBER.search(text) else {}
    try:
        value = json.loads(text, **strict)
        if _MAYBE_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError("a text with half a surrogate pair", path=path, expected="text in Unicode") from None
    except ValueError as error:
        raise DataError(f"cannot be read as JSON ({error})", path=path) from None
    except RecursionError:
        raise DataError("nested too deeply", path=path, expected="JSON of a few levels") from None
    return value


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`read_json`, or it holds something else.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise DataError(f"JSON of a {type(value).__name__}", path=path, expected="a JSON object")
    return value


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Read what :func:`domaingan.core.files.write_arrays` wrote; nothing is unpickled.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`open_regular_file`, or it is damaged or something else.
    """
    try:
        with open_regular_file(path) as file, np.load(file, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in stored.files}
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds on damaged files
        reason = str(error)[:200] or type(error).__name__
        raise DataError(f"cannot be read ({reason})", path=path, expected="an .npz file of arrays") from None


@contextmanager
def refuse_malformed(path: Path, expected: str) -> Iterator[None]:
    """Turn the errors of working on a damaged file of the package's own into one line.

    Args:
        path: the file that the block works on.
        expected: what the person can do.
    """
    try:
        yield
    except DataError:
        raise
    except (
        *(LookupError, TypeError, ValueError, AttributeError, ArithmeticError),
        *(AssertionError, RecursionError, MemoryError, np.exceptions.AxisError),
    ) as error:
        found = f"not as it was written ({type(error).__name__}: {str(error)[:120]})"
        raise DataError(found, path=path, expected=expected) from error


def _refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{double[:80]!r} is there twice")
    return found


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word}, which is no number in JSON")


def _parse_finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]}")
    return value


def _make_read_error(path: Path, error: OSError | ValueError) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"cannot be read ({reason})", path=path)


def _make_decode_error(path: Path, error: UnicodeDecodeError) -> DataError:
    found = f"byte 0x{error.object[error.start]:02x} at {error.start}"
    return DataError(found, path=path, expected="text in UTF-8")
