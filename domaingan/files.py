"""Reading what a person gave, and writing without leaving anything half-written.

Only regular files are read: a pipe, a device or a folder in a file's place is told, and never waited for.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.errors import NO_ROOM, DataError, NoRoomError

LOCK = ".lock"
"""The file in a run's folder that its writer holds; it goes with the writer's end."""

_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)

# --------------------------------------------------------------------- folders


def claim_folder(out: Path, *, overwrite: bool = False) -> None:
    """Refuse an output folder that exists already, before any long work starts.

    Raises:
        DataError: ``out`` exists and is not an empty folder, and ``overwrite`` is false; or it holds the
            working folder, which must not be replaced under one's feet.
    """
    if out.exists() and Path.cwd().is_relative_to(out.resolve()):
        raise DataError("holds the working folder", path=out, expected="a new folder")
    if out.is_dir() and all(path.name == LOCK for path in out.iterdir()):
        return
    if out.exists() and not overwrite:
        raise DataError("exists already", path=out, expected="a new folder, or --overwrite")


def claim_run(
    out: Path, config: Mapping[str, Any], may_change: Sequence[str], *, resume: bool, overwrite: bool
) -> None:
    """Make ``out`` the folder of a long run whose config it holds: a new one, or with ``resume`` one that was begun.

    Args:
        out: the run folder; ``config.json`` is written in it.
        config: the run's settings, :func:`plain`.
        may_change: names of settings that a resumed run may change.
        resume: go on with a run that was interrupted; the other settings must be the same.
        overwrite: replace an existing run.

    Raises:
        DataError: the folder is taken, or the run was begun with other settings.
    """
    stored = out / "config.json"
    if resume and stored.is_file():
        old = read_json_object(stored)
        changed = [name for name in config if name not in may_change and old.get(name) != config[name]]
        if changed:
            name = changed[0]
            raise DataError(f"{name} {config[name]!r}", path=stored, expected=f"{old.get(name)!r}, as the run began")
    else:
        claim_folder(out, overwrite=overwrite)
        empty_folder(out)
    write_json(stored, config)


def empty_folder(folder: Path) -> None:
    """Make a folder, or remove everything that is in it but the lock of who writes there.

    Args:
        folder: what it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name != LOCK:
            _remove(path)


@contextmanager
def tell_failed_writing(path: Path, expected: str = "more room there; what was there is kept") -> Iterator[None]:
    """Turn what a full disk makes writers raise, and one that may not be written, into one line."""
    try:
        yield
    except NoRoomError as error:
        raise NoRoomError(error.found, path=error.path, expected=expected) from error
    except OSError as error:
        # NumPy and Pillow give no number when a file takes less than they wrote.
        is_short = error.errno is None and any(word in str(error) for word in (" written", "encoder error"))
        if error.errno in NO_ROOM or is_short:
            raise NoRoomError(f"cannot be written ({_free(path, error)})", path=path, expected=expected) from error
        where = Path(error.filename or path)
        if error.errno in _NOT_ALLOWED and where.is_relative_to(path.parent):
            raise NoRoomError(
                f"cannot be written ({error.strerror})", path=where, expected="a place to write"
            ) from error
        raise


def _free(path: Path, error: OSError) -> str:
    reason = error.strerror or "the disk took less than was to be written"
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.is_dir())
    return f"{reason}; {shutil.disk_usage(folder).free / 1e6:.3g} MB are free"


@contextmanager
def atomic_folder(out: Path, *, overwrite: bool = False, needed: int = 0) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``out`` when the block ends well, and vanishes when it does not.

    Args:
        out: the folder to be.
        overwrite: replace what is there.
        needed: bytes that will be written, for the message when there is no room for them.

    Raises:
        DataError: as :func:`claim_folder`, checked before and after the block; or nothing can be written there.
    """
    claim_folder(out, overwrite=overwrite)
    temporary = out.parent / f".{out.name}.partial-{os.getpid()}"
    replaced = out.parent / f".{out.name}.replaced-{os.getpid()}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror})", path=out) from None
    room = f"{needed / 1e6:.3g} MB there" if needed else "more room there"
    try:
        with tell_failed_writing(out, f"{room}; what was there is kept"):
            yield temporary
        claim_folder(out, overwrite=overwrite)  # somebody else may have written it meanwhile
        if out.exists():
            out.rename(replaced)  # the old folder goes only once the new one is in its place
        temporary.rename(out)
    finally:
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        _remove(temporary)
        _remove(replaced)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it is synced and renamed to ``path`` when the block ends well."""
    # The suffixes stay at the end: several libraries choose the format by them.
    temporary = path.parent / f".partial-{os.getpid()}-{path.name}"
    try:
        with tell_failed_writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


# ----------------------------------------------------------------------- files


def write_json(path: Path, value: Any) -> None:
    """Write ``value``, made :func:`plain`, as indented UTF-8 JSON, atomically, ending in a newline."""
    with atomic_file(path) as temporary:
        text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """The value in JSON's own types: numpy numbers and arrays, paths and tuples turned, NaN and infinities None.

    >>> plain({"mean": np.float32(0.5), "ci": (float("nan"), 1), Path("a"): np.arange(2)})
    {'mean': 0.5, 'ci': [None, 1], 'a': [0, 1]}
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Write arrays by name as a compressed ``.npz`` file, atomically; it opens without unpickling."""
    named: dict[str, Any] = dict(arrays)
    with atomic_file(path) as temporary:
        np.savez_compressed(temporary, **named)


# ------------------------------------------------------------------- reading

MAX_TEXT_BYTES = 1 << 30
"""A text file (JSON, CSV) of more bytes is not read; COCO's own largest takes half as many."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_MAYBE_INFINITE = re.compile(r"[eE]\+?0*[1-9]\d\d|\d{300}")
"""Numbers that may lie beyond float64; in a text without them no number does."""

_MAYBE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def check_regular(path: Path) -> Path:
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
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(mode):
        raise DataError(_KINDS.get(stat.S_IFMT(mode), "no file"), path=path, expected="a regular file")
    return path


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading its bytes.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`check_regular`, or it may not be read.
    """
    try:
        return check_regular(path).open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Read a whole regular file.

    Args:
        path: the file.
        limit: a larger file is refused before it is read.

    Raises:
        DataError: as :func:`open_regular`, or the file is larger than ``limit``.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise DataError(f"{size} bytes", path=path, expected=f"at most {limit}")
        try:
            return file.read()
        except OSError as error:
            raise _unreadable(path, error) from None


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
        raise _undecodable(path, error) from None
    if "\0" in text:
        raise DataError("a NUL byte in it", path=path, expected="text in UTF-8")
    return text


def read_json(path: Path, *, finite: bool = True) -> Any:
    """Read a JSON file in UTF-8, or in UTF-16 or UTF-32; a byte-order mark is left out.

    Args:
        path: the file.
        finite: refuse ``NaN``, ``Infinity`` and numbers beyond float64, which are no JSON but often written.

    Raises:
        DataError: as :func:`read_bytes`; it is not JSON or nested too deeply; a key is there twice; a number is not
            finite; or a text holds half a surrogate pair, which no file can be named.
    """
    raw = read_bytes(path, MAX_TEXT_BYTES)
    try:
        text = raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError as error:
        raise _undecodable(path, error) from None
    strict: dict[str, Any] = {"object_pairs_hook": _without_doubles}
    if finite:
        strict["parse_constant"] = _refuse_constant
        strict |= {"parse_float": _finite_float} if _MAYBE_INFINITE.search(text) else {}
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
    """Read what :func:`write_arrays` wrote; nothing is unpickled.

    Args:
        path: the file.

    Raises:
        DataError: as :func:`open_regular`, or it is damaged or something else.
    """
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as stored:
            return {name: np.asarray(stored[name]) for name in stored.files}
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds on damaged files
        reason = str(error)[:200] or type(error).__name__
        raise DataError(f"cannot be read ({reason})", path=path, expected="an .npz file of arrays") from None


@contextmanager
def refuse_malformed(path: Path, expected: str) -> Iterator[None]:
    """Turn what it raises to work on a file of our own that was changed by hand, or cut short, into one line.

    Args:
        path: the file that the block works on.
        expected: what to do.
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


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{double[:80]!r} is there twice")
    return found


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word}, which is no number in JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]}")
    return value


def _unreadable(path: Path, error: OSError | ValueError) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"cannot be read ({reason})", path=path)


def _undecodable(path: Path, error: UnicodeDecodeError) -> DataError:
    found = f"byte 0x{error.object[error.start]:02x} at {error.start}"
    return DataError(found, path=path, expected="text in UTF-8")
