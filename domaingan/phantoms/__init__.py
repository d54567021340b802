"""Procedural data: the embedded default that needs no download."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.phantoms import driving, medical

PHANTOMS: dict[str, Callable[..., Dataset]] = {"medical": medical.load_medical, "driving": driving.load_driving}
"""The functions that load the phantoms, by name."""


def load_phantom(name: str, **options: Any) -> Dataset:
    """Load a phantom dataset. Its samples are made when they are read.

    Args:
        name: one of :data:`PHANTOMS`, with or without ``phantom:`` before it.
        options: passed on, see :func:`domaingan.phantoms.medical.load_medical` and
            :func:`domaingan.phantoms.driving.load_driving`.

    Raises:
        DataError: there is no phantom of that name.

    >>> len(load_phantom("phantom:medical", subjects=5))
    5
    >>> load_phantom("driving", sequences=2, frames=3).records[-1].name
    'seq01_000002'
    """
    short = name.removeprefix("phantom:")
    if short not in PHANTOMS:
        raise DataError(f"no phantom {short!r}", expected=f"one of {', '.join(PHANTOMS)}")
    return PHANTOMS[short](**options)


__all__ = ["PHANTOMS", "load_phantom"]
