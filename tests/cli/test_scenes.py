"""Looks on the command line: train on scenes, draw some, relight with them or with pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from inprocess import answer, refused
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.adapters import load
from domaingan.adapters.frames.picture_io import write_picture
from domaingan.banks import Bank


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of street frames on disk, as a user has them."""
    out = tmp_path_factory.mktemp("data") / "drives"
    frames = phantoms.load_phantom("driving", sequences=9, frames=1, shape=(48, 80))
    write_dataset(frames, frames, out)
    return out


@pytest.fixture(scope="module")
def bank(drives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its real scenes by lighting."""
    out = tmp_path_factory.mktemp("banks") / "scenes"
    result = answer("crops", drives, "--target", "scenes", "--condition", "lighting", "--size", "32", "--out", out)
    assert result["n"] == 9 and set(result["conditions"]) == {"lighting"}
    return out


def lighting_of(folder: Path) -> dict[str, str]:
    with (folder / "samples.csv").open(newline="") as file:
        return {row["sample"]: row["lighting"] for row in csv.DictReader(file)}


def pictures(drives: Path, folder: Path) -> Path:
    """Two dark frames as a folder of pictures."""
    (folder / "refs").mkdir()
    for i, sample in enumerate(load(drives)[:2]):
        write_picture(folder / "refs" / f"{i}.png", sample.image * np.float32(0.3))
    return folder / "refs"


def test_scans_take_the_look_of_other_scans(tmp_path: Path) -> None:
    subjects = phantoms.load_phantom("medical").subjects[:3]
    few = ["--where", "subject=" + ",".join(subjects)]
    made = answer("crops", "phantom:medical", *few, "--target", "scenes", "--size", "16", "--out", tmp_path / "bank")
    assert made["n"] == 3
    out = tmp_path / "relit"
    result = answer("blend", "phantom:medical", *few, "--bank", tmp_path / "bank", "--out", out, "--strength", "1")
    assert result["written"] == 3 and sum(result["relit"].values()) == 3
    for one, two in zip(phantoms.load_phantom("medical").where(subject=subjects), load(out), strict=True):
        assert one.mask is not None and two.mask is not None and (one.mask == two.mask).all()
        assert (one.image != two.image).any()


def test_train_sample_relight(drives: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    trained = answer(
        "train", drives, "--target", "scenes", "--condition", "lighting,weather", "--size", "16",
        "--width", "8", "--steps", "3", "--out", model,
    )  # fmt: skip
    assert trained["scenes"] == 9 and set(trained["conditions"]) == {"lighting", "weather"}
    grid = tmp_path / "grid.png"
    looked = answer("sample", model, "--n", "6", "--condition", "lighting=night", "--grid", grid)
    assert looked["bank"] is None and grid.read_bytes().startswith(b"\x89PNG")
    drawn = answer("sample", model, "--n", "6", "--condition", "lighting=night", "--out", tmp_path / "bank")
    assert drawn["conditions"]["lighting"] == {"night": 6} and Bank.load(tmp_path / "bank").info.kind == "scenes"
    out = tmp_path / "relit"
    result = answer("blend", drives, "--bank", tmp_path / "bank", "--out", out, "--preview", tmp_path / "look.png")
    assert result["written"] == 9 and result["pasted"] == {} and result["problems"] == []
    assert sum(result["relit"].values()) == sum(
        bool(done) for done in json.loads((out / "relit.json").read_text()).values()
    )
    assert (tmp_path / "look.png").is_file()


def test_the_conditions_of_scenes_are_all_unless_named(drives: Path, tmp_path: Path) -> None:
    result = answer("crops", drives, "--target", "scenes", "--size", "16", "--out", tmp_path / "bank")
    assert set(result["conditions"]) == {"lighting", "weather"}


@pytest.mark.parametrize("method", ["reinhard", "histogram", "fda:0.01", "reinhard-per-class", "mix"])
def test_blend_keeps_labels_and_says_the_new_look(drives: Path, bank: Path, tmp_path: Path, method: str) -> None:
    out = tmp_path / "relit"
    result = answer("blend", drives, "--bank", bank, "--out", out, "--method", method, "--only", "night")
    before, after = load(drives), load(out)
    was, now = lighting_of(drives), lighting_of(out)
    assert set(now.values()) == {"night"} and set(was.values()) > {"night"} and not after.problems
    assert result["relit"] == {"night": sum(light != "night" for light in was.values())}
    for one, two in zip(before, after, strict=True):
        assert one.mask is not None and two.mask is not None and (one.mask == two.mask).all()
        assert one.boxes is not None and two.boxes is not None and (one.boxes == two.boxes).all()
        assert (one.image == two.image).all() == (was[one.name] == "night")


def test_pictures_are_a_bank_and_classic_may_follow(drives: Path, tmp_path: Path) -> None:
    out = tmp_path / "relit"
    result = answer("blend", drives, "--bank", pictures(drives, tmp_path), "--out", out, "--classic")
    assert result["relit"] == {"scene": 9} and lighting_of(out) == lighting_of(drives)
    for sample in load(out):
        assert sample.mask is not None and sample.image.mean() < 0.5


def test_wrong_pairs_are_refused_with_one_line(drives: Path, bank: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "no method 'feather' for scenes" in refused(
        "blend", drives, "--bank", bank, "--out", out, "--method", "feather"
    )
    assert "no look 'fog'" in refused("blend", drives, "--bank", bank, "--out", out, "--only", "fog")
    assert "scenes" in refused("blend", "phantom:medical", "--bank", bank, "--out", out)
    assert "no bank" in refused("blend", drives, "--bank", tmp_path, "--out", out)
    crops = tmp_path / "crops"
    answer("crops", "phantom:medical", "--dims", "2", "--size", "16", "--out", crops)
    assert "no method 'reinhard'" in refused("blend", drives, "--bank", crops, "--out", out, "--method", "reinhard")
    assert "--strength much" in refused("blend", drives, "--bank", bank, "--out", out, "--strength", "much")
    assert "scenes without masks" in refused(
        "blend", drives, "--bank", pictures(drives, tmp_path), "--out", out, "--method", "reinhard-per-class"
    )
    old_name = refused("blend", drives, "--bank", bank, "--out", out, "--method", "lut")
    assert "method 'lut', which has a new name; expected reinhard-per-class" in old_name
    assert "--target skies; expected crops or scenes" in refused("crops", drives, "--target", "skies", "--out", out)
    assert "no condition 'mood'" in refused(
        "train", drives, "--target", "scenes", "--condition", "mood", "--out", out, "--steps", "1"
    )
    assert not out.exists()
