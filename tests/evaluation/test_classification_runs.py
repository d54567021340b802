"""Classification from end to end: of samples and of crops, in slices, volumes and frames; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import domaingan as dg
from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.core.reading import read_arrays
from domaingan.data import Dataset
from domaingan.report import write_report

QUICK: dict[str, Any] = {
    "task": "classification",
    "seeds": 1,
    "steps": 2,
    "size": 32,
    "network": "densenet",
    "width": 4,
}

TINY_TIMM = QUICK | {"network": None, "width": None, "backbone": "timm:test_resnet"}


@pytest.fixture(scope="module")
def people() -> Dataset:
    return phantoms.load_phantom("medical", subjects=9, shape=(32, 32, 24))


@pytest.fixture(scope="module")
def drives() -> Dataset:
    return phantoms.load_phantom("driving", sequences=3, frames=2, shape=(48, 80))


def test_crops_of_slices_are_classified_with_pasting_arms_and_the_page_is_written(
    people: Dataset, tmp_path: Path
) -> None:
    arms = ["classic", "copy-paste+classic"]
    quick = TINY_TIMM | {"seeds": 2, "ensemble": True}
    result = dg.evaluate(people, arms=arms, out=tmp_path / "run", dims=2, label="lesion", **quick)
    assert list(result["arms"]) == [*arms, *(f"{arm}@ensemble" for arm in arms)]
    assert result["primary"]["metric"] == "auroc"
    scores = result["arms"]["classic"]
    assert {"auroc", "auprc", "balanced_accuracy", "ece", "auroc:enhancing"} <= set(scores)
    assert any(note.startswith("20% of the training people are held out") for note in result["notes"])
    assert any("replaces half of the real crops" in note for note in result["notes"])
    pictures = read_arrays(tmp_path / "run" / "pictures.npz")
    assert pictures["truth"].any() and pictures["prediction:classic"].any()
    assert write_report(tmp_path / "run").is_file()
    again = dg.evaluate(people, arms=arms, out=tmp_path / "run", dims=2, label="lesion", resume=True, **quick)
    assert again["arms"] == result["arms"]


def test_volumes_are_classified_by_whether_a_class_is_there(people: Dataset, tmp_path: Path) -> None:
    """Every second person has no enhancing core here."""

    def read_some_without_core(record: Any) -> Any:
        sample = people.read(record)
        if int(record.subject[-1]) % 2:
            mask = np.asarray(sample.mask).copy()
            mask[mask == people.schema.classes["enhancing"]] = 0
            sample.mask = mask
        return sample

    mixed = Dataset(people.records, read_some_without_core, people.schema, people.root)
    result = dg.evaluate(
        mixed,
        arms=["classic", "copy-paste"],
        out=tmp_path / "run",
        label="presence:enhancing",
        validation_share=0,
        **QUICK,
    )
    assert set(result["classes"]) == {"absent", "present"}
    assert not any("held out" in note for note in result["notes"])


def test_objects_in_frames_are_classified_by_a_timm_model(drives: Dataset, tmp_path: Path) -> None:
    settings = TINY_TIMM | {"label": "object", "validation_share": 0}
    with pytest.raises(DataError, match="an export for classification"):
        dg.evaluate(drives, arms=["classic"], out=tmp_path / "run", export=tmp_path / "export", **settings)
    result = dg.evaluate(drives, arms=["classic"], out=tmp_path / "run", **settings)
    assert "auroc:car" in result["arms"]["classic"]
    assert any(note.startswith("The baseline is timm") for note in result["notes"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": None}, "no label to classify by; expected one of presence:oedema, presence:enhancing, lesion"),
        ({"label": "presence:spleen"}, "label 'presence:spleen'"),
        ({"label": "age"}, "label 'age'"),
        ({"network": "timm"}, "network 'timm' for classification in 3D"),
        ({"network": "unet"}, "network 'unet' for classification in 3D"),
        ({"backbone": "timm:resnet18"}, "backbone 'resnet18' for network 'densenet'"),
        ({"trainer": "python:a:b"}, "trainer 'python:a:b' for classification"),
        ({"arms": ["classic", "copy-paste@people=0.5@hosts=1"]}, "hosts that are not labelled, for classification"),
        ({"task": "segmentation"}, "a label for segmentation"),
    ],
)
def test_what_cannot_be_classified_is_refused_before_anything_is_written(
    people: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        dg.evaluate(people, out="run", **(QUICK | {"label": "lesion", "arms": ["classic"], "width": None} | settings))
    assert not (tmp_path / "run").exists()


def test_a_column_is_classified_without_arms_that_may_change_what_it_says(drives: Dataset, tmp_path: Path) -> None:
    column = drives.schema.conditions[0]
    with pytest.raises(DataError, match=f"arm copy-paste: it may change what the column '{column}' says"):
        dg.evaluate(drives, arms=["copy-paste"], out=tmp_path / "run", label=column, **QUICK)


def test_a_class_in_the_test_alone_and_one_label_alone_are_refused(people: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="present alone as 'presence:oedema' in the training samples"):
        dg.evaluate(people, arms=["classic"], out=tmp_path / "run", label="presence:oedema", **QUICK)
