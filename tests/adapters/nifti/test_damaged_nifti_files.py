"""NIfTI files that are damaged, cut short or made to do harm: refused in one line, without taking memory."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from nifti_files import read_stored_bytes, write_raw_nifti

from domaingan.adapters.nifti import nifti_reading, nifti_streams
from domaingan.adapters.nifti.nifti_reading import (
    read_nifti_header,
    read_nifti_image,
    read_nifti_mask,
)
from domaingan.adapters.nifti.nifti_streams import MAX_PADDING_BYTES
from domaingan.core.errors import DataError


def damaged(kind: str, path: Path) -> Path:
    write_raw_nifti(path, np.random.default_rng(0).integers(0, 999, (20, 20, 20)).astype(np.int16))
    packed = path.read_bytes()
    plain = gzip.decompress(packed)
    contents = {
        "empty": b"",
        "one byte": packed[:1],
        "no data": packed[:12],
        "half": packed[: len(packed) // 2],
        "no trailer": packed[:-5],
        "short inside": gzip.compress(plain[:-100]),
        "header cut": gzip.compress(plain[:200]),
        "text": b"Dear scanner, please resend" * 20,
        "packed text": gzip.compress(b"Dear scanner, please resend" * 20),
        "html": b"<html>404</html>",
        "data type 0": gzip.compress(plain[:70] + bytes(2) + plain[72:]),
        "rgb": gzip.compress(plain[:70] + (128).to_bytes(2, "little") + (24).to_bytes(2, "little") + plain[74:]),
        "no axes": gzip.compress(plain[:40] + bytes(16) + plain[56:]),
        "negative axis": gzip.compress(plain[:42] + (-20).to_bytes(2, "little", signed=True) + plain[44:]),
        "huge": gzip.compress(plain[:42] + (32000).to_bytes(2, "little") * 3 + plain[48:]),
        "offset": gzip.compress(plain[:108] + np.float32(1e30).tobytes() + plain[112:]),
        "nan affine": gzip.compress(plain[:280] + np.float32([np.nan] * 12).tobytes() + plain[328:]),
        "flat affine": gzip.compress(plain[:280] + bytes(48) + plain[328:]),
    }
    path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    "kind",
    [
        *("empty", "one byte", "no data", "half", "no trailer", "short inside", "header cut", "text", "packed text"),
        *("html", "data type 0", "rgb", "no axes", "negative axis", "huge", "offset", "nan affine", "flat affine"),
    ],
)
def test_a_damaged_file_is_reported_in_one_line_with_its_path(tmp_path: Path, kind: str) -> None:
    path = damaged(kind, tmp_path / "scan.nii.gz")
    for read in (read_nifti_header, read_nifti_image, read_nifti_mask):
        with pytest.raises(DataError) as caught:
            read(path)
        assert caught.value.path == str(path)
        assert "\n" not in str(caught.value)


def test_a_byte_flipped_within_the_data_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = write_raw_nifti(
        tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 999, (20, 20, 20)).astype(np.int16)
    )
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.nii\.gz"):
        read_nifti_image(path)


def test_missing_file_and_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_nifti_header(tmp_path / "gone.nii")
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(DataError, match="a folder"):
        read_nifti_header(tmp_path / "folder.nii")


def test_names_do_not_decide_how_a_file_is_read(tmp_path: Path) -> None:
    path = write_raw_nifti(tmp_path / "a.nii.gz", np.ones((2, 2), np.uint8))
    for name in ("B.NII.GZ", "packed.nii"):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert read_nifti_image(tmp_path / name)[0].shape == (2, 2)


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    plain = write_raw_nifti(tmp_path / "a.nii", np.ones((4, 4), np.int16)).read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain[:360]) + gzip.compress(plain[360:]) + gzip.compress(b""))
    assert read_nifti_header(path).shape == (4, 4)
    assert read_nifti_image(path)[0].sum() == 16


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_what_follows_the_data_is_refused_but_for_the_rest_of_a_block(tmp_path: Path, name: str) -> None:
    plain = read_stored_bytes(write_raw_nifti(tmp_path / name, np.arange(60, dtype=np.int16).reshape(3, 4, 5)))
    pack = gzip.compress if name.endswith(".gz") else bytes
    (tmp_path / name).write_bytes(pack(plain + bytes(MAX_PADDING_BYTES)))
    assert read_nifti_header(tmp_path / name).shape == read_nifti_image(tmp_path / name)[0].shape == (3, 4, 5)
    (tmp_path / name).write_bytes(pack(plain + bytes(MAX_PADDING_BYTES + 1)))
    for read in (read_nifti_header, read_nifti_image, read_nifti_mask):
        with pytest.raises(DataError, match="at least 512 bytes more than its header says"):
            read(tmp_path / name)


def test_a_gzip_bomb_behind_a_good_header_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = read_stored_bytes(write_raw_nifti(tmp_path / "a.nii", np.ones((3, 4, 5), np.int16)))
    zeros = gzip.compress(bytes(1 << 26), 9)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(plain) + zeros * 16)  # a gigabyte
    counts = []

    def count_bytes(path: Path, limit: int) -> int:
        counts.append(nifti_streams.count_bytes(path, limit))
        return counts[-1]

    monkeypatch.setattr(nifti_reading, "count_bytes", count_bytes)
    for read in (read_nifti_header, read_nifti_image):
        with pytest.raises(DataError, match="more than its header says"):
            read(tmp_path / "b.nii.gz")
    assert counts == [len(plain) + MAX_PADDING_BYTES + 1]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_shape_that_the_file_cannot_fill_asks_for_no_memory(tmp_path: Path, name: str) -> None:
    plain = bytearray(read_stored_bytes(write_raw_nifti(tmp_path / name, np.ones((3, 4, 5), np.int16))))
    plain[42:48] = np.array([32000] * 3, "<i2").tobytes()
    (tmp_path / name).write_bytes(gzip.compress(bytes(plain)) if name.endswith(".gz") else bytes(plain))
    for read in (read_nifti_header, read_nifti_image, read_nifti_mask):
        with pytest.raises(DataError, match=r"truncated: \d+ bytes on disk; expected 65536000000\d+ bytes"):
            read(tmp_path / name)


def test_more_than_memory_holds_is_reported_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raw_nifti(tmp_path / "a.nii.gz", np.ones((30, 40, 50), np.int16))
    needed = len(read_stored_bytes(path)) + 60000 * 8
    monkeypatch.setattr(nifti_streams, "get_physical_memory", lambda: float(needed))
    assert read_nifti_image(path)[0].shape == (30, 40, 50)
    monkeypatch.setattr(nifti_streams, "get_physical_memory", lambda: float(needed - 1))
    for read in (read_nifti_header, read_nifti_image, read_nifti_mask):
        with pytest.raises(DataError, match=r"shape \(30, 40, 50\), which takes 0\.0006 GB to read"):
            read(path)


def test_memory_that_runs_out_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*given: object) -> None:
        raise MemoryError

    path = write_raw_nifti(tmp_path / "a.nii.gz", np.ones((3, 4), np.int16))
    monkeypatch.setattr(nifti_reading, "apply_scaling", run_out)
    for read in (read_nifti_image, read_nifti_mask):
        with pytest.raises(DataError, match="more than fits into memory"):
            read(path)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.nii")
    for read in (read_nifti_header, read_nifti_image):
        with pytest.raises(DataError, match="expected"):
            read(tmp_path / "a.nii")
