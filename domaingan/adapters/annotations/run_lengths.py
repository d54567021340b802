"""COCO's run lengths: masks as texts or lists of counts, checked before pycocotools' C code sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from domaingan.core.errors import DataError

RunLengths = Mapping[str, Any]
"""COCO's compressed run lengths: ``size`` (height, width) and ``counts``, a text."""

_FIRST_CHARACTER = 48
"""The number of the first of 64 characters that compressed counts are made of: six bits each."""

_LAST_CHARACTER = _FIRST_CHARACTER + 63

_VALUE_BITS = 5
"""Bits of a character that belong to the number."""

_VALUE_MASK = 31
_SIGN_BIT = 16
_CONTINUATION_BIT = 32
"""The bit of a character that says that the number goes on."""

_MAX_COUNT_CHARACTERS = 7
"""Characters of one count: 35 bits, more than any picture needs."""


def decode_mask(run_lengths: RunLengths) -> NDArray[np.bool_]:
    """Decode run lengths.

    Args:
        run_lengths: as :func:`check_run_lengths` or :func:`encode_mask` returns them.

    Returns:
        ``(H, W)`` bool.
    """
    return np.asarray(coco_mask.decode(dict(run_lengths)), dtype=bool)


def encode_mask(mask: NDArray[Any]) -> dict[str, Any]:
    """Encode a mask as compressed run lengths of JSON's types.

    Args:
        mask: ``(H, W)``, true or not 0 where the object is.
    """
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}


def check_run_lengths(stored: Mapping[str, Any], shape: tuple[int, int]) -> dict[str, Any]:
    """Check run lengths as a file holds them, compressed or not.

    Args:
        stored: ``size`` and ``counts``.
        shape: height and width of the picture.

    Returns:
        The compressed run lengths.

    Raises:
        DataError: they are of another size, are no run lengths, or do not fill the picture exactly.
    """
    size = stored.get("size")
    if not isinstance(size, list) or size != list(shape):
        raise DataError(f"run lengths for (H, W) {size}", expected=str(list(shape)))
    counts = stored.get("counts")
    n_pixels = shape[0] * shape[1]
    not_filling = DataError("run lengths that do not fill the image", expected=f"{n_pixels} pixels")
    if isinstance(counts, list):
        if not all(type(count) is int and count >= 0 for count in counts) or sum(counts) != n_pixels:
            raise not_filling
        compressed = coco_mask.frPyObjects({"size": list(shape), "counts": counts}, *shape)
        return {"size": list(shape), "counts": compressed["counts"].decode("ascii")}
    if not isinstance(counts, str) or not counts:
        raise DataError("run lengths without counts", expected="a list of numbers, or COCO's compressed text")
    parsed = parse_counts(counts)
    if (parsed < 0).any() or (parsed > n_pixels).any() or int(parsed.sum()) != n_pixels:
        raise not_filling
    return {"size": list(shape), "counts": counts}


def parse_counts(text: str) -> NDArray[np.int64]:
    """Parse compressed counts.

    Each character holds six bits. One of them says that the number goes on in the next character. From the third count
    on, the number is the difference to the count before the last one. Source: ``rleFrString`` in pycocotools'
    ``maskApi.c``.

    Args:
        text: at least one character.

    Returns:
        The counts; wrong ones may be negative.

    Raises:
        DataError: there is another character, the last number does not end, or a number has more than 35 bits.

    >>> parse_counts("05").tolist()
    [0, 5]
    """
    characters = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64)
    if ((characters < _FIRST_CHARACTER) | (characters > _LAST_CHARACTER)).any():
        raise DataError("run lengths with a character that is none of COCO's", expected="COCO's compressed text")
    bits = characters - _FIRST_CHARACTER
    ends = np.flatnonzero((bits & _CONTINUATION_BIT) == 0)
    if not len(ends) or ends[-1] != len(bits) - 1:
        raise _make_cut_short_error()
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _MAX_COUNT_CHARACTERS:
        raise _make_cut_short_error()
    places = np.arange(len(bits)) - np.repeat(starts, lengths)
    counts = np.add.reduceat((bits & _VALUE_MASK) << (_VALUE_BITS * places), starts)
    is_negative = (bits[ends] & _SIGN_BIT) > 0
    counts -= is_negative.astype(np.int64) << (_VALUE_BITS * lengths)
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    return counts


def _make_cut_short_error() -> DataError:
    return DataError("run lengths cut short", expected="COCO's compressed text")


def merge_run_lengths(parts: Sequence[Any]) -> dict[str, Any]:
    """Merge the compressed run lengths of an object's parts into one.

    Args:
        parts: at least one, as pycocotools gives them.
    """
    merged = coco_mask.merge(list(parts))
    counts = merged["counts"]
    return {"size": list(merged["size"]), "counts": counts if isinstance(counts, str) else counts.decode("ascii")}
