"""The one error a user's mistake raises: it names the file, what was found and what was expected."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_SPACE_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where a disk, a quota or a file's largest size is full."""


class DataError(ValueError):
    """Input or usage that cannot be worked with; the command line turns it into one line and exit code 2.

    Args:
        found: what is wrong, in a few words ("shape (4, 4)", "no such class 'enhancin'").
        path: the offending file or folder, if there is one (an empty text is none).
        expected: what would have been right, if it can be said.

    >>> str(DataError("3 channels", path="a.nii.gz", expected="1 channel"))
    'a.nii.gz: 3 channels; expected 1 channel'
    """

    def __init__(self, found: str, *, path: str | Path | None = None, expected: str | None = None) -> None:
        self.found = " ".join(found.split())  # other libraries' messages may run over several lines
        self.path = str(path) if path else None
        self.expected = expected
        text = f"{self.path}: {self.found}" if self.path else self.found
        super().__init__(text if expected is None else f"{text}; expected {expected}")

    def __reduce__(self) -> tuple[object, ...]:  # keyword arguments survive worker processes
        return (_rebuild_error, (type(self), self.found, self.path, self.expected))


class AssumptionWarning(UserWarning):
    """Something that nothing tells was assumed; the command line says it in one line."""


class WriteError(DataError):
    """Something could not be written: the disk or a quota is full, or nothing may be written there."""


def _rebuild_error(error_type: type[DataError], found: str, path: str | None, expected: str | None) -> DataError:
    return error_type(found, path=path, expected=expected)


def check_utf8_name(name: str, path: str | Path) -> None:
    """Refuse a name that is no text: bytes on the disk that are no UTF-8, which cannot be written or printed.

    Args:
        name: of a file, a sample or a channel.
        path: what to name.

    Raises:
        DataError: it is none.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = name.encode("utf-8", "backslashreplace").decode()
        raise DataError(f"the name '{shown}' is no UTF-8", path=path, expected="a name that is text") from None


OUT_OF_MEMORY_PHRASES = ("out of memory", "not enough memory", "allocate memory")
"""What PyTorch says where there is none: on a GPU, on Windows, on Linux."""


@contextmanager
def report_out_of_memory(advice: str) -> Iterator[None]:
    """Memory that has run out, the processor's or a GPU's, becomes a :class:`DataError` that says what to change.

    Works as a decorator too.

    >>> with report_out_of_memory("a smaller size"):
    ...     raise MemoryError
    Traceback (most recent call last):
    domaingan.core.errors.DataError: out of memory; expected a smaller size
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # PyTorch's is a RuntimeError, as all of its errors are
        text = str(error).lower()
        if not (isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY_PHRASES)):
            raise
        raise DataError("out of memory", expected=advice) from error
