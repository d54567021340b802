"""Writing without leaving anything half-written: a temporary place beside the target, then a rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domaingan.errors import DataError


def claim_folder(out: Path, *, overwrite: bool = False) -> None:
    """Refuse an output folder that exists already, before any long work starts.

    Raises:
        DataError: ``out`` exists and is not an empty folder, and ``overwrite`` is false.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not overwrite:
        raise DataError("exists already", path=out, expected="a new folder, or --overwrite")


@contextmanager
def atomic_folder(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``out`` when the block ends well, and vanishes when it does not."""
    claim_folder(out, overwrite=overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.parent / f".{out.name}.partial-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if out.is_dir() and not out.is_symlink():
            shutil.rmtree(out)
        elif out.exists():
            out.unlink()
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; it is synced and renamed to ``path`` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffixes stay at the end: several libraries choose the format by them.
    temporary = path.parent / f".partial-{os.getpid()}-{path.name}"
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented UTF-8 JSON, atomically, ending in a newline."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError("no such file", path=path) from None
    except (ValueError, OSError) as error:
        raise DataError(f"cannot be read as JSON ({error})", path=path) from None
