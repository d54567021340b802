"""Arguments as people write them: one number for a range of one, one name for a list of one, a seed for a generator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from domaingan.core.errors import DataError

RngOrSeed = np.random.Generator | int
"""A generator, or the seed of one."""


def read_generator(rng: RngOrSeed) -> np.random.Generator:
    """Read a generator: one as it is, or a new one from a seed.

    Raises:
        DataError: it is neither.

    >>> int(read_generator(3).integers(100)) == int(np.random.default_rng(3).integers(100))
    True
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise DataError(f"rng {rng!r}", expected="a seed of at least 0, or np.random.default_rng(seed)")
    return np.random.default_rng(int(rng))


def read_whole_number(value: Any, name: str, minimum: int) -> int:
    """Read a whole number.

    Args:
        value: an integer, NumPy's too, or a float without a fraction.
        what: it is, for messages.
        least: that it may be.

    Raises:
        DataError: it is something else, or less.

    >>> read_whole_number(3.0, "severity", 1)
    3
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or value != value // 1 or value < minimum:
        raise DataError(f"{name} {value!r}", expected=f"a whole number of at least {minimum}")
    return int(value)


def read_count_range(value: Any, name: str) -> tuple[int, int]:
    """Read fewest and most of something: one number is both.

    Args:
        value: a whole number, or two of them.
        what: is counted, for messages.

    Raises:
        DataError: it is something else, negative, or the most first.

    >>> read_count_range(2, "crops"), read_count_range([1, 3], "crops")
    ((2, 2), (1, 3))
    """
    ends = [value, value] if np.ndim(value) == 0 else list(value)
    whole = [end for end in ends if isinstance(end, int | np.integer) and not isinstance(end, bool)]
    if len(whole) != 2 or len(ends) != 2:
        raise DataError(f"{value!r} {name}", expected="a whole number, or fewest and most")
    if not 0 <= ends[0] <= ends[1]:
        raise DataError(f"{ends[0]} to {ends[1]} {name}", expected="0 or more, fewest first")
    return int(ends[0]), int(ends[1])


def read_number_range(value: Any, name: str) -> tuple[float, float]:
    """Read least and most of a number: one number is both.

    Raises:
        DataError: it is something else.

    >>> read_number_range(1, "strength"), read_number_range((0.5, 1), "strength")
    ((1.0, 1.0), (0.5, 1.0))
    """
    try:
        ends = [float(end) for end in ([value, value] if np.ndim(value) == 0 else value)]
    except (TypeError, ValueError):
        ends = []
    if len(ends) != 2:
        raise DataError(f"{name} {value!r}", expected="a number, or least and most")
    return ends[0], ends[1]


def read_names(value: Any, name: str) -> list[str]:
    """Read names: one, or several in a sequence; None is none.

    Raises:
        DataError: it is something else.

    >>> read_names("cyclist", "class"), read_names(("a", "b"), "class"), read_names(None, "class")
    (['cyclist'], ['a', 'b'], [])
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    names = [name for name in value if isinstance(name, str)] if isinstance(value, Iterable) else []
    if not isinstance(value, Iterable) or len(names) != len(list(value)):
        raise DataError(f"{name} {value!r}", expected="a name, or a list of names")
    return names


MAX_CROP_PIXELS = 2**27
"""A crop or scene of more pixels, half a gigabyte a channel, fits nowhere."""


def read_edge_length(size: Any, dims: int) -> int:
    """Read the edge of crops or scenes, in pixels.

    Args:
        size: a power of two of at least 8.
        dims: 2 or 3.

    Raises:
        DataError: it is none, or crops of that size fit nowhere.
    """
    is_whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    if not is_whole or size < 8 or size & (size - 1):
        raise DataError(f"size {size}", expected="a power of two, at least 8")
    if int(size) ** dims > MAX_CROP_PIXELS:
        largest = 2 ** (27 // dims)
        raise DataError(f"size {size} in {dims}D", expected=f"at most {largest}")
    return int(size)
