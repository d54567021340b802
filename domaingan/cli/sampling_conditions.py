"""The option ``--condition`` of ``domaingan sample``, read as the arguments of :meth:`domaingan.GAN.sample`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from domaingan.cli.parse_options import parse_conditions
from domaingan.core.errors import DataError


def parse_condition_values(texts: list[str] | None, numbers: Collection[str]) -> dict[str, Any]:
    """Read the values that each condition is to have.

    ``lesion=a`` is one value, ``lesion=a,b`` several, ``lesion=a:0.7,b:0.3`` a distribution; for numbers
    ``radius_mm=4`` is one value, ``radius_mm=3..6`` a range and ``radius_mm=0.5..1.5x`` a range of factors.

    Args:
        texts: as they were given.
        numbers: the conditions that are numbers.

    Raises:
        DataError: a text has another form.
    """
    conditions: dict[str, Any] = {}
    for name, values in parse_conditions(texts, "--condition").items():
        if name in numbers:
            conditions[name] = _parse_number(name, values)
        elif all(":" in value for value in values):
            conditions[name] = _parse_distribution(name, values)
        else:
            conditions[name] = values[0] if len(values) == 1 else values
    return conditions


def _parse_distribution(name: str, values: list[str]) -> dict[str, float]:
    weights = {}
    for text in values:
        value, _, weight = text.rpartition(":")
        try:
            weights[value] = float(weight)
        except ValueError:
            raise DataError(f"--condition {name}={','.join(values)}", expected="NAME=VALUE:WEIGHT,…") from None
    return weights


def _parse_number(name: str, values: list[str]) -> float | tuple[float, float]:
    """Read a number, ``LOW..HIGH``, or either with an ``x`` behind it, which makes it a factor."""
    from domaingan.gan.sampling.sample_conditions import Multiple

    text = ",".join(values)
    low, dots, high = text.removesuffix("x").partition("..")
    try:
        if text.endswith("x"):
            return Multiple(float(low), float(high or low))
        return (float(low), float(high)) if dots else float(low)
    except ValueError:
        raise DataError(f"--condition {name}={text}", expected="a number, LOW..HIGH, or LOW..HIGHx") from None


def split_ends(conditions: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split conditions of one or two values into those of a strip's start and of its end.

    Args:
        conditions: as of :func:`parse_condition_values`; one with one value has no end.

    Raises:
        DataError: a condition has more than two values, or a distribution.
    """
    start: dict[str, Any] = {}
    end: dict[str, Any] = {}
    for name, values in conditions.items():
        ends = [values] if isinstance(values, (str, float)) else list(values)
        if isinstance(values, dict) or len(ends) > 2:
            raise DataError(f"--condition {name} for --interpolate", expected=f"{name}=FROM,TO, or one value")
        start[name] = ends[0]
        if len(ends) == 2:
            end[name] = ends[1]
    return start, end
