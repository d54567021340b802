"""What each of the crops to be drawn is conditioned on: classes and numbers, as asked for or as in training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.gan.conditions import Condition, scale_numbers
from domaingan.gan.config import GANConfig


class Multiple(NamedTuple):
    """A number condition asked for as that of a training crop times a factor, between these ends."""

    low: float
    high: float


ConditionRequest = str | float | Sequence[str] | Mapping[str, float] | tuple[float, float]
"""What a condition shall be: of a class one value, several in equal parts, or values with weights; of a number a value,
the ends of a range, or :class:`Times`."""


def sample_conditions(config: GANConfig, n: int, seed: int, requests: Mapping[str, ConditionRequest]) -> Condition:
    """Conditions of ``n`` crops; crop ``i``'s numbers follow from the seed, ``i`` and its classes.

    Numbers that are not asked for are those of a training crop of the same classes, drawn at random. No image is given:
    see :func:`domaingan.gan.conditioning.given_by`.

    Raises:
        DataError: a condition or value is unknown, a number is outside its range in training, a weight is negative, or
            no crop had the values together.
    """
    known = [*config.conditions, *config.numbers]
    for name in requests:
        if name not in known:
            said = f"one of {', '.join(known)}" if known else "none: the model has no conditions"
            raise DataError(f"no condition {name!r}", expected=said)
    times = {name: factors for name, factors in requests.items() if isinstance(factors, Multiple)}
    for name, (low, high) in times.items():
        if not 0 < low <= high < math.inf:
            raise DataError(f"{name}={low:g}..{high:g}x", expected="factors above 0, the smaller one first")
    ranges = {
        name: _parse_range(config, name, requests[name])
        for name in config.numbers
        if name in requests and name not in times
    }
    codes = sample_classes(config, n, {name: choice for name, choice in requests.items() if name in config.conditions})
    alike = {kind: [t.numbers for t in config.templates if t.codes == kind] for kind in set(codes)}
    numbers = np.full((n, len(config.numbers)), np.nan, dtype=np.float32)
    for i, kind in enumerate(codes):
        rng = np.random.default_rng([seed, i, 1 << 16])
        drawn = alike[kind][int(rng.integers(len(alike[kind])))]
        for k, name in enumerate(config.numbers):
            value = drawn[k]
            numbers[i, k] = rng.uniform(*ranges[name]) if name in ranges else math.nan if value is None else value
            if name in times:  # within what was trained on: beyond it a network knows nothing
                numbers[i, k] = np.clip(numbers[i, k] * rng.uniform(*times[name]), *config.numbers[name])
    image = torch.zeros(n, 0, *[config.size] * config.spatial_dims)
    return Condition(
        torch.tensor(codes, dtype=torch.int64).reshape(n, -1), scale_numbers(torch.from_numpy(numbers), config), image
    )


def _parse_range(config: GANConfig, name: str, request: ConditionRequest) -> tuple[float, float]:
    """The ends of a number asked for."""
    ends: tuple[Any, ...] = (request, request) if isinstance(request, (int, float, str)) else tuple(request)
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        raise DataError(f"{name}={request}", expected="a number, or LOW..HIGH") from None
    least, most = config.numbers[name]
    # Rounded to six digits in the config: what was measured on a training crop is never outside.
    slack = 1e-5 * max(1, abs(most))
    if not (least - slack <= low <= high <= most + slack):
        said = f"{low:g}" if low == high else f"{low:g}..{high:g}"
        raise DataError(f"{name}={said}", expected=f"within {least:g}..{most:g}, as in the crops trained on")
    return low, high


def sample_classes(config: GANConfig, n: int, requests: Mapping[str, ConditionRequest]) -> list[tuple[int, ...]]:
    """Codes of the class conditions of ``n`` crops: even over what occurs in the training crops, or as ``wanted`` says.

    Raises:
        DataError: a value is unknown, a weight is negative, or no crop had the values together.
    """
    weights = {name: _parse_weights(config, name, choice) for name, choice in requests.items()}
    kinds, shares = [], []
    for codes in config.list_combinations():
        named = config.name_values(codes)
        share = float(np.prod([chosen.get(named.get(name, ""), 0.0) for name, chosen in weights.items()]))
        if share > 0:
            kinds.append(codes)
            shares.append(share)
    if not kinds:
        asked = ", ".join(f"{name}={choice}" for name, choice in requests.items())
        raise DataError(f"no training crop was {asked}", expected="values that occur together")
    # Several combinations may share what was asked for: they share its weight too.
    keys = [tuple(config.name_values(codes).get(name) for name in weights) for codes in kinds]
    together = Counter(keys)
    part = np.array([share / together[key] for share, key in zip(shares, keys, strict=True)])
    return _alternate_classes(kinds, part / part.sum(), n)


def _alternate_classes(kinds: Sequence[tuple[int, ...]], part: NDArray[np.float64], n: int) -> list[tuple[int, ...]]:
    given, chosen = np.zeros(len(kinds)), []
    for i in range(n):  # the one furthest behind its share is next
        best = int(np.argmax(part * (i + 1) - given))
        given[best] += 1
        chosen.append(kinds[best])
    return chosen


def _parse_weights(config: GANConfig, name: str, request: ConditionRequest) -> dict[str, float]:
    if isinstance(request, str):
        request = [request]
    if isinstance(request, (int, float)):
        raise DataError(f"{name}={request}", expected=f"one of {', '.join(config.conditions[name])}")
    weights = dict(request) if isinstance(request, Mapping) else {str(value): 1.0 for value in request}
    for value, weight in weights.items():
        if value not in config.conditions[name]:
            raise DataError(f"no {name}={value}", expected=f"one of {', '.join(config.conditions[name])}")
        if not 0 <= weight < float("inf"):
            raise DataError(f"a weight of {weight} for {name}={value}", expected="a number of at least 0")
    return weights
