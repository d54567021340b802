"""Folders of frames and masks that cannot be read or written: each problem is listed with its file."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from street_folders import CLASSES, PictureWriter, draw_street_mask, write_descriptions
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.frames.mask_folders import MaskFolders
from domaingan.adapters.inspect_dataset import inspect_dataset
from domaingan.core.errors import DataError


@pytest.mark.parametrize("name", ["", "../a", "/a", "a/../b", ".a", "train/.a", "a//b", "a\\b", "c:a", "a/"])
def test_names_that_lead_elsewhere(drive: Path, tmp_path: Path, name: str) -> None:
    data = load(drive)
    sample = data[0]
    sample.source = replace(sample.source, name=name)
    with pytest.raises(DataError, match="sample name"):
        write_dataset([sample], data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_the_layout_cannot_hold(drive: Path, tmp_path: Path) -> None:
    data = load(drive)
    with pytest.raises(DataError, match="has boxes but no mask"):
        write_dataset([replace(data[0], mask=None)], data, tmp_path / "out")


def test_problems_when_opened(drive: Path, write_pictures: PictureWriter) -> None:
    write_pictures("train/0001TP_000390.jpg", "trainannot/0001TP_000390.png")
    Image.fromarray(draw_street_mask()[:-1]).save(drive / "trainannot" / "0001TP_000390.png")
    Image.fromarray(draw_street_mask()).save(drive / "valannot" / "0001TP_000999.png")
    Image.fromarray(draw_street_mask()).save(drive / "val" / "0001TP_000330.webp")
    (drive / "train" / "0006R0_f00330.jpg").write_bytes(b"\xff\xd8 nothing")
    data = load(drive)
    assert len(data) == 3
    messages = {Path(problem.path).relative_to(drive).as_posix(): problem.reason for problem in data.problems}
    assert messages == {
        "trainannot/0001TP_000390.png": "shape (11, 16); expected (12, 16), as 0001TP_000390.jpg",
        "valannot/0001TP_000999.png": "a mask without a frame; expected val/0001TP_000999.png or alike",
        "val/0001TP_000330.webp": "a second file called 0001TP_000330; 0001TP_000330.jpg is used",
        "train/0006R0_f00330.jpg": "no picture that can be read; expected PNG, JPEG, TIFF, WebP or BMP",
    }


def test_problems_when_read(drive: Path) -> None:
    frame = drive / "train" / "0001TP_000300.jpg"
    frame.write_bytes(frame.read_bytes()[:-20])
    strange = draw_street_mask()
    strange[0, 0] = 77
    Image.fromarray(strange).save(drive / "valannot" / "0001TP_000330.png")
    data = load(drive)
    (drive / "train" / "0006R0_f00330.jpg").unlink()
    found = inspect_dataset(data)
    assert found["samples"] == 1 and found["unlabelled"] == 1
    messages = {Path(problem["path"]).name: problem["reason"] for problem in found["problems"]}
    assert "truncated" in messages["0001TP_000300.jpg"]
    expected = "mask value 77; expected 0 sky, 3 road, 8 car, 10 cyclist, 11 ignored"
    assert messages["0001TP_000330.png"] == expected and messages["0006R0_f00330.jpg"] == "no such file"


def test_datasets_that_cannot_be_opened(write_pictures: PictureWriter, tmp_path: Path) -> None:
    root = write_pictures("images/a.png", "masks/a.png")
    with pytest.raises(DataError, match="sample 'b' is not there"):
        load(write_descriptions(root, "sample,split\nb,train\n"))
    (root / "samples.csv").unlink()
    Image.new("L", (3, 3)).save(root / "masks" / "a.png")
    with pytest.raises(DataError, match=r"no sample that can be used; first problem: .*a\.png: shape \(3, 3\)"):
        load(root)
    (tmp_path / "other" / "images").mkdir(parents=True)
    assert not MaskFolders().can_open(tmp_path / "other")
    with pytest.raises(DataError, match="no pictures and masks; expected images/ and masks/"):
        load(tmp_path / "other", "masks")


def command(*words: Any) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "domaingan", *map(str, words)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_line_tells(drive: Path) -> None:
    Image.fromarray(draw_street_mask()[:-1]).save(drive / "trainannot" / "0001TP_000300.png")
    code, out, _ = command("inspect", drive, "--json")
    found = json.loads(out.splitlines()[-1])
    assert code == 0 and found["layout"] == "masks" and found["samples"] == 3
    assert found["objects"] == {"car": 2, "cyclist": 2} and found["dropped"] == 2
    assert found["sequences"] == {"0001TP": 1, "0006R0": 2} and found["unlabelled"] == 1
    assert found["conditions"] == {"lighting": {"day": 1, "dusk": 1}} and found["splits"] == {"train": 2, "val": 1}
    assert [(Path(one["path"]).name, one["reason"][:14]) for one in found["problems"]] == [
        ("0001TP_000300.png", "shape (11, 16)")
    ]
    (drive / "classes.json").write_text('{"classes": {"car": 1}, "objects": ["bus"]}')
    code, _, err = command("inspect", drive, "--json")
    assert code == 2 and len(err.strip().splitlines()) == 1 and "classes.json: objects ['bus']: no such class" in err


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_dead_link_is_a_problem_and_no_unlabelled_frame(write_pictures: PictureWriter, folder: str) -> None:
    for name in ("a", "b"):
        root = write_pictures(f"images/{name}.png", f"masks/{name}.png")
    (root / "classes.json").write_text(json.dumps(CLASSES))
    (root / folder / "a.png").unlink()
    (root / folder / "a.png").symlink_to(root / "gone.png")
    dataset = load(root)
    assert [record.name for record in dataset.records] == ["b"]
    problems = [(Path(problem.path).parent.name, problem.reason) for problem in dataset.problems]
    assert problems == [(folder, "a link to a file that is not there")]
