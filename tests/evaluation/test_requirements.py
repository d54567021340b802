"""What an arm lacks is refused before anything is trained or written."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import domaingan as dg
from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import Dataset, Sample, Schema
from domaingan.evaluation import api

STREET: Dataset = phantoms.load_phantom("driving", sequences=4, frames=2).load_into_memory()
CLASSES = {name: number for number, name in enumerate(STREET.schema.objects, start=1)}
OBJECTS: Schema = replace(STREET.schema, classes=CLASSES, ignore=(), regions={})


def objects_alone(sample: Sample) -> Sample:
    values = np.zeros(256, dtype=np.uint8)
    for name, value in CLASSES.items():
        values[STREET.schema.classes[name]] = value
    return replace(sample, mask=values[sample.mask], labels=values[sample.labels].astype(np.int64))


def boxes_alone(sample: Sample) -> Sample:
    return replace(objects_alone(sample), mask=None, instances=None)


def nothing(sample: Sample) -> Sample:
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return replace(
        sample,
        mask=np.zeros_like(sample.mask),
        boxes=none[0],
        labels=none[1],
        instances=np.zeros(sample.shape, np.int32),
    )


MASKED: Dataset = STREET.map(objects_alone, OBJECTS).load_into_memory()
BOXED: Dataset = STREET.map(boxes_alone, OBJECTS).load_into_memory()
EMPTY: Dataset = STREET.map(nothing, OBJECTS).load_into_memory()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What got past the checks, none of which is run."""
    passed: list[Any] = []
    monkeypatch.setattr(api, "run_evaluation", lambda config, *rest, **more: passed.append(config) or {})
    return passed


def evaluate(data: Any, arms: str | None, out: Path, task: str = "detection", **settings: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        dg.evaluate(data, task, arms, 1, out, steps=2, **settings)


@pytest.mark.parametrize("task", ["segmentation", "detection"])
@pytest.mark.parametrize("arms", [None, "none,deform-paste", "weather+classic,inpaint", "gan+copy-paste"])
def test_objects_with_masks_are_enough_for_every_pasting_arm(
    runs: list[Any], tmp_path: Path, task: str, arms: Any
) -> None:
    evaluate(MASKED, arms, tmp_path / "run", task)
    assert len(runs) == 1


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("arm", ["copy-paste", "deform-paste+classic", "gan", "inpaint", "refine+classic"])
def test_boxes_alone_are_refused_for_arms_that_paste(runs: list[Any], tmp_path: Path, arm: str, k: int) -> None:
    found = rf"arm {arm.replace('+', '.')}: no object in any training mask, \d+ objects with a box but no mask"
    expected = f"{found}; expected .*grabcut"
    with pytest.raises(DataError, match=expected):
        evaluate(BOXED, f"classic,{arm}", tmp_path / "run", k=k)
    assert not runs and not (tmp_path / "run").exists()
    evaluate(BOXED, "none,classic,weather", tmp_path / "run", k=k)
    assert len(runs) == 1


def test_frames_without_objects_are_refused(runs: list[Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no object in any training sample; expected some of car"):
        evaluate(EMPTY, "classic", tmp_path / "run")
    with pytest.raises(
        DataError, match=r"arm copy-paste: no object in any training mask; expected at least one of car"
    ):
        evaluate(EMPTY, "copy-paste", tmp_path / "run", "segmentation")
    assert not runs


def test_looks_need_a_condition_and_those_that_are_tested(runs: list[Any], tmp_path: Path) -> None:
    plain = Dataset(MASKED.records, MASKED.read, replace(OBJECTS, conditions=()), "plain")
    for look in ("relight", "reference-relight"):
        with pytest.raises(DataError, match=f"plain: arm {look}.classic: no condition to relight towards"):
            evaluate(plain, f"classic,{look}+classic", tmp_path / "run")
    values = sorted({str(record.condition["lighting"]) for record in MASKED.records})
    tested, others = values[0], values[1:]
    where = {"train_where": {"lighting": others}, "test_where": {"lighting": [tested]}}
    found = f"arm reference-relight: no training sample with lighting={tested}, which is tested; expected .*{others[0]}"
    with pytest.raises(DataError, match=found):
        evaluate(MASKED, "classic,reference-relight", tmp_path / "run", **where)
    assert not runs


def test_a_bank_of_scenes_needs_the_looks_that_are_tested(runs: list[Any], tmp_path: Path) -> None:
    values = sorted({str(record.condition["lighting"]) for record in MASKED.records})
    train = MASKED.where(lighting=values[1:])
    bank = dg.scenes(train, 32).save(tmp_path / "bank")
    where = {"train_where": {"lighting": values[1:]}, "test_where": {"lighting": values[:1]}}
    with pytest.raises(DataError, match=f"no lighting={values[0]}"):
        evaluate(MASKED, "classic,relight", tmp_path / "run", bank=bank, **where)
    assert not runs


@pytest.mark.parametrize("size", [7, 48])
def test_a_size_that_no_bank_has(runs: list[Any], tmp_path: Path, size: int) -> None:
    with pytest.raises(DataError, match=f"arm copy-paste: crops of size {size}; expected a power of two"):
        evaluate(MASKED, "classic,copy-paste", tmp_path / "run", size=size)
    evaluate(MASKED, "classic", tmp_path / "run", size=size)  # which nobody needs
    assert len(runs) == 1


def test_weather_does_not_fall_on_scans(runs: list[Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"arm weather\+classic: weather on scans; expected frames"):
        evaluate(phantoms.load_phantom("medical"), "classic,weather+classic", tmp_path / "run", "segmentation")
    assert not runs


def test_a_class_called_healthy_cannot_be_painted(runs: list[Any], tmp_path: Path) -> None:
    classes = {("healthy" if name == "car" else name): value for name, value in CLASSES.items()}
    named = Dataset(MASKED.records, MASKED.read, replace(OBJECTS, classes=classes, objects=tuple(classes)), "set")
    with pytest.raises(DataError, match="arm inpaint: a class called healthy"):
        evaluate(named, "classic,inpaint", tmp_path / "run")
    evaluate(named, "classic,copy-paste", tmp_path / "run")
    assert len(runs) == 1


def test_segmentation_of_boxes_alone_is_refused_and_names_the_other_task(runs: list[Any], tmp_path: Path) -> None:
    records = [replace(record, files={"image": Path("a.png")}) for record in BOXED.records]
    with pytest.raises(DataError, match="no mask for any of 8 samples; expected masks, or --task detection"):
        evaluate(Dataset(records, BOXED.read, OBJECTS, "set"), "classic", tmp_path / "run", "segmentation")
    assert not runs


def test_a_bank_of_real_crops_stands_in_where_frames_have_boxes_alone(runs: list[Any], tmp_path: Path) -> None:
    train, _ = MASKED.groups[:2], MASKED.groups[2:]
    bank: Bank = dg.crops(MASKED.select_groups(train), size=32).save(tmp_path / "bank")
    halves = {"train_where": {"sequence": list(train)}, "bank": bank}
    evaluate(BOXED, "classic,copy-paste+classic", tmp_path / "run", **halves)
    assert len(runs) == 1
    with pytest.raises(DataError, match="a bank that none of classic, copy-paste uses"):
        evaluate(MASKED, "classic,copy-paste", tmp_path / "run", **halves)  # which have masks of their own


def test_what_was_pasted_into_boxes_alone_is_shown() -> None:
    from domaingan.augmentation import find_added

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        paste = dg.Paste(dg.crops(MASKED, size=32), schema=OBJECTS, per_image=(2, 2))
    for number, host in enumerate(BOXED):
        after = paste(host, np.random.default_rng(number))
        added = find_added(host, after)
        new = [box for box, origin in zip(after.boxes, after.origins, strict=True) if origin < 0]  # type: ignore[arg-type]
        assert added.any() == bool(new)
        for left, top, right, bottom in np.array(new).reshape(-1, 4).astype(int).tolist():
            assert added[top:bottom, left:right].all()


PASTE = "copy-paste+classic"


@pytest.mark.parametrize(
    ("arm", "found"),
    [
        (f"{PASTE}@people=0.9", r"people=0.9 of \d+, which are all of them"),
        (f"{PASTE}@hosts=1@people=0.5", "hosts=1, more than people=0.5, for detection"),
    ],
)
def test_shares_of_people_that_cannot_be_are_refused(tmp_path: Path, runs: list[Any], arm: str, found: str) -> None:
    with pytest.raises(DataError, match=f"arm {re.escape(arm)}: {found}"):
        evaluate(MASKED, arm, tmp_path / "run")
    assert not runs and not (tmp_path / "run").exists()


def test_a_share_of_people_cannot_be_taken_from_a_bank_of_generated_crops(tmp_path: Path, runs: list[Any]) -> None:
    real = crops(MASKED.select_groups(MASKED.groups[:2]), 16)
    generated = real.info.model_copy(update={"generated": True, "subjects": []})
    entries = np.array(real.entries)
    entries["subject"] = -1
    Bank(generated, np.array(real.images), np.array(real.masks), entries).save(tmp_path / "bank")
    with pytest.raises(DataError, match="a share of the people beside a bank"):
        evaluate(MASKED, "classic,gan+classic@people=0.5", tmp_path / "run", bank=tmp_path / "bank")
