"""Read arguments as people write them: one number for a range, one name for a list, a seed for a generator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from domaingan.core.errors import DataError

RngOrSeed = np.random.Generator | int
"""A generator, or the seed of one."""


def read_generator(rng: RngOrSeed) -> np.random.Generator:
    """Read a generator.

    Args:
        rng: a generator, which is returned as it is, or the seed of a new one, at least 0.

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
        name: what the number is, for messages.
        minimum: the smallest value that is allowed.

    Raises:
        DataError: it is something else, or smaller.

    >>> read_whole_number(3.0, "severity", 1)
    3
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or value != value // 1 or value < minimum:
        raise DataError(f"{name} {value!r}", expected=f"a whole number of at least {minimum}")
    return int(value)


def read_count_range(value: Any, name: str) -> tuple[int, int]:
    """Read the smallest and the largest count of something.

    Args:
        value: a whole number, which is both, or two of them.
        name: what is counted, for messages.

    Raises:
        DataError: it is something else, negative, or the larger one comes first.

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
    """Read the smallest and the largest value of a number.

    Args:
        value: a number, which is both, or two of them.
        name: what the number is, for messages.

    Raises:
        DataError: it is something else.

    >>> read_number_range(1, "strength"), read_number_range((0.5, 1), "strength")
    ((1.0, 1.0), (0.5, 1.0))
    """
    try:
        pair = [value, value] if np.ndim(value) == 0 else value
        ends = [float(end) for end in pair]
    except (TypeError, ValueError):
        ends = []
    if len(ends) != 2:
        raise DataError(f"{name} {value!r}", expected="a number, or least and most")
    return ends[0], ends[1]


def read_names(value: Any, name: str) -> list[str]:
    """Read a list of names.

    Args:
        value: one name, or several in a sequence. None is an empty list.
        name: what is named, for messages.

    Raises:
        DataError: it is something else.

    >>> read_names("cyclist", "class"), read_names(("a", "b"), "class"), read_names(None, "class")
    (['cyclist'], ['a', 'b'], [])
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable):
        raise DataError(f"{name} {value!r}", expected="a name, or a list of names")
    names = [one for one in value if isinstance(one, str)]
    if len(names) != len(list(value)):
        raise DataError(f"{name} {value!r}", expected="a name, or a list of names")
    return names


MAX_CROP_PIXELS = 2**27
"""A crop or scene of more pixels does not fit into memory: it takes half a gigabyte a channel."""


def read_edge_length(size: Any, dims: int) -> int:
    """Read the edge of crops or scenes, in pixels.

    Args:
        size: a power of two of at least 8.
        dims: 2 or 3.

    Raises:
        DataError: it is something else, or crops of that size do not fit into memory.
    """
    is_whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    if not is_whole or size < 8 or size & (size - 1):
        raise DataError(f"size {size}", expected="a power of two, at least 8")
    if int(size) ** dims > MAX_CROP_PIXELS:
        largest = 2 ** (27 // dims)
        raise DataError(f"size {size} in {dims}D", expected=f"at most {largest}")
    return int(size)
