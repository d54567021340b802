"""The folder of a run: a run goes on with the settings that it began with, and nothing else is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from domaingan.core.errors import DataError
from domaingan.core.reading import read_json
from domaingan.core.run_folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that was begun with seed 1."""
    folder = RunFolder(tmp_path / "run")
    folder.prepare({"seed": 1, "steps": 5}, resume=False, overwrite=False)
    (folder.path / "log.csv").write_text("1,2")
    return folder


def test_a_run_that_was_begun_is_neither_begun_nor_removed_unasked(run: RunFolder) -> None:
    with pytest.raises(DataError, match="exists already; expected a new folder, or --overwrite"):
        run.prepare({"seed": 1}, resume=False, overwrite=False)
    assert (run.path / "log.csv").exists()


def test_a_resumed_run_keeps_its_files_and_may_change_what_is_changeable(run: RunFolder) -> None:
    run.prepare({"seed": 1, "steps": 9}, ["steps"], resume=True, overwrite=False)
    assert (run.path / "log.csv").exists()
    assert read_json(run.config_path) == {"seed": 1, "steps": 9}


def test_a_resumed_run_must_have_the_same_settings(run: RunFolder) -> None:
    with pytest.raises(DataError, match="steps 9; expected 5, as the run began"):
        run.prepare({"seed": 1, "steps": 9}, resume=True, overwrite=False)
    assert read_json(run.config_path) == {"seed": 1, "steps": 5}


def test_a_setting_that_there_was_not_yet_had_its_default(run: RunFolder) -> None:
    settings = {"seed": 1, "steps": 5, "ensemble": False}
    run.prepare(settings, resume=True, overwrite=False, defaults={"ensemble": False, "seed": 0})
    with pytest.raises(DataError, match="device 'cuda'; expected 'cpu', as the run began"):
        run.prepare(settings | {"device": "cuda"}, resume=True, overwrite=False, defaults={"device": "cpu"})


def test_a_changed_checksum_is_reported_in_words(run: RunFolder) -> None:
    with pytest.raises(DataError, match="another seed; expected the same, or --overwrite to begin anew"):
        run.check_config({"seed": 2}, change_messages={"seed": "another seed"})


def test_an_overwritten_run_is_removed(run: RunFolder) -> None:
    run.prepare({"seed": 2}, resume=False, overwrite=True)
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("resume", "overwrite", "reason"),
    [
        (True, False, "nothing to resume; expected a folder with config.json"),
        (False, True, "not the folder of a run; expected one with config.json to overwrite, or a new one"),
    ],
)
def test_what_no_run_wrote_is_not_removed(tmp_path: Path, resume: bool, overwrite: bool, reason: str) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DataError, match=reason):
        RunFolder(tmp_path).prepare({}, resume=resume, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="a file; expected a folder"):
        RunFolder(tmp_path / "file").start(resume=False, overwrite=True)
