"""The whole protocol on small phantoms: every arm, resumable, the same again with the same seed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.evaluation import evaluate
from domaingan.views.slices import slice_volumes

ARMS = [
    *("none", "classic", "copy-paste+classic", "gan+classic"),
    *("deform-paste+classic", "inpaint+classic", "refine+copy-paste+classic"),
    *("blur-paste+classic@ratio=1", "shuffle-paste", "classic@repeat=1", "copy-paste+classic@people=0.5"),
]
QUICK: dict[str, Any] = {"seeds": 1, "steps": 4, "width": 4, "size": 16, "gan_steps": 3, "gan_samples": 12}


@pytest.fixture(scope="module")
def people() -> Dataset:
    return phantoms.load_phantom("medical", subjects=5, shape=(32, 32, 16))


@pytest.fixture(scope="module")
def done(people: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("runs") / "run"
    return out, evaluate(people, arms=ARMS, out=out, dims=2, **QUICK)


def test_result_has_every_arm_metric_and_subject(done: tuple[Path, dict[str, Any]]) -> None:
    out, result = done
    assert list(result["arms"]) == ARMS and set(result["differences"]) == set(ARMS) - {"classic"}
    for row in result["arms"].values():
        assert len(row["dice:oedema"]["values"]) == len(result["subjects"])
    assert result["verdict"] == "cannot be shown" and result["primary"]["arm"] == "gan+classic"
    assert set(result["repeats"]) == {"classic@repeat=1"} and result["learning_curve"]["people"] == 3
    assert [point["people"] for point in result["learning_curve"]["shares"]] == [2, 3]
    assert any("A share of 0.5 is 2 of 3 training subjects" in note for note in result["notes"])
    assert json.loads((out / "result.json").read_text())["arms"] == result["arms"]
    assert (out / "config.json").is_file()


def test_bank_and_gan_never_saw_a_test_subject(done: tuple[Path, dict[str, Any]]) -> None:
    out, result = done
    for source in ("copy-paste", "gan", "inpaint", "refine"):
        bank = Bank.load(out / "fold-0" / f"bank-{source}")
        assert bank.subjects and not set(bank.subjects) & set(result["subjects"])


def test_pictures_are_there(done: tuple[Path, dict[str, Any]]) -> None:
    with np.load(done[0] / "pictures.npz", allow_pickle=False) as pictures:
        assert {"hosts", "pasted", "images", "truth", "prediction:classic", "gan_samples"} <= set(pictures)
        assert pictures["hosts"].shape == pictures["pasted"].shape
        assert len(pictures["images"]) == len(pictures["prediction:none"]) == len(pictures["names"])


def test_resume_does_only_what_is_missing_and_ends_the_same(people: Dataset, done: tuple[Path, dict[str, Any]]) -> None:
    out, result = done
    kept = {path: path.stat().st_mtime_ns for path in (out / "fold-0").glob("*.json")}
    missing = out / "fold-0" / "copy-paste+classic-seed0.json"
    missing.unlink()
    again = evaluate(people, arms=ARMS, out=out, dims=2, resume=True, **QUICK)
    assert again["arms"] == result["arms"] and again["differences"] == result["differences"]
    for path, when in kept.items():
        assert (path.stat().st_mtime_ns == when) == (path != missing)


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(
    people: Dataset, done: tuple[Path, dict[str, Any]]
) -> None:
    with pytest.raises(DataError, match="exists already"):
        evaluate(people, arms=ARMS, out=done[0], dims=2, **QUICK)
    with pytest.raises(DataError, match="steps 5"):
        evaluate(people, arms=ARMS, out=done[0], dims=2, resume=True, **(QUICK | {"steps": 5}))


def test_volumes_and_folds(people: Dataset, tmp_path: Path) -> None:
    result = evaluate(people, arms=["classic", "copy-paste+classic"], out=tmp_path / "run", k=2, **QUICK)
    assert sorted(result["subjects"]) == sorted(people.subjects)
    assert result["primary"]["arm"] == "copy-paste+classic"


def test_a_leaking_bank_is_refused_before_anything_is_trained(people: Dataset, tmp_path: Path) -> None:
    crops(slice_volumes(people), size=16).save(tmp_path / "bank")
    with pytest.raises(DataError, match="test subjects"):
        evaluate(people, arms=["classic", "gan+classic"], out=tmp_path / "run", dims=2, bank=tmp_path / "bank", **QUICK)
    assert not list(tmp_path.glob("run/fold-0/*-seed0.json"))


def test_a_bank_that_no_arm_uses_is_refused(people: Dataset, tmp_path: Path) -> None:
    crops(people, size=16).save(tmp_path / "bank")
    with pytest.raises(DataError, match="a bank that none of classic, refine\\+classic uses; expected arms with gan"):
        evaluate(people, arms=["classic", "refine+classic"], out=tmp_path / "run", bank=tmp_path / "bank", **QUICK)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("banked", "arm"), [(False, "refine+classic"), (True, "gan+classic")])
def test_usual_arms_are_those_of_the_bank(people: Dataset, tmp_path: Path, banked: bool, arm: str) -> None:
    train, test, bank = people[:3], people[3:], tmp_path / "bank" if banked else None
    if bank is not None:
        crops(slice_volumes(train), size=16).save(bank)
    result = evaluate(train, out=tmp_path / "run", test=test, dims=2, bank=bank, **QUICK)
    assert list(result["arms"]) == ["classic", "copy-paste+classic", arm]


def with_values(people: Dataset, values: dict[str, int]) -> Dataset:
    """The people with other mask values."""
    table = np.zeros(256, dtype=np.int32)
    for name, value in people.schema.classes.items():
        table[value] = values[name]
    records = [replace(sample, mask=table[sample.mask]) for sample in people]
    by_name = {record.name: sample for record, sample in zip(people.records, records, strict=True)}
    return Dataset(people.records, lambda r: by_name[r.name], replace(people.schema, classes=values), "people")


def test_labels_above_255_are_trained_on(people: Dataset, tmp_path: Path) -> None:
    values = dict.fromkeys(people.schema.classes, 0) | {"oedema": 1035, "enhancing": 2002}
    result = evaluate(with_values(people, values), out=tmp_path / "run", dims=2, **(QUICK | {"arms": ["classic"]}))
    assert set(result["arms"]) == {"classic"}
    with np.load(tmp_path / "run" / "pictures.npz") as pictures:
        assert {1035, 2002} & set(np.unique(pictures["truth"]).tolist())


@pytest.mark.parametrize(
    ("value", "arms", "said"),
    [
        (1035, None, r"class value 1035 \(enhancing\); expected values of 1 to 255 in crops, or arms without crops"),
        (70_000, ["classic"], r"class value 70000 \(enhancing\); expected values up to 65535"),
    ],
)
def test_labels_that_cannot_be_held_are_refused_before_any_work(
    people: Dataset, tmp_path: Path, value: int, arms: list[str] | None, said: str
) -> None:
    data = with_values(people, {"oedema": 1, "enhancing": value})
    with pytest.raises(DataError, match=said):
        evaluate(data, out=tmp_path / "run", dims=2, **(QUICK | {"arms": arms}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"task": "segmentatoin"}, "no task"), ({"arms": ["clasic"]}, "no arm"), ({"k": 9}, "9 folds")],
)
def test_nonsense_is_refused(people: Dataset, tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        evaluate(people, out=tmp_path / "run", dims=2, **(QUICK | settings))
    assert not (tmp_path / "run").exists()


def test_pictures_name_hosts_and_what_was_pasted(done: tuple[Path, dict[str, Any]]) -> None:
    with np.load(done[0] / "pictures.npz", allow_pickle=False) as pictures:
        assert len(pictures["host_names"]) == len(pictures["pasted_words"]) == len(pictures["hosts"])
        assert all(name.startswith("phantom_") for name in pictures["host_names"].tolist())
        assert all(words[0].isdigit() for words in pictures["pasted_words"].tolist())
        assert (pictures["added"].reshape(len(pictures["added"]), -1).any(axis=1)).all()
