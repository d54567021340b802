"""Run lengths: what pycocotools writes is read alike, and nothing else reaches its C code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as runs

from domaingan.adapters.annotations.run_lengths import check_run_lengths, decode_mask, encode_mask, parse_counts
from domaingan.core.errors import DataError


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**20))
@settings(max_examples=60)
def test_counts_are_those_of_pycocotools(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < rng.random()
    stored = encode_mask(mask)
    counts = parse_counts(stored["counts"]).tolist()
    again = np.repeat(np.arange(len(counts)) % 2, counts).reshape(width, height).T
    assert np.array_equal(again, mask)
    assert check_run_lengths(stored, (height, width)) == stored
    assert check_run_lengths({"size": [height, width], "counts": counts}, (height, width)) == stored
    assert np.array_equal(decode_mask(stored), mask)


def test_long_runs() -> None:
    mask = np.zeros((3000, 2000), np.uint8)
    mask[1500:, 1000:] = 1
    assert parse_counts(encode_mask(mask)["counts"])[:2].tolist() == [3000 * 1000 + 1500, 1500]


def square() -> dict[str, Any]:
    mask = np.zeros((30, 40), np.uint8)
    mask[5:20, 7:31] = 1
    return encode_mask(mask)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (str(square()["counts"].encode()), "a character"),
        (square()["counts"] + "\n", "a character"),
        (square()["counts"] + "é", "a character"),
        (square()["counts"][:-3], "do not fill"),
        ("o" * 40, "cut short"),
        ("o" * 40 + "0", "cut short"),
        ("0" * 5, "do not fill"),
        ("oooooo?" * 3, "do not fill"),
        ("", "without counts"),
        (None, "without counts"),
        (7, "without counts"),
        ([0, 1199], "do not fill"),
        ([0, -1, 1201], "do not fill"),
        ([0, 1200.0], "do not fill"),
        ([True, 1199], "do not fill"),
        ([0, 2**32 + 1200], "do not fill"),
        (["0", "1200"], "do not fill"),
    ],
)
def test_counts_that_are_none(counts: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        check_run_lengths({"size": [30, 40], "counts": counts}, (30, 40))


def test_nearly_any_letter_that_changes_is_found() -> None:
    good, missed, tried = square(), 0, 0
    for place in range(len(good["counts"])):
        for letter in map(chr, range(48, 112)):
            text = good["counts"][:place] + letter + good["counts"][place + 1 :]
            try:
                found = decode_mask(check_run_lengths({"size": [30, 40], "counts": text}, (30, 40)))
            except DataError:
                continue
            missed += not np.array_equal(found, decode_mask(good))
            tried += 1
    assert missed < 10 and tried >= len(good["counts"])  # of 3,000: two numbers that became one as large as both


@pytest.mark.parametrize("size", [[40, 30], [30, 40, 1], "30x40", None, [30], {"h": 30}])
def test_another_size(size: Any) -> None:
    with pytest.raises(DataError, match=r"run lengths for \(H, W\).*; expected \[30, 40\]"):
        check_run_lengths({"size": size, "counts": [0, 1200]}, (30, 40))


def test_size_as_floats_is_understood() -> None:
    assert check_run_lengths({"size": [30.0, 40.0], "counts": [0, 1200]}, (30, 40)) == encode_mask(np.ones((30, 40)))


def test_pycocotools_agrees_that_the_text_is_its_own() -> None:
    assert runs.area(check_run_lengths(square(), (30, 40))) == 15 * 24
