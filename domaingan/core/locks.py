"""Allow one writer a folder: two runs in the same folder would spoil each other's files."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.core.files import LOCK_FILE, report_write_errors

try:
    import fcntl
except ImportError:  # Windows, where two writers are not kept apart
    fcntl = None  # type: ignore[assignment]


@contextmanager
def lock_folder(out: Path) -> Iterator[None]:
    """Keep other writers out of the folder of a long run while the block runs.

    The lock is the system's own on the file :data:`LOCK_FILE`. It ends with the process: a killed process leaves only a
    file behind, which the next writer takes over. On a file system without locks nobody is kept out. A folder that does
    not exist is made, and removed again if nothing was written into it.

    Args:
        out: the folder.

    Raises:
        DataError: another process (which the message names) writes there, it is a file, or nothing can be written.
    """
    if out.exists() and not out.is_dir():
        raise DataError("a file", path=out, expected="a folder")
    with report_write_errors(out, "more room there, and then --resume: what was written is kept"):
        is_new = not out.exists()
        lock = _take_lock(out / LOCK_FILE)
        try:
            yield
        finally:
            if _is_same_file(lock, out / LOCK_FILE):  # while it is still held: nobody can have taken it
                (out / LOCK_FILE).unlink(missing_ok=True)
            os.close(lock)
            if is_new:
                with suppress(OSError):  # there is something in it, or it was renamed
                    out.rmdir()


def _take_lock(path: Path) -> int:
    """Open and lock a file, and write into it who holds it; the lock lasts until it is closed."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # its holder ended, and removed the folder, between the two lines
            continue
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 200).decode(errors="replace").strip()
            os.close(lock)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                return os.open(os.devnull, os.O_RDONLY)  # a file system without locks
            found = f"another process is writing here{f' ({holder})' if holder else ''}"
            raise DataError(found, path=path.parent, expected="to wait for its end, or another folder") from None
        if _is_same_file(lock, path):
            break
        os.close(lock)  # its holder ended, and removed it, between the two lines
    os.ftruncate(lock, 0)
    os.write(lock, f"process {os.getpid()} on {platform.node()}\n".encode())
    return lock


def _is_same_file(opened: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), path.stat())
    except FileNotFoundError:
        return False
