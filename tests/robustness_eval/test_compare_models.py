"""Several models on the same frames: a run folder each, common classes, paired differences, tables and a page."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.metrics.detections import Detections
from domaingan.report import write_report
from domaingan.robustness_eval import robustness
from domaingan.robustness_eval.compare_models import compare_results, describe_comparison, make_folder_names

FEW: dict[str, Any] = {"corruptions": ["pixelate"], "severities": (1, 5)}


class Shifted:
    """Finds what is there, so many pixels too far right, under names of its own."""

    has_fixed_classes, task = True, "detection"

    def __init__(self, data: Dataset, shift: float, names: dict[str, str]) -> None:
        self.name, self.shift, self.samples, self.calls = f"shifted/{shift:g}", shift, list(data), 0
        self.classes = {reference: data.schema.classes[ours] for reference, ours in names.items()}

    def predict(self, image: NDArray[np.uint8]) -> Detections:
        self.calls += 1
        planes = image.transpose(2, 0, 1) / 255
        sample = min(self.samples, key=lambda sample: float(np.abs(sample.image - planes).mean()))
        assert sample.boxes is not None and sample.labels is not None
        kept = np.isin(sample.labels, list(self.classes.values()))
        boxes = sample.boxes[kept] + np.array([self.shift, 0, self.shift, 0], np.float32)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), sample.labels[kept])

    def describe(self) -> list[str]:
        return [f"{self.shift:g} pixels too far right"]


@pytest.fixture(scope="module")
def streets() -> Dataset:
    return phantoms.load_phantom("driving", sequences=6, frames=1, shape=(60, 100)).load_into_memory()


SAME = {"car": "car", "person": "pedestrian"}


def test_models_are_compared_in_folders_of_their_own(streets: Dataset, tmp_path: Path) -> None:
    models: list[Any] = [Shifted(streets, 2.0, {"car": "car", "walker": "pedestrian"}), Shifted(streets, 0.0, SAME)]
    mapping = {"person": "pedestrian", "walker": "pedestrian"}
    result = robustness(streets, models, tmp_path / "run", mapping=mapping, **FEW)
    far, near = (row["folder"] for row in result["models"])
    assert (far, near) == ("shifted-2", "shifted-0") and result["classes"] == ["car", "pedestrian"]
    alone = robustness(streets, models[0], tmp_path / "alone", mapping={"walker": "pedestrian"}, **FEW)
    assert result["models"][0]["mpc"] == pytest.approx(alone["mpc"]) and result["models"][1]["clean"] == 1
    difference = result["differences"][near]["clean"]
    assert difference["mean"] == pytest.approx(1 - alone["clean"], abs=1e-6) and difference["n"] == 6
    assert describe_comparison(result).startswith(
        "AP on car, pedestrian under corruption: shifted-0 100.0 (clean 100.0)"
    )
    with (tmp_path / "run" / "table.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert rows[near]["pixelate"] == "100.0" and float(rows[far]["mPC"]) == pytest.approx(100 * alone["mpc"], abs=0.06)
    page = write_report(tmp_path / "run").read_text()
    assert "shifted-2/report.html" in page and ", helps" in page and write_report(tmp_path / "run" / far).is_file()
    before = [model.calls for model in models]
    again = robustness(streets, models, tmp_path / "run", mapping=mapping, resume=True, **FEW)
    assert again == result and [model.calls for model in models] == [calls + 2 for calls in before]  # pictures alone
    with pytest.raises(DataError, match="models"):
        robustness(streets, models[::-1], tmp_path / "run", mapping=mapping, resume=True, **FEW)


def test_classes_that_one_does_not_know_are_left_out_and_reported(streets: Dataset, tmp_path: Path) -> None:
    models: list[Any] = [
        Shifted(streets, 0.0, {"car": "car", "pedestrian": "pedestrian"}),
        Shifted(streets, 0.0, {"car": "car"}),
    ]
    result = robustness(streets, models, tmp_path / "run", **FEW)
    assert result["classes"] == ["car"] and result["notes"] == ["Compared on car, which all models know"]
    assert result["differences"]["shifted-0-2"]["mpc"]["mean"] == 0


def test_what_cannot_be_compared_is_refused_before_anything_runs(streets: Dataset, tmp_path: Path) -> None:
    first, second = Shifted(streets, 0.0, {"car": "car"}), Shifted(streets, 0.0, {"zebra": "car"})
    with pytest.raises(DataError, match=r"no class of the model \(zebra\)"):
        robustness(streets, [first, second], tmp_path / "run", **FEW)  # type: ignore[list-item]
    with pytest.raises(DataError, match="--map lorry=car: no model has a class 'lorry'"):
        robustness(streets, [first, first], tmp_path / "run", mapping={"lorry": "car"}, **FEW)  # type: ignore[list-item]
    assert first.calls == 0 and not (tmp_path / "run").exists()
    run = {"per_class": {"car": {"clean": 0.5}}, "task": "detection"}
    with pytest.raises(DataError, match="a detector and a segmenter"):
        compare_results({"a": run, "b": run | {"task": "segmentation"}})
    with pytest.raises(DataError, match="no class that all models were scored on"):
        compare_results({"a": run, "b": run | {"per_class": {"bus": {"clean": 0.5}}}})


def test_folders_are_named_once() -> None:
    assert make_folder_names(["../x", "x y", "..", "x y"]) == ["-x", "x-y", "model", "x-y-2"]
