from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from domaingan.adapters import load
from domaingan.adapters.inspect import inspect


def test_what_is_counted(folders: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = inspect(load(folders), progress=lambda done, of: steps.append((done, of)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert json.loads(json.dumps(found)) == found
    assert found["layout"] == "nifti" and found["samples"] == 3 and found["spatial_dims"] == 3
    assert found["channels"] == ["flair", "t1"]
    assert found["classes"] == {"oedema": 2, "core": 1} and found["voxels"] == {"oedema": 2, "core": 1}
    assert found["regions"] == {"whole": 2} and found["unlabelled"] == 0
    assert found["conditions"] == {"site": {"north": 1, "south": 1}, "age": {"47.5": 1, "61": 1}}
    assert found["subjects"] == 2 and found["splits"] == {"test": 1, "train": 2}
    assert found["shapes"] == {"6×5×4": 3}
    assert found["spacings"] == {name: [0.9, 1.1, 2.5] for name in ("min", "median", "max")}
    assert found["problems"] == []


def test_samples_that_cannot_be_read_are_problems(folders: Path, save: Callable[..., Path]) -> None:
    save(folders / "pat1" / "seg.nii.gz", np.full((6, 5, 4), 7), dtype=np.uint8)
    save(folders / "pat2" / "t1.nii.gz", np.full((6, 5, 4), np.nan))
    dataset = load(folders)
    (folders / "pat3" / "seg.nii.gz").write_bytes(b"")
    found = inspect(dataset)
    assert found["samples"] == 0 and found["spacings"] == {} and found["shapes"] == {}
    told = {Path(problem["path"]).parent.name: problem["reason"] for problem in found["problems"]}
    assert told["pat1"].startswith("mask value 7; expected 0 background")
    assert "NaN" in told["pat2"] and told["pat3"].startswith("empty file")


def test_truncated_files_are_listed(folders: Path) -> None:
    path = folders / "pat1" / "t1.nii.gz"
    path.write_bytes(path.read_bytes()[:-9])
    found = inspect(load(folders))
    assert found["samples"] == 2
    assert [problem["path"] for problem in found["problems"]] == [str(path)]
