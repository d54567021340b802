"""A run whose files were cut short, or changed by hand, is told in one line that names the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan.core.errors import DataError
from domaingan.core.files import write_arrays
from domaingan.core.reading import read_arrays, read_json_object, refuse_malformed
from domaingan.core.run_folder import RunFolder
from domaingan.evaluation.trainings import read_training
from domaingan.report import write_report

RESULT: dict[str, Any] = {
    "arms": {"classic": {"dice": {"mean": 0.5, "ci": [0.4, 0.6], "values": [0.5]}}},
    "differences": {},
    "subjects": ["a"],
    "verdict": "cannot be shown",
    "primary": None,
}


def refuse(run: Path, name: str) -> str:
    with pytest.raises(DataError) as caught:
        write_report(run)
    assert str(run / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (run / "report.html").exists()
    return str(caught.value)


def test_the_result_itself_is_a_page(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    assert write_report(tmp_path).is_file()


@pytest.mark.parametrize("text", ["null", "[]", "3", '"x"', "true", "", '{"arms": {', "[" * 100_000])
def test_no_object_in_place_of_a_result(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    refuse(tmp_path, "result.json")


@pytest.mark.parametrize("wrong", [None, [], {}, 7, "x", [None], {"classic": None}, {"classic": {"dice": 3}}])
@pytest.mark.parametrize("key", ["arms", "kind"])
def test_values_of_another_kind(tmp_path: Path, key: str, wrong: object) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT | {"differences": {"none": None}} | {key: wrong}))
    refuse(tmp_path, "result.json")


def test_config_and_pictures_too(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    (tmp_path / "config.json").write_text("[1]")
    assert "JSON of a list; expected a JSON object" in refuse(tmp_path, "config.json")
    (tmp_path / "config.json").unlink()
    os.mkfifo(tmp_path / "pictures.npz")
    assert "a named pipe" in refuse(tmp_path, "pictures.npz")
    (tmp_path / "pictures.npz").unlink()
    write_arrays(tmp_path / "pictures.npz", {"images": np.zeros((1, 1, 8, 8)), "truth": np.zeros(())})
    assert "not as it was written" in refuse(tmp_path, "result.json")


def test_arrays_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"a": np.arange(1000)})
    assert read_arrays(path)["a"].tolist() == list(range(1000))
    whole = path.read_bytes()
    for raw in (b"", whole[:100], whole[:-30], whole[:60] + b"x" * 40 + whole[100:], b"\x93NUMPY\x01\x00", b"text"):
        path.write_bytes(raw)
        with pytest.raises(DataError, match=r"cannot be read .*; expected an \.npz file") as caught:
            read_arrays(path)
        assert caught.value.path == str(path)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {"scores": {}},
        {"scores": None, "losses": [], "seconds": {}},
        {"scores": {"a": 3}, "losses": [], "seconds": {}},
        {"scores": {"a": {"dice": "x"}}, "losses": [], "seconds": {}},
        {"scores": {"a": {"dice": 0.5}}, "losses": [], "seconds": {"train": None}},
        {"scores": {"a": {"dice": 0.5}}, "losses": [[1]], "seconds": {}},
        {"scores": {"a": {"dice": 0.5}}, "losses": 7, "seconds": {}},
    ],
)
def test_an_arm_that_was_changed_is_not_gone_on_with(tmp_path: Path, kept: object) -> None:
    path = tmp_path / "classic-seed0.json"
    path.write_text(json.dumps(kept))
    with pytest.raises(DataError) as caught:
        read_training(path)
    assert caught.value.path == str(path)


def test_an_arm_as_it_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "classic-seed0.json"
    path.write_text(
        '{"scores": {"a": {"dice": 1, "iou": null}}, "losses": [[1, 0.5], [2, null]], "seconds": {"train": 2}}'
    )
    kept = read_training(path)
    assert kept.scores["a"]["dice"] == 1.0
    assert np.isnan(kept.scores["a"]["iou"])
    assert (kept.losses, kept.seconds) == ([[1, 0.5], [2, None]], {"train": 2.0})


def test_a_config_that_is_no_object_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("null")
    with pytest.raises(DataError, match="JSON of a NoneType"):
        RunFolder(tmp_path).prepare({"seed": 1}, resume=True, overwrite=False)
    assert (tmp_path / "config.json").read_text() == "null"
    (tmp_path / "config.json").write_text('{"seed": 1}')
    assert read_json_object(tmp_path / "config.json") == {"seed": 1}


def test_malformed_is_only_what_the_file_makes(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk"), refuse_malformed(tmp_path, "x"):
        raise OSError("disk")
    with pytest.raises(DataError, match=r"KeyError: 'a'.*; expected the file"), refuse_malformed(tmp_path, "the file"):
        raise KeyError("a")
