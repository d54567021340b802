"""Comparisons of folders of scans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from numpy.testing import assert_array_equal

from domaingan.data import Sample

Save = Callable[..., Path]

SHAPE = (6, 5, 4)


def assert_same(one: Sample, other: Sample) -> None:
    assert_array_equal(one.image, other.image)
    assert (one.mask is None) == (other.mask is None)
    if one.mask is not None and other.mask is not None:
        assert_array_equal(one.mask, other.mask)
    assert_array_equal(one.geometry.affine, other.geometry.affine)
    assert one.condition == other.condition
    assert one.source == other.source and one.spacing == other.spacing
