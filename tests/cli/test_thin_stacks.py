"""Stacks of few slices: found out and said, and pasted into slice by slice; what finds no place is explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inprocess import refused, run
from written_sets import write_dataset

from domaingan import load
from domaingan.augmentation.offline.unplaced import find_likeliest_reason
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.data import Dataset, Record, Sample, Schema
from domaingan.data.slice_axes import count_thin_slices
from domaingan.views.slices import slice_volumes

SHAPE = (40, 48, 5)


def stacks(shape: tuple[int, ...] = SHAPE, spacing: float = 1.0) -> Dataset:
    """Brains in stacks of few slices, each with a lesion through most of them."""

    def read(record: Record) -> Sample:
        rng = np.random.default_rng(int(record.name[1:]))
        image = np.zeros((1, *shape), dtype=np.float32)
        image[0, 4:-4, 4:-4] = rng.uniform(200, 260, (shape[0] - 8, shape[1] - 8, shape[2]))
        mask = np.zeros(shape, dtype=np.uint8)
        x, y = rng.integers(12, 24, 2)
        mask[x : x + 6, y : y + 6, : max(4, shape[2] // 2)] = 1
        image[0][mask > 0] += 150
        return Sample(image, mask, source=record.source, geometry=record.geometry)

    affine = tuple(map(tuple, np.diag([spacing, spacing, spacing, 1.0]).tolist()))
    records = [Record(f"s{i}", subject=f"s{i}", shape=shape, spacing=(spacing,) * 3, affine=affine) for i in range(3)]
    return Dataset(records, read, Schema("nifti", "scan", 3, ("t1",), {"lesion": 1}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("thin")
    write_dataset(stacks(), stacks(), root / "data")
    return root


@pytest.mark.parametrize(
    ("shape", "count"),
    [((160, 256, 5), 5), ((5, 20, 30), 5), ((20, 20, 6), None), ((64, 64, 20), None), ((9, 9), None)],
)
def test_what_is_thin(shape: tuple[int, ...], count: int | None) -> None:
    records = [Record(str(i), shape=shape) for i in range(3)]
    assert count_thin_slices(records) == count
    assert count_thin_slices([*records, *[Record("x", shape=(64, 64, 64))] * 4]) is None


def test_thin_stacks_in_3d_are_reported_and_what_is_not_pasted_too(folder: Path) -> None:
    code, _, err = run("crops", folder / "data", "--out", folder / "bank3")
    assert code == 0 and "5 slices" in err and "--dims 2" in err
    bank = Bank.load(folder / "bank3")
    entries = bank.entries.copy()
    entries["depth"] = 30  # nowhere so deep
    Bank(bank.info, bank.images, bank.masks, entries).save(folder / "deep")
    code, out, err = run("blend", folder / "data", "--bank", folder / "deep", "--out", folder / "out3")
    assert code == 0 and "pasted nothing" in out
    assert "warning: " in err and "none in 3 of 3 hosts: the hosts have 5 slices: try --dims 2" in err


def test_blend_in_2d_pastes_into_slices_and_writes_volumes(folder: Path) -> None:
    assert "5 slices" not in run("crops", folder / "data", "--dims", "2", "--out", folder / "bank2")[2]
    options = ["--bank", folder / "bank2", "--dims", "2", "--out", folder / "out2", "--preview", folder / "p.png"]
    code, out, err = run("blend", folder / "data", *options)
    assert code == 0 and "warning" not in err and (folder / "p.png").is_file(), out + err
    before, after = load(folder / "data"), load(folder / "out2")
    for one, other in zip(before, after, strict=True):
        assert other.shape == SHAPE and (other.mask != one.mask).any()
        same = other.mask == one.mask
        assert (other.image[0][same] == one.image[0][same]).mean() > 0.8
    crops(load(folder / "data"), size=16).save(folder / "bank16")
    message = refused("blend", folder / "data", "--bank", folder / "bank16", "--dims", "2", "--out", folder / "no")
    assert "a 3D bank" in message and "crops --dims 2" in message and not (folder / "no").exists()


def test_reasons_follow_from_sizes() -> None:
    bank = crops(slice_volumes(stacks()), size=16)
    assert "no place in the body" in find_likeliest_reason(bank, stacks())
    tiny = stacks(spacing=0.05)
    assert "objects of 6 × 6 mm do not fit into hosts of 2 × 2.4 mm" in find_likeliest_reason(bank, tiny)
    deep = crops(stacks((40, 48, 24)), size=16)
    assert "try --dims 2" in find_likeliest_reason(deep, stacks())


def test_evaluate_says_it_before_it_trains(folder: Path) -> None:
    run_folder = folder / "run"
    message = run("evaluate", folder / "data", "--arms", "classic", "--folds", "9", "--out", run_folder)[2]
    assert "5 slices" in message and not run_folder.exists()
