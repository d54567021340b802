"""Headroom on small phantoms: what each arm is trained on, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from domaingan import phantoms
from domaingan.baselines.training_augmentation import TrainingAugmentation
from domaingan.data import Dataset, Sample
from domaingan.evaluation import evaluate
from domaingan.evaluation.headroom import list_headroom_arms
from domaingan.evaluation.tasks import SegmentationTask
from domaingan.report.headroom_phrases import list_headroom_sentences

TRAIN_ALL, TRAIN_HALF = 4, 2


@pytest.fixture(scope="module")
def people() -> Dataset:
    return phantoms.load_phantom("medical", subjects=6, shape=(32, 32, 16))


def test_each_arm_sees_its_share_alone(people: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[int, int, int]] = []
    train = SegmentationTask.train

    def record(task: Any, samples: Sequence[Sample], schema: Any, augment: TrainingAugmentation, *rest: Any) -> Any:
        labelled = {sample.group for sample in samples if sample.unlabelled is None}
        hosts = {sample.group for sample in samples if sample.unlabelled is not None}
        donors = set(augment.pastes["copy-paste"].bank.subjects)
        assert not labelled & hosts
        trained.append((len(labelled), len(hosts), len(donors)))
        return train(task, samples, schema, augment, *rest)

    monkeypatch.setattr(SegmentationTask, "train", record)
    settings: dict[str, Any] = {"seeds": 1, "steps": 2, "width": 4, "size": 16, "dims": 2, "measures": "overlap"}
    result = evaluate(people, out=tmp_path / "run", headroom=True, aa=True, **settings)
    arms = [*list_headroom_arms("segmentation"), "copy-paste+classic@repeat=1"]
    assert list(result["arms"]) == arms and not (tmp_path / "run" / "fold-0" / "gan").exists()
    seen = dict(zip(arms, trained, strict=True))
    assert seen == {
        "copy-paste+classic": (TRAIN_ALL, 0, TRAIN_ALL),
        "copy-paste+classic@repeat=1": (TRAIN_ALL, 0, TRAIN_ALL),
        "copy-paste+classic@people=0.5": (TRAIN_HALF, 0, TRAIN_HALF),
        "copy-paste+classic@crops=1@people=0.5": (TRAIN_HALF, 0, TRAIN_ALL),
        "copy-paste+classic@crops=1@hosts=1@people=0.5": (TRAIN_HALF, TRAIN_ALL - TRAIN_HALF, TRAIN_ALL),
    }
    counts = {row["quantity"]: (row["half"], row["all"]) for row in result["headroom"]["doublings"]}
    assert counts == dict.fromkeys(("crops", "hosts", "places", "people"), (TRAIN_HALF, TRAIN_ALL))
    assert result["verdict"] == "cannot be shown" and result["primary"] is None
    sentences = list_headroom_sentences(result)
    assert sentences[-1].startswith("To have enough trainings, run the same command with --seeds 5 --resume")
    assert sentences[-2].startswith("copy-paste+classic@repeat=1, the same arm with other seeds, differs from it by ")
    assert sentences[0] == (
        "What is short cannot be shown with 2 test subjects (6 are needed) and 1 training of each arm (5 are needed)."
    )
    assert any("no loss is computed on their own objects" in note for note in result["notes"])
