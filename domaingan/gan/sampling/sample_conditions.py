"""Choose the condition of each crop to be generated: as the user asks, or as in the training."""

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

NUMBER_STREAM = 1 << 16
"""Tells the random draws of a crop's numbers from those of its latent."""


class Multiple(NamedTuple):
    """A request for a number: that of a training crop, multiplied by a factor between ``low`` and ``high``."""

    low: float
    high: float


ConditionRequest = str | float | Sequence[str] | Mapping[str, float] | tuple[float, float]
"""What the user asks for.

Of a class: one value, several values in equal parts, or values with weights. Of a number: a value, the ends of a range,
or a :class:`Multiple`."""


def sample_conditions(config: GANConfig, n: int, seed: int, requests: Mapping[str, ConditionRequest]) -> Condition:
    """Sample the conditions of ``n`` crops. The numbers of crop ``i`` depend on the seed, ``i`` and its classes alone.

    A number that is not requested is that of a training crop of the same classes, drawn at random.

    Args:
        config: the model's.
        n: number of crops.
        seed: of the random draws.
        requests: what the user asks for, by condition.

    Returns:
        The conditions, without conditioning image: for that see
        :func:`domaingan.gan.conditioning.select_conditioning_crops`.

    Raises:
        DataError: a condition or value is unknown, a number is outside its range in training, a weight is negative, or
            no crop had the values together.
    """
    _check_names(config, requests)
    multiples: dict[str, Multiple] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for name, request in requests.items():
        if isinstance(request, Multiple):
            multiples[name] = _check_multiple(name, request)
    for name in config.data.numbers:
        if name in requests and name not in multiples:
            ranges[name] = _parse_range(config, name, requests[name])
    of_classes = {name: request for name, request in requests.items() if name in config.data.conditions}
    codes = sample_classes(config, n, of_classes)
    numbers = _sample_numbers(config, codes, seed, ranges, multiples)
    return Condition(
        codes=torch.tensor(codes, dtype=torch.int64).reshape(n, -1),
        numbers=scale_numbers(torch.from_numpy(numbers), config),
        image=torch.zeros(n, 0, *config.network.shape),
    )


def sample_classes(config: GANConfig, n: int, requests: Mapping[str, ConditionRequest]) -> list[tuple[int, ...]]:
    """Choose the class conditions of ``n`` crops: evenly over what occurs in the training, or as requested.

    Args:
        config: the model's.
        n: number of crops.
        requests: what the user asks for, by class condition.

    Returns:
        The codes of each crop.

    Raises:
        DataError: a value is unknown, a weight is negative, or no crop had the values together.
    """
    weights = {name: _parse_weights(config, name, request) for name, request in requests.items()}
    combinations, shares = [], []
    for codes in config.list_combinations():
        values = config.name_values(codes)
        share = float(np.prod([chosen.get(values.get(name, ""), 0.0) for name, chosen in weights.items()]))
        if share > 0:
            combinations.append(codes)
            shares.append(share)
    if not combinations:
        requested = ", ".join(f"{name}={request}" for name, request in requests.items())
        raise DataError(f"no training crop was {requested}", expected="values that occur together")
    # Several combinations may have the values of one request: they share its weight.
    keys = []
    for codes in combinations:
        values = config.name_values(codes)
        keys.append(tuple(values.get(name) for name in weights))
    sharers = Counter(keys)
    parts = np.array([share / sharers[key] for share, key in zip(shares, keys, strict=True)])
    return _alternate_classes(combinations, parts / parts.sum(), n)


def _check_names(config: GANConfig, requests: Mapping[str, ConditionRequest]) -> None:
    known = [*config.data.conditions, *config.data.numbers]
    for name in requests:
        if name not in known:
            expected = f"one of {', '.join(known)}" if known else "none: the model has no conditions"
            raise DataError(f"no condition {name!r}", expected=expected)


def _check_multiple(name: str, request: Multiple) -> Multiple:
    low, high = request
    if not 0 < low <= high < math.inf:
        raise DataError(f"{name}={low:g}..{high:g}x", expected="factors above 0, the smaller one first")
    return request


def _sample_numbers(
    config: GANConfig,
    codes: Sequence[tuple[int, ...]],
    seed: int,
    ranges: Mapping[str, tuple[float, float]],
    multiples: Mapping[str, Multiple],
) -> NDArray[np.float32]:
    """Sample the number conditions ``(n, L)`` in their own units."""
    numbers_of: dict[tuple[int, ...], list[tuple[float | None, ...]]] = {}
    for kind in set(codes):
        numbers_of[kind] = [record.numbers for record in config.data.crop_records if record.codes == kind]
    numbers = np.full((len(codes), len(config.data.numbers)), np.nan, dtype=np.float32)
    for i, kind in enumerate(codes):
        rng = np.random.default_rng([seed, i, NUMBER_STREAM])
        drawn = numbers_of[kind][int(rng.integers(len(numbers_of[kind])))]
        for k, name in enumerate(config.data.numbers):
            value = drawn[k]
            if name in ranges:
                numbers[i, k] = rng.uniform(*ranges[name])
            else:
                numbers[i, k] = math.nan if value is None else value
            if name in multiples:  # clipped to the range of the training: the networks know no other values
                multiple = numbers[i, k] * rng.uniform(*multiples[name])
                numbers[i, k] = np.clip(multiple, *config.data.numbers[name])
    return numbers


def _parse_range(config: GANConfig, name: str, request: ConditionRequest) -> tuple[float, float]:
    """Return the ends of a requested number."""
    is_single = isinstance(request, (int, float, str))
    ends: tuple[Any, ...] = (request, request) if is_single else tuple(request)  # type: ignore[arg-type]
    try:
        low, high = map(float, ends)
    except (TypeError, ValueError):
        raise DataError(f"{name}={request}", expected="a number, or LOW..HIGH") from None
    least, most = config.data.numbers[name]
    # The config rounds to six digits; a value that was measured on a training crop is never outside.
    slack = 1e-5 * max(1, abs(most))
    if not (least - slack <= low <= high <= most + slack):
        found = f"{low:g}" if low == high else f"{low:g}..{high:g}"
        raise DataError(f"{name}={found}", expected=f"within {least:g}..{most:g}, as in the crops trained on")
    return low, high


def _alternate_classes(
    combinations: Sequence[tuple[int, ...]], shares: NDArray[np.float64], n: int
) -> list[tuple[int, ...]]:
    """Choose ``n`` combinations in turn: the next one is always the one that is furthest behind its share."""
    counts, chosen = np.zeros(len(combinations)), []
    for i in range(n):
        best = int(np.argmax(shares * (i + 1) - counts))
        counts[best] += 1
        chosen.append(combinations[best])
    return chosen


def _parse_weights(config: GANConfig, name: str, request: ConditionRequest) -> dict[str, float]:
    """Return the weight of each requested value of a class condition."""
    known = config.data.conditions[name]
    if isinstance(request, (int, float)):
        raise DataError(f"{name}={request}", expected=f"one of {', '.join(known)}")
    if isinstance(request, str):
        request = [request]
    weights = dict(request) if isinstance(request, Mapping) else {str(value): 1.0 for value in request}
    for value, weight in weights.items():
        if value not in known:
            raise DataError(f"no {name}={value}", expected=f"one of {', '.join(known)}")
        if not 0 <= weight < math.inf:
            raise DataError(f"a weight of {weight} for {name}={value}", expected="a number of at least 0")
    return weights
