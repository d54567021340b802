"""Numbers in NIfTI files: the smallest data types, rounding, pieces of a stack, and names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domaingan.adapters.nifti.nifti_header import (
    _find_smallest_type,
    make_header,
    make_header_bytes,
    parse_header,
)
from domaingan.adapters.nifti.nifti_reading import list_label_values
from domaingan.adapters.nifti.nifti_scaling import apply_scaling, remove_scaling
from domaingan.adapters.nifti.scan_samples import split_pieces
from domaingan.adapters.nifti.subject_files import remove_subject_name


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 255], np.uint8),
        ([0, 256], np.int16),
        ([-1, 5], np.int16),
        ([-32768, 32767], np.int16),
        ([0, 32768], np.int32),
        ([0, 2**31 - 1], np.int32),
        ([0, 2**31], np.int64),
        ([], np.uint8),
    ],
)
def test_a_mask_is_written_in_the_smallest_type_that_holds_it(values: list[int], expected: type) -> None:
    assert _find_smallest_type(np.array(values, dtype=np.int64)) is expected


@pytest.mark.parametrize("values", [[-3, 0, 7], [0, 2**16], [0, 2**16 + 1], [5], []])
def test_label_values_are_listed_in_order(values: list[int]) -> None:
    mask = np.array([*values[::-1], *values], dtype=np.int64)
    assert list_label_values(mask) == values


def make_scaled_header(slope: float, inter: float, dtype: type = np.float32):
    made = make_header(np.zeros((2, 2, 2), np.float32), None)
    raw = bytearray(made.raw)
    raw[112:120] = np.array([slope, inter], np.float32).tobytes()
    header = parse_header(bytes(raw), Path())
    assert (header.slope, header.inter) == (np.float32(slope), np.float32(inter))
    return header


def test_floats_with_a_scaling_come_back_to_the_bit() -> None:
    header = make_scaled_header(0.3, -7.1)
    stored = np.random.default_rng(0).normal(0, 50, 5000).astype(np.float32)
    values = apply_scaling(stored, header).astype(np.float32)
    again = apply_scaling(remove_scaling(values, header), header).astype(np.float32)
    np.testing.assert_array_equal(again, values)


def test_an_extender_is_added_where_there_is_none() -> None:
    header = make_header(np.zeros((2, 3, 4), np.float32), None)
    assert len(header.raw) == 352
    cut = type(header)(**{**header.__dict__, "raw": header.raw[:348]})
    written = make_header_bytes(cut, (2, 3, 4), None)
    assert written == header.raw
    taller = parse_header(make_header_bytes(header, (2, 3, 5), None), Path())
    assert taller.shape == (2, 3, 5) and taller.affine == header.affine


def test_a_stack_is_split_along_its_further_axes() -> None:
    stack = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 1, 2)
    pieces = split_pieces(stack, (2, 3, 4))
    assert len(pieces) == 2
    np.testing.assert_array_equal(pieces[1], stack[..., 0, 1])
    assert [piece.shape for piece in split_pieces(np.zeros((2, 3)), (2, 3, 1))] == [(2, 3, 1)]
    assert split_pieces(np.zeros((2, 3, 5)), (2, 3, 4)) == []


def test_a_subjects_name_is_taken_from_a_files_name() -> None:
    assert remove_subject_name("sub1_T1", "SUB1") == "T1"
    assert remove_subject_name("sub1", "sub1") == "image"
    assert remove_subject_name("flair", "sub1") == "flair"
    assert remove_subject_name("sub12_t1", "sub1") == "sub12_t1"
    assert remove_subject_name("sub1_", "sub1") == "sub1_"
