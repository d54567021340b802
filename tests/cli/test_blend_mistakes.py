"""``domaingan blend`` on what does not fit, in processes of its own: one line, exit code 2, nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from written_sets import write_dataset

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.data import Sample

PEOPLE = phantoms.load_phantom("medical", subjects=3, shape=(32, 32, 16))
PARTS = ("images.npy", "masks.npy", "bank.json")


def blend(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "domaingan", "blend", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300
    )


def refused(*arguments: str | Path) -> str:
    """The line that a command refuses with, the last it says; before it only what is assumed of the body."""
    done = blend(*arguments)
    assert done.returncode == 2 and not done.stdout, done.stdout + done.stderr
    *assumed, line = done.stderr.strip().splitlines()
    assert line.startswith("domaingan: ") and all("mask of the body" in other for other in assumed)
    return line


def answer(*arguments: str | Path) -> dict[str, Any]:
    return run_with_messages(*arguments)[0]


def run_with_messages(*arguments: str | Path) -> tuple[dict[str, Any], str]:
    """What a command answers, and what else it says."""
    done = blend(*arguments, "--per-image", "1", "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans and a bank of their lesions."""
    made = tmp_path_factory.mktemp("blend")
    write_dataset(PEOPLE, PEOPLE, made / "scans")
    crops(PEOPLE, 16).save(made / "bank")
    return made


def changed(folder: Path, to: Path, **info: Any) -> Path:
    bank = Bank.load(folder / "bank")
    n = len(info.get("channels", bank.info.channels))
    return Bank(bank.info.model_copy(update=info), bank.images[:, :n], bank.masks, bank.entries).save(to).path or to


@pytest.mark.parametrize(
    ("part", "how"),
    [*((part, "missing") for part in PARTS), ("images.npy", "torn"), ("entries.npy", "torn"), ("masks.npy", "empty")],
)
def test_a_bank_with_a_broken_file(folder: Path, part: str, how: str, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    shutil.copytree(folder / "bank", bank)
    whole = (bank / part).read_bytes()
    (bank / part).unlink()
    if how != "missing":
        (bank / part).write_bytes(whole[: len(whole) // 2 if how == "torn" else 0])
    line = refused(folder / "scans", "--bank", bank, "--out", tmp_path / "out")
    assert part in line and sorted(path.name for path in tmp_path.iterdir()) == ["bank"]


@pytest.mark.parametrize("channels", [["flair"], ["flair", "adc"]])
def test_channels_that_do_not_match_are_named(folder: Path, channels: list[str], tmp_path: Path) -> None:
    bank = changed(folder, tmp_path / "bank", channels=channels)
    line = refused(folder / "scans", "--bank", bank, "--out", tmp_path / "out")
    assert line.endswith(f"channels {', '.join(channels)}; expected the hosts' flair, t1c")
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_nan_in_a_host(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "scans", tmp_path / "scans")
    path = next((tmp_path / "scans").rglob("flair.nii.gz"))
    image = nib.load(path)
    values = image.get_fdata(dtype=np.float32)
    values[5, 5, 5] = np.nan
    nib.save(nib.Nifti1Image(values, image.affine), path)
    line = refused(tmp_path / "scans", "--bank", folder / "bank", "--out", tmp_path / "out")
    assert str(path) in line and "NaN" in line and not (tmp_path / "out").exists()


def test_crops_larger_than_their_hosts(folder: Path, tmp_path: Path) -> None:
    crops(PEOPLE, 64).save(tmp_path / "wide")  # a window of 64 pixels into scans of 32, its object as large as before
    result = answer(folder / "scans", "--bank", tmp_path / "wide", "--out", tmp_path / "out")
    assert result["written"] == 3 and sum(result["pasted"].values()) + result["unplaced"] == 3
    assert sum(result["pasted"].values())
    giant = crops(PEOPLE, 16)
    giant.masks[:], giant.entries["spacing"] = 1, 4  # objects of 64 mm into heads of half of it
    giant.save(tmp_path / "giant")
    result = answer(folder / "scans", "--bank", tmp_path / "giant", "--out", tmp_path / "none")
    assert result["written"] == 3 and result["pasted"] == {} and result["unplaced"] == 3


def _full(sample: Sample) -> Sample:
    return replace(sample, mask=np.ones_like(np.asarray(sample.mask)))


def test_a_host_that_is_all_labelled_is_counted(folder: Path, tmp_path: Path) -> None:
    full = PEOPLE.map(_full)
    write_dataset(full, full, tmp_path / "full")
    result = answer(tmp_path / "full", "--bank", folder / "bank", "--out", tmp_path / "out")
    assert result["written"] == 3 and result["pasted"] == {} and result["unplaced"] == 3


def test_another_spacing_is_resampled(folder: Path, tmp_path: Path) -> None:
    volumes: dict[float, tuple[int, int]] = {}
    for factor in (0.5, 1):
        bank = crops(PEOPLE, 16)
        bank.entries["spacing"] *= factor
        bank.save(tmp_path / f"bank{factor}")
        out = tmp_path / f"out{factor}"
        _, message = run_with_messages(
            folder / "scans", "--bank", tmp_path / f"bank{factor}", "--out", out, "--seed", "1"
        )
        assert ("mm a pixel are resampled to the hosts'" in message) == (factor != 1)
        records = json.loads((out / "pasted.json").read_text())
        placed = [record for own in records.values() for record in own if record["place"] is not None]
        volumes[factor] = len(placed), sum(int((nib.load(p).get_fdata() > 0).sum()) for p in out.rglob("seg.nii.gz"))
    before = sum(int((sample.mask > 0).sum()) for sample in PEOPLE if sample.mask is not None)
    (small, one), (large, two) = volumes[0.5], volumes[1]
    assert small and large and (two - before) / large > 2 * (one - before) / small


# ------------------------------------------------------------- folders of crops


def test_a_folder_of_crops_goes_into_slices(tmp_path: Path) -> None:
    rng, root = np.random.default_rng(0), tmp_path / "crops"
    root.mkdir()
    for i in range(3):
        mask = np.zeros((14 + i, 15, 1), dtype=np.uint8)
        mask[4:9, 4:10] = 1
        image = 0.4 + 0.4 * mask[..., None] + 0.05 * rng.random((*mask.shape, 2))
        nib.save(nib.Nifti1Image(image.astype(np.float32), np.eye(4)), root / f"c{i}.nii.gz")
        nib.save(nib.Nifti1Image(mask, np.eye(4)), root / f"c{i}_mask.nii.gz")
    definitions = {"classes": {"oedema": 1}, "channels": ["flair", "t1c"]}
    (root / "classes.json").write_text(json.dumps(definitions))
    few = ["--where", "subject=phantom_000"]
    result = answer("phantom:medical", *few, "--bank", root, "--out", tmp_path / "out")
    assert result["pasted"]["oedema"] > 5
    (root / "classes.json").write_text(json.dumps(definitions | {"channels": ["flair"]}))
    line = refused("phantom:medical", *few, "--bank", root, "--out", tmp_path / "bad")
    assert line.endswith("classes.json: channels flair; expected 2, as are stored")
    (root / "c1_mask.nii.gz").unlink()
    line = refused("phantom:medical", *few, "--bank", root, "--out", tmp_path / "bad")
    assert "c1.nii.gz: a crop without a mask" in line and not (tmp_path / "bad").exists()


def test_a_folder_of_cut_outs_goes_into_frames(tmp_path: Path) -> None:
    root = tmp_path / "cars"
    root.mkdir()
    for i in range(3):
        picture = np.zeros((20, 30 + i, 4), dtype=np.uint8)
        picture[4:16, 4:26] = (30 * i, 60, 200, 255)
        Image.fromarray(picture).save(root / f"c{i}.png")
    definitions = {"classes": {"car": 1}, "ground": ["road"], "frame": [96, 160]}
    (root / "classes.json").write_text(json.dumps(definitions))
    few = ["--where", "lighting=dusk"]
    result = answer("phantom:driving", *few, "--bank", root, "--out", tmp_path / "out")
    assert result["pasted"]["car"] >= 3
    (root / "c1.png").write_bytes((root / "c1.png").read_bytes()[:70])
    line = refused("phantom:driving", *few, "--bank", root, "--out", tmp_path / "bad")
    assert "c1.png: cannot be read" in line and not (tmp_path / "bad").exists()
