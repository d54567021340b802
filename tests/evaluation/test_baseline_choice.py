"""Which networks an evaluation trains: defaults, what is refused, and detection of lesions from end to end."""

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

QUICK: dict[str, Any] = {"seeds": 1, "steps": 2, "width": 8, "size": 16}


@pytest.fixture(scope="module")
def people() -> Dataset:
    return phantoms.load_phantom("medical", subjects=6, shape=(32, 32, 24))


@pytest.fixture(scope="module")
def drives() -> Dataset:
    return phantoms.load_phantom("driving", sequences=3, frames=2, shape=(48, 80))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "unet"}, "network 'unet' for scans; expected one of basicunet, dynunet, segresnet"),
        ({"backbone": "timm:resnet18"}, "backbone 'resnet18' for network 'basicunet'; expected a width"),
        ({"network": "segresnet", "width": 12}, "expected a multiple of 8"),
        ({"task": "detection", "detector": "fcos"}, "detector 'fcos' for scans; expected retinanet"),
        ({"task": "detection", "backbone": "timm:resnet18"}, "backbone 'timm:resnet18' for scans; expected a width"),
        ({"task": "detection", "width": 9}, "width 9 for detector 'retinanet'"),
        ({"task": "detection", "trainer": "python:a:b"}, "trainer 'python:a:b' for detection in scans"),
        ({"task": "detection", "validation_share": 0.2}, "validation for detection"),
        ({"task": "detection", "export": "run"}, "an export of scans for detection; expected frames, or"),
    ],
)
def test_networks_that_scans_cannot_have_are_refused_before_anything_is_written(
    people: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        dg.evaluate(people, arms=["classic"], out="run", **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "dynunet"}, "network 'dynunet' for frames; expected one of unet, deeplabv3plus, fpn"),
        ({"width": 16}, "width 16 for network 'unet'"),
        ({"task": "detection", "width": 16}, "width 16 for a detector in frames"),
        ({"task": "detection", "detector": "yolo"}, "no detector 'yolo'"),
    ],
)
def test_networks_that_frames_cannot_have_are_refused(
    drives: Dataset, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        dg.evaluate(drives, arms=["classic"], out=tmp_path / "run", **settings)


@pytest.mark.parametrize("dims", [2, 3])
def test_lesions_are_detected_with_pasting_arms_and_the_page_shows_boxes(
    people: Dataset, tmp_path: Path, dims: int
) -> None:
    arms = ["classic", "copy-paste+classic"]
    quick = QUICK | ({"seeds": 2, "ensemble": True} if dims == 2 else {})
    result = dg.evaluate(people, "detection", arms, out=tmp_path / "run", dims=dims, **quick)
    ensembles = [f"{arm}@ensemble" for arm in arms] if dims == 2 else []
    assert list(result["arms"]) == [*arms, *ensembles] and next(iter(result["arms"]["classic"])) == "ap10"
    assert any("connected component" in note for note in result["notes"])
    pictures = read_arrays(tmp_path / "run" / "pictures.npz")
    assert pictures["truth"].any() and pictures["prediction:classic"].shape == pictures["truth"].shape
    for image in pictures["truth"]:  # boxes are filled rectangles
        rows, columns = np.nonzero(image)
        assert len(rows) and image[rows.min(), columns.min() : columns.max() + 1].any()
    assert write_report(tmp_path / "run").is_file()
    again = dg.evaluate(people, "detection", arms, out=tmp_path / "run", dims=dims, resume=True, **quick)
    assert again["arms"] == result["arms"]


def test_scans_without_a_lesion_in_the_test_are_refused(people: Dataset, tmp_path: Path) -> None:
    def read_empty(record: Any) -> Any:
        sample = people.read(record)
        sample.mask = np.zeros_like(np.asarray(sample.mask))
        return sample

    empty = Dataset(people.records[4:], read_empty, people.schema, "elsewhere")
    with pytest.raises(DataError, match="elsewhere: no lesion in any test mask"):
        dg.evaluate(people.select(range(4)), "detection", ["classic"], out=tmp_path / "run", test=empty, **QUICK)


def test_another_network_segments_from_end_to_end(people: Dataset, tmp_path: Path) -> None:
    result = dg.evaluate(people, arms=["classic"], out=tmp_path / "run", dims=2, network="dynunet", **QUICK)
    assert "The baseline is dynunet of width 8." in result["notes"]
    assert any("33%" in note or "67%" in note for note in result["notes"])
