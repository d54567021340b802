"""``domaingan robustness`` as a user has it: folders, models, tables, resuming, one line for a mistake."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from inprocess import answer, refused, run
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.cli.robustness_command import parse_mapping
from domaingan.core.errors import DataError
from domaingan.report import write_report

FUNCTION = '''
import numpy as np

def boxes(image):
    """Everything dark and low is a car."""
    low = image[24:].max(axis=2) < 70
    if not low.any():
        return {"boxes": [], "scores": [], "labels": []}
    ys, xs = np.nonzero(low)
    box = [xs.min(), 24 + ys.min(), xs.max() + 1, 24 + ys.max() + 1]
    return {"boxes": [box], "scores": [0.5], "labels": ["Auto"]}

def mask(image):
    """Bright above is sky, the rest is road."""
    return np.where(image.mean(axis=2) > 120, 0, 2)

mask.classes = {"sky": 0, "Road": 2}
'''


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of street frames on disk, as a user has them."""
    out = tmp_path_factory.mktemp("data") / "drives"
    frames = phantoms.load_phantom("driving", sequences=6, frames=1, shape=(48, 80))
    write_dataset(frames, frames, out)
    return out


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a module of the user's."""
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    Path("looking.py").write_text(FUNCTION)
    sys.modules.pop("looking", None)
    yield tmp_path
    sys.path[:] = before


FEW = ("--corruptions", "fog,pixelate", "--severities", "1,4")


def test_a_detector_of_ones_own(drives: Path, here: Path) -> None:
    result = answer(
        "robustness", drives, "--model", "python:looking:boxes", "--map", "auto=car", *FEW, "--out", here / "run"
    )
    assert {"clean", "mpc", "rpc", "table", "report"} <= set(result) and result["task"] == "detection"
    assert set(result["table"]) == {"fog", "pixelate"} and all(len(row) == 2 for row in result["table"].values())
    assert result["names"] == [{"model": "Auto", "data": "car"}]
    assert Path(result["report"]).is_file() and result["frames"] == 6
    kept = json.loads((here / "run" / "result.json").read_text())
    assert {name: value for name, value in result.items() if name != "report"} == kept
    config = json.loads((here / "run" / "config.json").read_text())
    assert config["command"].startswith("domaingan robustness") and config["seed"] == 0
    assert sorted(p.name for p in (here / "run" / "cells").iterdir()) == [
        "clean.npz", "fog-1.npz", "fog-4.npz", "pixelate-1.npz", "pixelate-4.npz",
    ]  # fmt: skip


def test_a_segmenter_says_its_tables_and_goes_on(drives: Path, here: Path) -> None:
    command = ("robustness", drives, "--model", "python:looking:mask", "--where", "lighting=day", "--out", here / "run")
    code, out, err = run(*command, *FEW)
    assert code == 0, err
    for text in ("model's class", "Road", "road", "not scored", "mean IoU, percent; clean", "severity 4", "pixelate"):
        assert text in out
    lines = out.strip().splitlines()
    assert (
        lines[-1] == str(here / "run" / "report.html")
        and "of its mean IoU on sky, road (of 10 classes) under corruption" in lines[-2]
    )
    assert "exists already" in refused(*command, *FEW)
    more = answer(*command, "--corruptions", "blur,fog", "--severities", "1,4", "--resume")
    assert len(more["table"]) == 5
    assert "as the run began" in refused(*command, "--resume", "--seed", "3")
    assert len(answer(*command, *FEW, "--overwrite")["table"]) == 2
    assert write_report(here / "run") == here / "run" / "report.html"


def test_mistakes_end_in_one_line(drives: Path, here: Path) -> None:
    out = here / "out"
    model = ("--model", "python:looking:boxes", "--out", out)
    assert "no corruption 'fgo'; expected some of gaussian_noise" in refused(
        "robustness", drives, *model, "--corruptions", "fgo"
    )
    assert "--severities 1-x; expected 1-5" in refused("robustness", drives, *model, "--severities", "1-x")
    assert "severities 6" in refused("robustness", drives, *model, "--severities", "6")
    assert "--map auto; expected THEIRS=OURS" in refused("robustness", drives, *model, "--map", "auto")
    assert "the data has no class 'lorry'" in refused("robustness", drives, *model, "--map", "auto=lorry")
    missing = refused("robustness", drives, "--model", "onnx:absent.onnx", "--out", out)
    assert "absent.onnx: no such file; expected an ONNX file" in missing
    assert "expected a run folder, torchvision:NAME" in refused("robustness", drives, "--model", "hf:x", "--out", out)
    assert "scans; expected frames" in refused("robustness", "phantom:medical", *model)
    assert not out.exists()
    meet = refused("robustness", drives, *model, *FEW)
    assert "no class of the model (Auto) is one of the data (car, pedestrian, cyclist); expected matching names" in meet


def test_an_empty_folder_is_no_run(drives: Path, here: Path) -> None:
    (here / "empty").mkdir()
    message = refused("robustness", drives, "--model", here / "empty", "--out", here / "out")
    assert "empty: no trained model in it; expected a run of domaingan evaluate" in message


def test_pairs() -> None:
    assert parse_mapping(["a=b,c d=e", "f=g"]) == {"a": "b", "c d": "e", "f": "g"} and parse_mapping(None) == {}
    with pytest.raises(DataError, match="--map a="):
        parse_mapping(["a="])


def test_two_models_are_compared(drives: Path, here: Path) -> None:
    (here / "looking.py").write_text(FUNCTION + "\ndef other(image):\n    return boxes(image[:, ::-1].copy())\n")
    models = ("--model", "python:looking:boxes", "--model", "python:looking:other", "--map", "auto=car")
    code, out, err = run("robustness", drives, *models, *FEW, "--out", here / "both")
    assert code == 0, err
    assert "looking-boxes" in out and "looking-other" in out and "under corruption" in out
    assert out.strip().splitlines()[-1] == str(here / "both" / "report.html")
    for name in ("looking-boxes/report.html", "looking-other/result.json", "table.md", "table.csv", "result.json"):
        assert (here / "both" / name).is_file()
