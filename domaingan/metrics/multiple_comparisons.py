"""p values of several comparisons that are read together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Name = TypeVar("Name")


def adjust_p_by_holm(p_values: Mapping[Name, float | None]) -> dict[Name, float | None]:
    """Adjust p values so that the probability of any false claim among them stays below the level.

    The smallest is multiplied by the number of comparisons, the next by one fewer, and so on; none becomes smaller than
    one before it (Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p_values: p of each comparison, None where there is none; such a comparison counts in the number all the same.

    Returns:
        Adjusted p of each comparison, at most 1.

    >>> adjust_p_by_holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    known = [(p, name) for name, p in p_values.items() if p is not None]
    known.sort(key=lambda pair: pair[0])
    adjusted: dict[Name, float | None] = dict.fromkeys(p_values)
    largest = 0.0
    for rank, (p, name) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(p_values) - rank)))
        adjusted[name] = largest
    return adjusted
