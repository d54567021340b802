from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from inprocess import run

from domaingan.adapters import load
from domaingan.adapters.inspect_dataset import _count_values, _find_leaks, inspect_dataset
from domaingan.adapters.nifti.body_notes import describe_body
from domaingan.adapters.open_dataset import open_dataset
from domaingan.core.errors import DataError
from domaingan.data import Record
from domaingan.imaging.near_duplicates import DuplicatePair


def test_what_is_counted(folders: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = inspect_dataset(load(folders), progress=lambda done, of: steps.append((done, of)))
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
    found = inspect_dataset(dataset)
    assert found["samples"] == 0 and found["spacings"] == {} and found["shapes"] == {}
    messages = {Path(problem["path"]).parent.name: problem["reason"] for problem in found["problems"]}
    assert messages["pat1"].startswith("mask value 7; expected 0 background")
    assert "NaN" in messages["pat2"] and messages["pat3"].startswith("empty file")


def test_truncated_files_are_listed(folders: Path) -> None:
    path = folders / "pat1" / "t1.nii.gz"
    path.write_bytes(path.read_bytes()[:-9])
    found = inspect_dataset(load(folders))
    assert found["samples"] == 2
    assert [problem["path"] for problem in found["problems"]] == [str(path)]


def test_where_the_body_is_known_from_is_reported(folders: Path, save: Callable[..., Path]) -> None:
    save(folders / "pat1" / "brainmask.nii.gz", np.ones((6, 5, 4)), dtype=np.uint8)
    found = inspect_dataset(load(folders))
    assert found["body"] == {"masked": 1, "measured": 2} and found["ranges"] == {} and found["thin_slices"] is None
    masked, measured = describe_body(found)
    assert masked.startswith("1 samples have a mask of the body") and "which is used" in masked
    assert "2 samples" in measured and "jaw" in measured and "ventricles" in measured and "--atlas" in measured
    code, out, err = run("inspect", folders)
    assert code == 0 and "1 samples have a mask of the body" in " ".join(out.split()) and "mask of the body" not in err
    code, _, err = run("crops", folders, "--size", 8, "--out", folders.parent / "bank")
    assert "1 of 3 samples have a mask of the body" in err


def test_units_and_thin_stacks_are_reported(tmp_path: Path, save: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    trunk = np.full((40, 40, 5), -1000.0) + 8 * rng.normal(size=(40, 40, 5))
    trunk[8:32, 8:32] += 1040
    for name in ("a", "b"):
        save(tmp_path / name / "ct.nii.gz", trunk, dtype=np.int16)
        save(tmp_path / name / "seg.nii.gz", np.ones((40, 40, 5)), dtype=np.uint8)
    found = inspect_dataset(load(tmp_path))
    assert found["ranges"] == {"ct": {"range": [-1000, 1000], "samples": 2}} and found["thin_slices"] == 5
    lines = describe_body(found)
    assert (
        lines[1].startswith("ct: -1000 to 1000 is its range (2 of 2 samples)") and lines[2] == "5 slices: try --dims 2"
    )


class FoundDuplicates:
    """What a survey found, as far as leaks are described."""

    def __init__(self, *groups: str, pairs: Sequence[DuplicatePair] = (), is_from_drives: bool = False) -> None:
        self.records = [Record(f"r{i}", subject=group) for i, group in enumerate(groups)]
        self.pairs = pairs
        self.drives = is_from_drives

    def find_duplicates(self) -> Sequence[DuplicatePair]:
        return self.pairs

    def is_from_drives(self) -> bool:
        return self.drives


def test_each_kind_of_leak_is_described() -> None:
    assert _find_leaks(FoundDuplicates("p1", "p2", "p3")) == []  # type: ignore[arg-type]
    pairs = [DuplicatePair(0, 2, is_exact=True), DuplicatePair(1, 2, is_exact=False)]
    found = _find_leaks(FoundDuplicates("p1", "P-01", "q", pairs=pairs, is_from_drives=True))  # type: ignore[arg-type]
    assert [leak["samples"] for leak in found] == [["r0", "r2"], ["r1", "r2"], ["p1", "P-01"], ["the frames"]]
    reasons = [leak["reason"] for leak in found]
    assert reasons[0].startswith("have the same values") and reasons[1].startswith("look nearly the same")
    assert reasons[2] == "are one name in two spellings" and "frames of drives" in reasons[3]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_the_voxels_of_each_value_are_counted(dtype: type) -> None:
    mask = np.array([[0, 4, 4], [7, 255, 4]], dtype=dtype)
    assert _count_values(mask, [4, 7, 9, 255]) == {4: 3, 7: 1, 9: 0, 255: 1}


def test_a_dataset_is_opened_by_itself_or_by_its_folder(folders: Path) -> None:
    dataset = load(folders)
    assert open_dataset(dataset) is dataset
    assert len(open_dataset(folders)) == len(open_dataset(str(folders))) == 3
    with pytest.raises(DataError, match="a list; expected a dataset, or the folder of one"):
        open_dataset([dataset])  # type: ignore[arg-type]
