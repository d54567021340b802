"""A whole run on phantoms with models that know the truth or nothing: numbers, seeds, resuming, bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import domaingan.robustness_eval.cells as cells
from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.corruptions import GROUPS
from domaingan.data import Dataset
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval import robustness
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.labelled_frames import LabelledFrames, to_picture
from domaingan.robustness_eval.model_under_test import ModelTask

Picture = NDArray[np.uint8]


class Knowing:
    """Knows the truth of the clean pictures of a dataset; of any other, what the nearest of them shows, shifted."""

    has_fixed_classes = True

    def __init__(self, data: Dataset, task: ModelTask, shape: tuple[int, int] | None = None) -> None:
        self.task, self.name, self.calls = task, "knowing", 0
        schema = data.schema
        self.classes = {
            n.upper(): v for n, v in schema.classes.items() if task == "segmentation" or n in schema.objects
        }
        self.samples = list(data)
        self.pictures = [frame.picture for frame in LabelledFrames(data, task, shape)]
        self.scale = 1.0 if shape is None else shape[0] / data[0].shape[0]

    def predict(self, image: Picture) -> Any:
        self.calls += 1
        far = [float(np.abs(picture.astype(int) - image).mean()) for picture in self.pictures]
        sample = self.samples[int(np.argmin(far))]
        if self.task == "segmentation":
            assert sample.mask is not None
            wrong = np.random.default_rng(0).random(image.shape[:2]) < min(far) / 100
            return np.where(wrong, 0, sample.mask).astype(np.uint8)
        assert sample.boxes is not None and sample.labels is not None
        moved = sample.boxes * np.float32(self.scale) + np.float32(min(far) / 20)
        return Detections(moved, np.full(len(moved), 0.9, np.float32), sample.labels)

    def describe(self) -> list[str]:
        return ["knows the truth"]


FEW: dict[str, Any] = {"corruptions": ["fog", "gaussian_noise"], "severities": (1, 5)}


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_a_knowing_model_is_perfect_on_clean_frames_and_loses_on_corrupted_ones(
    drives: Dataset, tmp_path: Path, task: ModelTask
) -> None:
    result = robustness(drives, Knowing(drives, task), tmp_path / "run", **FEW)
    assert result["clean"] == pytest.approx(1) and result["task"] == task
    assert set(result["table"]) == {"fog", "gaussian_noise"} and result["severities"] == [1, 5]
    values = [np.mean(row) for row in result["table"].values()]
    assert result["mpc"] == pytest.approx(np.mean(values)) and result["rpc"] == pytest.approx(result["mpc"])
    assert all(0 <= value <= 1 for row in result["table"].values() for value in row) and result["mpc"] < 0.99
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    scored = {name for name, n in result["objects"].items() if n}
    assert all(result["per_class"][name]["clean"] == pytest.approx(1) for name in scored)
    assert result["unmatched"] == {"model": [], "data": []}
    assert {"total", "model", "corruption"} <= set(result["seconds"])


@pytest.mark.parametrize("task", ["detection", "segmentation"])
def test_answers_at_another_size_are_brought_back(drives: Dataset, tmp_path: Path, task: ModelTask) -> None:
    if task == "detection":
        result = robustness(
            drives,
            Knowing(drives, task, (36, 60)),
            tmp_path / "run",
            resize=(36, 60),
            corruptions=["pixelate"],
            severities=[1],
        )
        assert result["clean"] == pytest.approx(1)
        return

    class Flat(Knowing):
        def predict(self, image: Picture) -> Any:
            assert image.shape == (96, 160, 3)
            return np.full(image.shape[:2], 1, dtype=np.uint8)

    result = robustness(drives, Flat(drives, task, (96, 160)), tmp_path / "run", resize=(96, 160), **FEW)
    assert 0 < result["clean"] < 0.5


def test_pictures_follow_from_seed_frame_corruption_and_severity(drives: Dataset) -> None:
    frame = LabelledFrames(drives, "segmentation")[0]
    other = LabelledFrames(drives.select([1, 0]), "segmentation")[1]
    assert other.name == frame.name
    for corruption in (name for names in GROUPS.values() for name in names):
        cell = Cell(corruption, 3)
        first = cell.corrupt_frame(frame, 0)
        assert np.array_equal(first, cell.corrupt_frame(other, 0)) and first.dtype == np.uint8
        assert first.shape == frame.picture.shape
    noise = Cell("gaussian_noise", 3)
    assert not np.array_equal(noise.corrupt_frame(frame, 0), noise.corrupt_frame(frame, 1))


def test_eight_bits_survive_the_way_through_floats(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (8, 9, 3)).astype(np.uint8)
    image = np.divide(picture.transpose(2, 0, 1), np.float32(255), dtype=np.float32)
    assert np.array_equal(to_picture(image), picture)


def test_with_and_without_a_thread_ahead_it_is_the_same(drives: Dataset, tmp_path: Path, monkeypatch: Any) -> None:
    model = Knowing(drives, "segmentation")
    one = robustness(drives, model, tmp_path / "one", **FEW)
    monkeypatch.setattr(cells.CellRunner, "prefetch", 0)
    monkeypatch.setattr(
        "domaingan.robustness_eval.labelled_frames.MAX_CACHED_BYTES", 0
    )  # and with frames that are read anew each time
    two = robustness(drives, model, tmp_path / "two", **FEW)
    assert one["metrics"] == two["metrics"]


def test_an_interrupted_run_goes_on(drives: Dataset, tmp_path: Path) -> None:
    class Tired(Knowing):
        def predict(self, image: Picture) -> Any:
            if self.calls >= 3 * len(drives):
                raise KeyboardInterrupt
            return super().predict(image)

    whole = robustness(drives, Knowing(drives, "detection"), tmp_path / "whole", **FEW)
    with pytest.raises(KeyboardInterrupt):
        robustness(drives, Tired(drives, "detection"), tmp_path / "run", **FEW)
    assert sorted(path.stem for path in (tmp_path / "run" / "cells").iterdir()) == ["clean", "fog-1", "fog-5"]
    with pytest.raises(DataError, match="exists already"):
        robustness(drives, Knowing(drives, "detection"), tmp_path / "run", **FEW)
    rested = Knowing(drives, "detection")
    result = robustness(drives, rested, tmp_path / "run", resume=True, **FEW)
    assert rested.calls == 2 * len(drives) + 3  # two cells, and the contact sheet
    assert {**result, "seconds": 0} == {**whole, "seconds": 0}
    more = robustness(drives, rested, tmp_path / "run", resume=True, corruptions=["snow", "fog"], severities=(1, 5))
    assert set(more["table"]) == {"snow", "fog"} and more["table"]["fog"] == whole["table"]["fog"]
    with pytest.raises(DataError, match="seed 1; expected 0, as the run began"):
        robustness(drives, rested, tmp_path / "run", resume=True, seed=1, **FEW)
    with pytest.raises(DataError, match=r"frames .* as the run began"):
        robustness(drives[:3], rested, tmp_path / "run", resume=True, **FEW)


class Names(Knowing):
    """Says what its function finds in its own words."""

    def __init__(self, data: Dataset, classes: dict[str, int], has_fixed_classes: bool = True) -> None:
        super().__init__(data, "detection")
        self.classes, self.has_fixed_classes = classes, has_fixed_classes


def test_only_classes_that_meet_are_scored(drives: Dataset, tmp_path: Path) -> None:
    values = drives.schema.classes
    names = Names(drives, {"Car": values["car"], "person": values["pedestrian"], "dog": 99})
    result = robustness(drives, names, tmp_path / "run", mapping={"person": "pedestrian"}, **FEW)
    assert set(result["per_class"]) == {"car", "pedestrian"} and result["clean"] == pytest.approx(1)
    assert result["names"] == [{"model": "Car", "data": "car"}, {"model": "person", "data": "pedestrian"}]
    assert result["unmatched"] == {"model": ["dog"], "data": ["cyclist"]}


def test_names_that_do_not_meet_are_refused_before_or_after_the_clean_frames(drives: Dataset, tmp_path: Path) -> None:
    for has_fixed_classes in (True, False):
        with pytest.raises(
            DataError, match=r"no class of the model \(dog\) is one of the data \(car, pedestrian, cyclist\)"
        ):
            robustness(drives, Names(drives, {"dog": 1}, has_fixed_classes), tmp_path / "run", overwrite=True, **FEW)
    assert not (tmp_path / "run" / "cells").exists()


def test_a_model_that_finds_nothing(drives: Dataset, tmp_path: Path) -> None:
    class Blind(Names):
        def predict(self, image: Picture) -> Any:
            return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    result = robustness(drives, Blind(drives, {}, has_fixed_classes=False), tmp_path / "run", **FEW)
    assert result["clean"] == 0 and result["mpc"] == 0 and result["rpc"] is None
    assert set(result["per_class"]) == set(drives.schema.objects)


Mistake = Callable[[Dataset], dict[str, Any]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"corruptions": ["fgo"]}, "no corruption 'fgo'; expected some of gaussian_noise, .*jpeg_compression"),
        ({"severities": [0, 6]}, "severities 0, 6; expected some of 1 to 5"),
        ({"severities": []}, r"severities \(none\)"),
        ({"mapping": {"car": "lorry"}}, "the data has no class 'lorry'"),
    ],
)
def test_wrong_options(drives: Dataset, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        robustness(drives, Knowing(drives, "detection"), tmp_path / "run", **{**FEW, **options})
    assert not (tmp_path / "run").exists()


def test_scans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="scans; expected frames"):
        robustness(phantoms.load_phantom("medical", subjects=2), "onnx:absent.onnx", tmp_path / "run")


def test_frames_without_labels_are_left_out_and_noted(drives: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    def read(record: Any) -> Any:
        sample = drives.read(record)
        bare = record.name == drives.records[0].name
        return replace(sample, mask=None, boxes=None, labels=None) if bare else sample

    partly = Dataset(drives.records, read, drives.schema, drives.root)
    result = robustness(partly, Knowing(drives, "detection"), tmp_path / "run", **FEW)
    assert result["frames"] == len(drives) - 1 and "1 frames without labels" in result["notes"][0]
    with pytest.raises(DataError, match="no labelled frame"):
        robustness(partly.select([0]), Knowing(drives, "detection"), tmp_path / "other", **FEW)


def test_the_recipe_runs_as_it_stands(drives_folder: Path, tmp_path: Path) -> None:
    recipe = Path(__file__).resolve().parents[2] / "recipes" / "detector_robustness.py"
    (tmp_path / "grey.py").write_text(
        "def look(image):\n    return {'boxes': [[0, 20, 40, 48]], 'scores': [image.mean() / 255], 'labels': ['Auto']}"
    )
    command = [sys.executable, recipe, drives_folder, "python:grey:look", "--map", "auto=car"]
    command += ["--corruptions", "fog", "--severities", "3", "--out", tmp_path / "out"]
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "out" / "robustness" / "report.html")
