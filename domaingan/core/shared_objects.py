"""Hand large objects to other processes on this machine, whose arrays then share one copy in memory."""

from __future__ import annotations

import mmap
import pickle
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError

ALIGNMENT = 64
"""Arrays begin at multiples of this many bytes."""

OBJECT_FILE, BUFFER_FILE = "object.pickle", "arrays.bin"


def save_shared(value: Any, folder: Path) -> None:
    """Write an object to a folder for :func:`load_shared`.

    Args:
        value: an object that can be pickled. The memory of its arrays is written to a file of its own.
        folder: an empty folder on this machine.

    Raises:
        DataError: the object cannot be pickled, as what a script defines itself cannot.
    """
    buffers: list[pickle.PickleBuffer] = []
    try:
        pickled = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise DataError(f"samples that no other process can be given ({error})", expected="jobs 1") from None
    spans = []
    with (folder / BUFFER_FILE).open("wb") as file:
        for buffer in buffers:
            file.write(bytes(-file.tell() % ALIGNMENT))
            start = file.tell()
            file.write(buffer.raw())
            spans.append((start, file.tell()))
        file.write(b"\0")  # an empty file cannot be mapped
    (folder / OBJECT_FILE).write_bytes(pickle.dumps((spans, pickled)))


def load_shared(folder: Path) -> Any:
    """Load what :func:`save_shared` of another process wrote.

    Its arrays lie in the file, which all processes share. One that changes an array gets a copy of what it changes.

    Args:
        folder: the folder. Only load what this program has just written: loading runs what the file says.

    Raises:
        DataError: the object is of a class that this process cannot import.
    """
    spans, pickled = pickle.loads((folder / OBJECT_FILE).read_bytes())
    with (folder / BUFFER_FILE).open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    buffers = [mapped[start:end] for start, end in spans]
    try:
        return pickle.loads(pickled, buffers=buffers)
    except (AttributeError, ImportError) as error:
        raise DataError(f"samples that no other process can be given ({error})", expected="jobs 1") from None
