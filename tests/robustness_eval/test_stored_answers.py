"""What is kept and said of a run: other maps without the model, intervals, tables, why nothing is found."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval import robustness
from domaingan.robustness_eval.cells import Cell
from domaingan.robustness_eval.class_mapping import ClassMapping
from domaingan.robustness_eval.class_names import are_synonyms
from domaingan.robustness_eval.diagnosis import explain_zero_score
from domaingan.robustness_eval.intervals import assign_blocks, compute_block_values, compute_interval
from domaingan.robustness_eval.robustness_scores import MaskScorer
from domaingan.robustness_eval.robustness_summary import describe_robustness
from domaingan.robustness_eval.stored_answers import AnswerCollector, CellAnswers, count_pairs

Picture = NDArray[np.uint8]
FEW: dict[str, Any] = {"corruptions": ["pixelate"], "severities": (1, 5)}


class Seeing:
    """Answers with the truth of the clean picture that is nearest, changed by a function, under names of its own."""

    has_fixed_classes = True

    def __init__(self, data: Dataset, names: dict[str, str], change: Any = lambda boxes: boxes) -> None:
        self.task, self.name, self.calls = "detection", "seeing", 0
        self.classes = {theirs: data.schema.classes[ours] for theirs, ours in names.items()}
        self.samples, self.change = list(data), change

    def predict(self, image: Picture) -> Detections:
        self.calls += 1
        planes = image.transpose(2, 0, 1) / 255
        sample = min(self.samples, key=lambda sample: float(np.abs(sample.image - planes).mean()))
        assert sample.boxes is not None and sample.labels is not None
        kept = np.isin(sample.labels, list(self.classes.values()))
        boxes = self.change(sample.boxes[kept]).astype(np.float32)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), sample.labels[kept][: len(boxes)])

    def describe(self) -> list[str]:
        return ["sees"]


OWN = {"person": "pedestrian", "vehicle": "cyclist", "car": "car"}


def test_another_map_needs_no_new_run(drives: Dataset, tmp_path: Path) -> None:
    model = Seeing(drives, OWN)
    first = robustness(drives, model, tmp_path / "run", **FEW)
    assert list(first["classes"]) == ["car"] and model.calls == 3 * len(drives) + 2
    counts = {name: sum(int((s.labels == drives.schema.classes[name]).sum()) for s in drives) for name in OWN.values()}
    assert first["not_scored"] == {name: counts[name] for name in ("pedestrian", "cyclist")}
    assert first["proposed"] == {"person": "pedestrian"}  # a vehicle need not be a cyclist
    mapping = {"person": "pedestrian", "vehicle": "cyclist"}
    second = robustness(drives, model, tmp_path / "run", mapping=mapping, resume=True, **FEW)
    assert model.calls == 3 * len(drives) + 4  # the two pictures of the report
    assert second["objects"] == {name: counts[name] for name in second["classes"]} and not any(second["not_scored"])
    whole = robustness(drives, Seeing(drives, OWN), tmp_path / "whole", mapping=mapping, **FEW)
    assert whole["metrics"] == second["metrics"] and whole["blocks"] == second["blocks"]


def test_what_is_scored_is_reported_before_anything_runs(drives: Dataset, tmp_path: Path) -> None:
    printed: list[str] = []

    class Listening:
        def start(self, what: str) -> None:
            printed.append(f"start: {what}")

        def update(self, step: int, total: int, metrics: Any) -> None:
            printed.append("update")

        def say(self, message: str) -> None:
            printed.append(message)

    result = robustness(drives, Seeing(drives, OWN), tmp_path / "run", progress=Listening(), **FEW)
    before = printed[: printed.index("update")]
    assert "Scored: car" in before
    proposed = "Not scored: pedestrian, cyclist; the model has what seems to mean the same: add --map person=pedestrian"
    assert proposed in before and proposed in result["notes"]


def test_the_headline_says_which_classes_of_how_many_objects() -> None:
    result = {"model": {"name": "m"}, "metric": "ap", "clean": 0.5, "mpc": 0.25, "rpc": 0.5}
    printed = describe_robustness(
        result | {"objects": {"car": 3, "big_bus": 2, "tram": 0}, "not_scored": {"pedestrian": 7}}
    )
    assert printed.startswith("m keeps 50 % of its AP on car, big bus (5 of 12 objects) under corruption: 50.0")
    segmenter = result | {"metric": "miou", "objects": {"road": 4}, "not_scored": {"sky": 4, "tram": 0}}
    assert "of its mean IoU on road (of 2 classes) under" in describe_robustness(segmenter)
    nothing = result | {"clean": 0.0, "rpc": None, "objects": {"car": 3}, "cause": "Its boxes are 1 pixel large"}
    assert describe_robustness(nothing).endswith("its AP is 0 on car (3 of 3 objects). Its boxes are 1 pixel large")


@pytest.mark.parametrize(("theirs", "ours"), [("Person", "pedestrian"), ("traffic light", "TrafficLight")])
def test_synonyms_are_proposed_and_never_taken(theirs: str, ours: str) -> None:
    matching = ClassMapping({ours: 4, "road": 1})
    if are_synonyms(theirs, "pedestrian"):
        assert matching.select_scored([theirs], has_fixed_classes=True) == {} and matching.propose_mapping(
            [theirs]
        ) == {theirs: ours}
        with pytest.raises(DataError, match=f"expected matching names, or --map {theirs}={ours}"):
            matching.check_names([theirs], has_fixed_classes=True)
    assert matching.propose_mapping([theirs, ours]) == {}
    assert ClassMapping({"rider": 1}).propose_mapping(["person", "bicycle"]) == {}


def test_intervals_are_the_jackknifes() -> None:
    rng = np.random.default_rng(2)
    scorers: dict[Cell, Any] = {}
    for cell in (Cell(), Cell("fog", 1), Cell("fog", 2), Cell("snow", 1), Cell("snow", 2)):
        scorers[cell] = MaskScorer({"sky": 0, "car": 8})
        for _ in range(6):
            truth = rng.choice([0, 8], (8, 8))
            answer = np.where(rng.random((8, 8)) < 0.1 + cell.severity / 5, 8 - truth, truth)
            scorers[cell].add(truth, answer)
    units = ["a", "a", "b", "c", "d", "d"]
    blocks = compute_block_values(scorers, units, "segmentation", ["sky", "car"])
    clean = scorers[Cell()].compute_scores()["miou"]
    assert np.mean([block["clean"] for block in blocks.values()]) == pytest.approx(clean)
    without_b = scorers[Cell()].compute_scores([0, 1, 3, 4, 5])["miou"]
    others = [scorers[Cell()].compute_scores([i for i in range(6) if units[i] != unit])["miou"] for unit in "abcd"]
    assert blocks["b"]["clean"] == pytest.approx(clean - 3 * (without_b - np.mean(others)))
    low, high = compute_interval(blocks, "mpc")
    assert low is not None and high is not None and 0 <= low < np.mean([b["mpc"] for b in blocks.values()]) < high
    few = {name: blocks[name] for name in "abc"}
    assert compute_interval(few, "clean") == [None, None]
    assert len(set(assign_blocks([str(i) for i in range(95)]))) == 20 and assign_blocks(units) == units


def test_tables_for_other_programs(drives: Dataset, tmp_path: Path) -> None:
    result = robustness(drives, Seeing(drives, OWN), tmp_path / "run", **FEW)
    with (tmp_path / "run" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["corruption"] for row in rows] == ["clean", "pixelate", "all (mPC)"]
    assert rows[1]["group"] == "digital" and float(rows[1]["severity 5"]) == pytest.approx(
        100 * result["table"]["pixelate"][1], abs=0.05
    )
    assert float(rows[0]["mean"]) == 100 and float(rows[2]["mean"]) == pytest.approx(100 * result["mpc"], abs=0.05)
    text = (tmp_path / "run" / "table.md").read_text()
    assert text.startswith("AP, percent\n\n| group | corruption | severity 1 | severity 5 | mean |\n| --- |")
    assert f"| car | {result['objects']['car']} | 100.0 |" in text


CAUSES = [
    ({"car": "car"}, lambda boxes: boxes[:0], "gave no box with a score of 0.05 or more"),
    ({"car": "car"}, lambda boxes: boxes / 100, r"pixels large \(median\): they may be shares"),
    ({"car": "car"}, lambda boxes: boxes + 500, "are not where objects are: they may be read wrongly"),
    (
        {"cyclist": "car", "car": "cyclist"},
        lambda boxes: boxes,
        "are where objects are .*: the names may be in another",
    ),
]


@pytest.mark.parametrize(("names", "change", "cause"), CAUSES)
def test_why_nothing_is_found(drives: Dataset, tmp_path: Path, names: Any, change: Any, cause: str) -> None:
    result = robustness(drives, Seeing(drives, names, change), tmp_path / "run", **FEW)
    assert result["clean"] == 0 and re.search(cause, result["cause"])
    assert result["cause"] in describe_robustness(result)


def test_boxes_of_other_classes_name_the_map(drives: Dataset) -> None:
    from domaingan.robustness_eval.answers import PredictionMapper
    from domaingan.robustness_eval.labelled_frames import LabelledFrames

    model: Any = Seeing(drives, OWN)
    frames = LabelledFrames(drives, "detection")
    collected = AnswerCollector()
    for number, frame in enumerate(frames):
        labels = np.full(len(frame.truth.boxes), model.classes["person"])
        collected.add(number, Detections(frame.truth.boxes, frame.truth.scores, labels), frame.truth)
    answers = collected.finish(model.classes, {"total": 1.0})
    data = {name: drives.schema.classes[name] for name in drives.schema.objects}
    translation = PredictionMapper(model, ClassMapping(data), drives.schema)
    truths = [truth for truth in frames.truths if truth is not None]
    printed = explain_zero_score(answers, truths, translation, data, 0.05)
    assert printed.startswith("None of its ") and printed.endswith(
        "most are person: --map person=pedestrian says which is which"
    )


def test_answers_come_back_from_disk(tmp_path: Path) -> None:
    collected = AnswerCollector()
    collected.add(0, Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)), None)
    box = np.array([[1, 2, 3, 4]], np.float32)
    collected.add(1, Detections(box, np.array([0.5], np.float32), np.array([7])), None)
    collected.finish({"a": 7}, {"total": 2.5}).save(tmp_path / "cells" / "fog-1.npz")
    back = CellAnswers.load(tmp_path / "cells" / "fog-1.npz")
    assert back.classes == {"a": 7} and back.seconds == {"total": 2.5}
    empty, one = back.split_detections(2)
    assert len(empty.boxes) == 0 and one.boxes.tolist() == box.tolist() and one.labels.tolist() == [7]
    (tmp_path / "cells" / "fog-1.npz").write_bytes(b"PK no archive")
    with pytest.raises(DataError, match=r"fog-1\.npz: cannot be read; expected the answers to a corruption"):
        CellAnswers.load(tmp_path / "cells" / "fog-1.npz")


@pytest.mark.parametrize("far", [0, 60000])
def test_pairs_of_pixels_score_as_the_masks_do(far: int) -> None:
    rng = np.random.default_rng(far)
    truth = rng.choice([0, 8, 11, far], (30, 40)).astype(np.int32)
    answer = rng.choice([-1, 0, 8, far], (30, 40)).astype(np.int32)
    whole, pairs = (
        MaskScorer({"sky": 0, "car": 8, "x": far or 5}, (11,)),
        MaskScorer({"sky": 0, "car": 8, "x": far or 5}, (11,)),
    )
    whole.add(truth, answer)
    counted = count_pairs(truth, answer)
    assert counted["pixels"].sum() == truth.size and (counted["pixels"] > 0).all()
    pairs.add_pairs(counted["truth"], counted["answers"], counted["pixels"])
    assert np.array_equal(whole.counts[0], pairs.counts[0])


def test_names_met_on_the_way_are_proposed_and_mapped_without_a_new_run(drives: Dataset, tmp_path: Path) -> None:
    class Unsaid(Seeing):
        has_fixed_classes = False

        def __init__(self, data: Dataset) -> None:
            super().__init__(data, {"person": "pedestrian", "car": "car"})
            self.known, self.classes = self.classes, {}

        def predict(self, image: Picture) -> Detections:
            names, self.classes = self.classes, self.known
            found = super().predict(image)
            self.classes = names
            for name, number in self.known.items():
                if number in found.labels:
                    self.classes.setdefault(name, number)
            return found

    result = robustness(drives, Unsaid(drives), tmp_path / "run", **FEW)
    printed = "The model found person, which is no class of the data: add --map person=pedestrian, with --resume"
    assert printed in result["notes"] and result["per_class"]["pedestrian"]["clean"] == 0
    model = Unsaid(drives)
    again = robustness(drives, model, tmp_path / "run", mapping={"person": "pedestrian"}, resume=True, **FEW)
    assert again["per_class"]["pedestrian"]["clean"] == 1 and model.calls == 2
