"""Augmented sets on disk: the same whoever writes them, and whether or not it was interrupted."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.adapters import load
from domaingan.augmentation import AugmentedDataset
from domaingan.augmentation.offline.write_augmented import ProgressCallbacks, write_augmented_dataset
from domaingan.banks.scenes import scenes
from domaingan.blend import Relight
from domaingan.core.errors import DataError
from domaingan.data import Dataset

NAME = ".set.unfinished"


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "drives"
    frames = phantoms.load_phantom("driving", sequences=6, frames=2, shape=(48, 80))
    write_dataset(frames, frames, out)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(data: Dataset, out: Path, **how: object) -> dict[str, list[dict[str, object]]]:
    offline = AugmentedDataset(data, None, "medium", seed=0)
    return write_augmented_dataset(offline, data.schema, out, {"data": data.root}, **how)  # type: ignore[arg-type]


class Stopped(Exception):
    pass


def stop_after(n: int) -> ProgressCallbacks:
    def update(done: int, total: int) -> None:
        if done == n:
            raise Stopped

    return ProgressCallbacks(update=update)


def test_interrupted_and_gone_on_with_it_is_the_same_set(drives: Path, tmp_path: Path) -> None:
    data, messages = load(drives), []
    made(data, tmp_path / "whole", workers=1)
    for stop in (2, 7):
        with pytest.raises(Stopped):
            made(data, tmp_path / "set", workers=1, resume=stop == 7, callbacks=stop_after(stop))
    assert not (tmp_path / "set").exists() and (tmp_path / NAME).is_dir()
    with pytest.raises(DataError, match="something unfinished; expected --resume"):
        made(data, tmp_path / "set")
    assert made(
        data, tmp_path / "set", workers=1, resume=True, callbacks=ProgressCallbacks(messages.append)
    ).keys() == {record.name for record in data.records}
    assert contents(tmp_path / "set") == contents(tmp_path / "whole")
    assert not (tmp_path / NAME).exists() and messages[0] == "7 of 12 samples are written already"
    assert messages[1].startswith("about ") and "% of the" in messages[1]
    again = load(tmp_path / "set")
    assert not again.problems and [r.name for r in again.records] == [r.name for r in data.records]


def test_workers_write_the_same_set(drives: Path, tmp_path: Path) -> None:
    data = load(drives)
    made(data, tmp_path / "one", workers=1)
    made(data, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_other_settings_are_refused_and_overwrite_begins_anew(drives: Path, tmp_path: Path) -> None:
    data = load(drives)
    with pytest.raises(Stopped):
        made(data, tmp_path / "set", workers=1, callbacks=stop_after(3))
    with pytest.raises(DataError, match="names"):
        made(data[:4], tmp_path / "set", resume=True)
    made(data[:4], tmp_path / "set", overwrite=True)
    assert len(load(tmp_path / "set")) == 4
    with pytest.raises(DataError, match="exists already"):
        made(data[:4], tmp_path / "set")
    made(data[:3], tmp_path / "set", overwrite=True)
    assert len(load(tmp_path / "set")) == 3


def test_too_small_a_disk_is_reported_before(drives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("domaingan.augmentation.offline.unfinished_folder.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(DataError, match="expected more room on the disk"):
        made(load(drives), tmp_path / "set")


def test_notes_and_conditions_of_relit_frames(drives: Path, tmp_path: Path) -> None:
    data = load(drives)
    relight = Relight(scenes(data, 16, ("lighting",)), skip_same=False)
    done = write_augmented_dataset(
        AugmentedDataset(data, relight, "light", seed=0), data.schema, tmp_path / "set", {}, workers=1
    )
    assert all(len(notes) == 1 for notes in done.values())
    assert {"relit.json", "classic.json"} < set(contents(tmp_path / "set"))
    with (tmp_path / "set" / "samples.csv").open(newline="") as file:
        written = {row["sample"]: row["lighting"] for row in csv.DictReader(file)}
    assert written == {name: notes[0]["lighting"] for name, notes in done.items()}


def test_killed_and_resumed_from_the_shell(drives: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "domaingan", "blend", str(drives), "--classic", "strong", "--workers", "1"]
    command += ["--out", str(tmp_path / "set"), "--resume"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    notes = tmp_path / NAME / ".blend"
    until = time.monotonic() + 60
    while len(list(notes.glob("0*.json"))) < 2 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, capture_output=True)
    assert len(load(tmp_path / "set")) == 12 and not notes.exists()
