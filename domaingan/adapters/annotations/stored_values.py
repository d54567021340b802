"""Single values of annotation files, checked: numbers, boxes, ids, flags. Tools write some of them in several ways."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SHOWN_LETTERS = 80
"""Letters of a value that a message shows."""

_WHOLE_NUMBER_PATTERN = re.compile(r"0|[1-9][0-9]{0,18}")
_TRUE_TEXTS = ("1", "true", "yes")
_FALSE_TEXTS = ("0", "false", "no", "")


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a finite number. ``true`` and ``false`` are none.

    Args:
        value: the value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond float64
        return False


def is_box(value: Any) -> bool:
    """Whether a value of a JSON file is a list of four finite numbers.

    Args:
        value: the value.
    """
    return isinstance(value, list) and len(value) == 4 and all(is_number(number) for number in value)


def has_relative_coordinates(numbers: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether coordinates can only be shares of the picture: all lie in its first pixel, and some are no whole numbers.

    Args:
        numbers: coordinates.

    >>> has_relative_coordinates([0.1, 0.2, 0.5, 0.4])
    True
    >>> has_relative_coordinates([0, 0, 1, 1]), has_relative_coordinates([0.5, 0.5, 20, 30])
    (False, False)
    """
    stored = np.asarray(numbers, dtype=np.float64)
    is_in_first_pixel = (stored >= 0).all() and (stored <= 1).all()
    return bool(is_in_first_pixel and (stored != np.rint(stored)).any())


def parse_whole_number(value: Any) -> int | None:
    """Parse a whole number, which some tools write as ``7.0`` or ``"7"``.

    Args:
        value: a value of a JSON file.

    Returns:
        The number; None for anything else, ``true`` and ``false`` too.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE_NUMBER_PATTERN.fullmatch(value):
        return int(value)
    return None


def normalize_id(value: Any) -> str | None:
    """Bring an id, a whole number or a text, to one form, so that ``7``, ``7.0`` and ``"7"`` are the same.

    Args:
        value: a value of a JSON file.

    Returns:
        The id as a text; None for what is no id.
    """
    number = parse_whole_number(value)
    if number is not None:
        return str(number)
    return value if isinstance(value, str) and value else None


def read_crowd_flag(value: Any) -> bool | None:
    """Read an annotation's ``iscrowd``.

    Args:
        value: a value of a JSON file. None is false.

    Returns:
        Whether the annotation is a crowd; None where the value is neither true nor false.

    >>> [read_crowd_flag(value) for value in (1, "0", False, None, 2)]
    [True, False, False, False, None]
    """
    if value is None:
        return False
    text = str(value).strip().lower().removesuffix(".0")
    if text in _TRUE_TEXTS:
        return True
    return False if text in _FALSE_TEXTS else None


def shorten(value: Any) -> str:
    """Shorten a value for a message.

    Args:
        value: any value.

    >>> shorten("a" * 100) == "a" * 79 + "…"
    True
    """
    text = str(value)
    if len(text) <= MAX_SHOWN_LETTERS:
        return text
    return text[: MAX_SHOWN_LETTERS - 1] + "…"
