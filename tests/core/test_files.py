from __future__ import annotations

import json
import math
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaingan.core.errors import DataError
from domaingan.core.files import (
    refuse_existing_folder,
    to_json_types,
    write_file_atomically,
    write_folder_atomically,
    write_json,
)
from domaingan.core.reading import read_json


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_error_is_one_line_with_path_found_and_expected(tmp_path: Path) -> None:
    error = DataError("torn\n  header", path=tmp_path / "a.npy", expected="a whole file")
    assert str(error) == f"{tmp_path / 'a.npy'}: torn header; expected a whole file"
    assert str(DataError("torn", path="")) == "torn"


def test_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(DataError("torn", path=Path("a"), expected="whole")))
    assert isinstance(error, DataError)
    assert (error.found, error.path, error.expected) == ("torn", "a", "whole")


def test_folder_appears_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with write_folder_atomically(out) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()
    assert listing(tmp_path / "deep") == ["out"]
    assert listing(out) == ["a.txt"]


def test_folder_leaves_nothing_on_exception(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), write_folder_atomically(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
        raise RuntimeError
    assert listing(tmp_path) == []


@pytest.mark.parametrize("exists_as", ["folder", "file"])
def test_existing_target_is_refused_and_untouched(tmp_path: Path, exists_as: str) -> None:
    out = tmp_path / "out"
    if exists_as == "folder":
        out.mkdir()
        (out / "precious").write_text("keep")
    else:
        out.write_text("keep")
    with (
        pytest.raises(DataError, match=r"exists already; expected a new folder, or --overwrite"),
        write_folder_atomically(out),
    ):
        pytest.fail("the block must not run")
    assert listing(tmp_path) == ["out"]
    assert (out / "precious" if exists_as == "folder" else out).read_text() == "keep"


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with write_folder_atomically(tmp_path / "out") as folder:
        (folder / "a").touch()
    assert listing(tmp_path / "out") == ["a"]


@pytest.mark.parametrize("exists_as", ["folder", "file", "link"])
def test_overwrite_replaces(tmp_path: Path, exists_as: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "old").touch()
    if exists_as == "folder":
        out.mkdir()
        (out / "old").touch()
    elif exists_as == "file":
        out.touch()
    else:
        out.symlink_to(elsewhere)
    with write_folder_atomically(out, overwrite=True) as folder:
        (folder / "new").touch()
    assert listing(tmp_path) == ["elsewhere", "out"]
    assert listing(out) == ["new"]
    assert listing(elsewhere) == ["old"]  # what a link pointed to stays


def test_failed_overwrite_keeps_the_old_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(RuntimeError), write_folder_atomically(out, overwrite=True):
        raise RuntimeError
    assert listing(tmp_path) == ["out"]
    assert listing(out) == ["old"]


def test_what_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError, match="exists already"), write_folder_atomically(out) as folder:
        (folder / "mine").touch()
        out.mkdir()
        (out / "theirs").touch()
    assert listing(tmp_path) == ["out"]
    assert listing(out) == ["theirs"]


def test_working_folder_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "precious").touch()
    monkeypatch.chdir(tmp_path / "work" / "deep")
    for out in (Path(), Path(".."), tmp_path / "work"):
        with pytest.raises(DataError, match="holds the working folder"):
            refuse_existing_folder(out, overwrite=True)


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"), write_folder_atomically(tmp_path / "file" / "out"):
        pytest.fail("the block must not run")


def test_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    with write_file_atomically(path) as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_bytes(b"first")
    with pytest.raises(RuntimeError), write_file_atomically(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"first"
    assert listing(tmp_path) == ["a.nii.gz"]


def _write(path: Path, value: int) -> None:
    write_json(path, [value] * 10_000)


def test_processes_writing_one_file_leave_a_whole_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write, args=(tmp_path / "a.json", value)) for value in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(read_json(tmp_path / "a.json"))) == 1
    assert listing(tmp_path) == ["a.json"]


def test_json_takes_numpy_paths_and_undefined_numbers(tmp_path: Path) -> None:
    value = {"n": np.int64(3), "dice": np.float32(0.5), "all": np.array([1.0, np.nan]), 1: (Path("a"), math.inf)}
    write_json(tmp_path / "a.json", value | {"größe": True})
    assert "größe" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {
        "n": 3,
        "dice": 0.5,
        "all": [1.0, None],
        "1": ["a", None],
        "größe": True,
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_plain_is_strict_json_and_stays_as_it_is(value: object) -> None:
    once = to_json_types(value)
    assert to_json_types(once) == once
    assert json.loads(json.dumps(once, allow_nan=False)) == once


@pytest.mark.parametrize(("content", "reason"), [(None, "no such file"), (b"{", "JSON"), (b"\xff\xfe", "JSON")])
def test_unreadable_json_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        read_json(path)
    assert caught.value.path == str(path)
    with pytest.raises(DataError, match="a folder"):
        read_json(tmp_path)
