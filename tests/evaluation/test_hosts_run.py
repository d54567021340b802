"""Whole evaluations with further hosts: only arms that paste change, whatever the workers, interrupted or not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.data import Dataset, Sample
from domaingan.evaluation import evaluate
from domaingan.evaluation.host_teacher import TEACHER_FILE

ARMS = ["classic", "copy-paste+classic", "refine+classic"]
QUICK: dict[str, Any] = {"seeds": 1, "steps": 4, "width": 4, "size": 16, "gan_steps": 2, "gan_samples": 12, "dims": 2}
SIZE: dict[str, Any] = {"shape": (32, 32, 16)}
PEOPLE = phantoms.load_phantom("medical", subjects=5, **SIZE)


def strip_labels(sample: Sample) -> Sample:
    return replace(sample, mask=None, boxes=None, labels=None, instances=None)


def strip(data: Dataset) -> Dataset:
    named = [replace(record, name=f"x{record.name}", subject=f"x{record.name}") for record in data.records]
    originals = {record.name: original for record, original in zip(named, data.records, strict=True)}
    unlabelled = Dataset(named, lambda record: data.read(originals[record.name]), data.schema, "archive")
    renamed = unlabelled.map(strip_labels)
    read = renamed.read
    return Dataset(named, lambda record: replace(read(record), source=record.source), data.schema, "archive")


ARCHIVE = strip(phantoms.load_phantom("medical", subjects=2, seed=9, **SIZE))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("runs") / "run"
    return out, evaluate(PEOPLE, arms=ARMS, out=out, hosts=ARCHIVE, hosts_teacher=True, **QUICK)


def test_hosts_are_counted_and_described(done: tuple[Path, dict[str, Any]]) -> None:
    out, result = done
    (counts,) = result["hosts"]
    assert counts["images"] == 2 and counts["samples"] > 2 and 0 < counts["ignored_share"] <= 1
    assert any("2 images of archive as further hosts" in note for note in result["notes"])
    assert json.loads((out / "config.json").read_text())["hosts"] == "archive"
    assert not {"xphantom_000", "xphantom_001"} & {*result["subjects"], *result["train_subjects"][0]}


def test_objects_are_inpainted_into_them_but_not_cut_from_them(done: tuple[Path, dict[str, Any]]) -> None:
    out, _ = done
    assert any(name.startswith("xphantom") for name in Bank.load(out / "fold-0" / "bank-refine").info.hosts)
    assert not any(name.startswith("x") for name in Bank.load(out / "fold-0" / "bank-copy-paste").subjects)


def test_only_arms_that_paste_change(done: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    without = evaluate(PEOPLE, arms=ARMS[:2], out=tmp_path / "run", **QUICK)
    with_hosts = done[1]["scores"]
    assert without["scores"]["classic"] == with_hosts["classic"]
    assert without["scores"]["copy-paste+classic"] != with_hosts["copy-paste+classic"]
    assert "hosts" not in without


def test_a_stored_teacher_serves_again_with_any_number_of_workers(done: tuple[Path, dict[str, Any]]) -> None:
    out, result = done
    teacher, training = out / "fold-0" / TEACHER_FILE, out / "fold-0" / "copy-paste+classic-seed0.json"
    when = teacher.stat().st_mtime_ns
    training.unlink()
    settings = QUICK | {"workers": 1}
    again = evaluate(PEOPLE, arms=ARMS, out=out, hosts=ARCHIVE, hosts_teacher=True, resume=True, **settings)
    assert again["scores"] == result["scores"] and again["hosts"] == result["hosts"]
    assert teacher.stat().st_mtime_ns == when


def test_other_hosts_are_another_run(done: tuple[Path, dict[str, Any]]) -> None:
    with pytest.raises(DataError, match="hosts"):
        evaluate(PEOPLE, arms=ARMS, out=done[0], resume=True, **QUICK)


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_frames_take_hosts_whose_ground_a_teacher_guesses(task: str, tmp_path: Path) -> None:
    drives = phantoms.load_phantom("driving", sequences=4, frames=2)
    hosts = strip(phantoms.load_phantom("driving", sequences=3, frames=1, seed=9))
    settings: dict[str, Any] = {"seeds": 1, "steps": 3, "size": 16, "resize": (64, 96)}
    settings |= {"backbone": "timm:test_efficientnet", "arms": ["copy-paste+classic"]}
    result = evaluate(drives, task, out=tmp_path / "run", hosts=hosts, hosts_teacher=True, **settings)
    (counts,) = result["hosts"]
    assert counts["images"] + sum(counts["left_out"].values()) == 3
    assert counts["ignored_share"] == (1 if task == "segmentation" else 0)
