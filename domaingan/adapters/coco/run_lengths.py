"""COCO's run lengths: masks as texts or lists of counts, checked before pycocotools' C code sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as runs

from domaingan.core.errors import DataError

RunLengths = Mapping[str, Any]
"""COCO's compressed run lengths: ``size`` (height, width) and ``counts``, a text."""

_FIRST, _LAST = 48, 48 + 63
"""The characters of compressed counts, by number: six bits each."""

_MAX_COUNT_CHARACTERS = 7
"""Of one count: 35 bits, more than any picture needs."""


def decode_mask(run_lengths: RunLengths) -> NDArray[np.bool_]:
    """Decode run lengths.

    Args:
        run_lengths: as :func:`check_run_lengths` or :func:`encode_mask` returns them.

    Returns:
        ``(H, W)`` bool.
    """
    return np.asarray(runs.decode(dict(run_lengths)), dtype=bool)


def encode_mask(mask: NDArray[Any]) -> dict[str, Any]:
    """Encode a mask as compressed run lengths in JSON's types.

    Args:
        mask: ``(H, W)``, true or not 0 where the object is.
    """
    made = runs.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(made["size"]), "counts": made["counts"].decode("ascii")}


def check_run_lengths(stored: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """Check run lengths as a file holds them, compressed or not, and return them compressed.

    Args:
        stored: ``size`` and ``counts``.
        shape: height and width of the picture.

    Raises:
        DataError: they are of another size, are no run lengths, or do not fill the picture exactly.
    """
    size = stored.get("size")
    if not isinstance(size, list) or size != list(shape):
        raise DataError(f"run lengths for (H, W) {size}", expected=str(list(shape)))
    counts = stored.get("counts")
    if isinstance(counts, list):
        if not all(type(n) is int and n >= 0 for n in counts) or sum(counts) != shape[0] * shape[1]:
            raise DataError("run lengths that do not fill the image", expected=f"{shape[0] * shape[1]} pixels")
        made = runs.frPyObjects({"size": list(shape), "counts": counts}, *shape)
        return {"size": list(shape), "counts": made["counts"].decode("ascii")}
    if not isinstance(counts, str) or not counts:
        raise DataError("run lengths without counts", expected="a list of numbers, or COCO's compressed text")
    found, pixels = parse_counts(counts), shape[0] * shape[1]
    if (found < 0).any() or (found > pixels).any() or int(found.sum()) != pixels:
        raise DataError("run lengths that do not fill the image", expected=f"{shape[0] * shape[1]} pixels")
    return {"size": list(shape), "counts": counts}


def parse_counts(text: str) -> NDArray[np.int64]:
    """Read compressed counts.

    Six bits a character, of which one says that the number goes on. From the third on it is the difference to the one
    before the last (``rleFrString`` in pycocotools' ``maskApi.c``).

    Args:
        text: of at least one character.

    Returns:
        The counts; wrong ones may be negative.

    Raises:
        DataError: a character that is not among the 64, a number without an end, or one of more than 35 bits.

    >>> parse_counts("05").tolist()
    [0, 5]
    """
    bits = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64)
    if ((bits < _FIRST) | (bits > _LAST)).any():
        raise DataError("run lengths with a character that is none of COCO's", expected="COCO's compressed text")
    bits -= _FIRST
    ends = np.flatnonzero((bits & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    if not len(ends) or ends[-1] != len(bits) - 1 or (ends - starts).max() >= _MAX_COUNT_CHARACTERS:
        raise DataError("run lengths cut short", expected="COCO's compressed text")
    places = np.arange(len(bits)) - np.repeat(starts, ends - starts + 1)
    numbers = np.add.reduceat((bits & 31) << (5 * places), starts)
    negative = (bits[ends] & 16) > 0
    numbers -= negative.astype(np.int64) << (5 * (ends - starts + 1))
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def merge_run_lengths(parts: Sequence[Any]) -> dict[str, Any]:
    """Merge the compressed run lengths of an object's parts into one.

    Args:
        parts: at least one, as pycocotools gives them.
    """
    made = runs.merge(list(parts))
    counts = made["counts"]
    return {"size": list(made["size"]), "counts": counts if isinstance(counts, str) else counts.decode("ascii")}
