"""Training data are exported for a trainer of the user's own, and what it predicted is scored."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import domaingan as dg
from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.evaluation.external_trainer.export_manifest import ExportManifest

ARMS = ["classic", "copy-paste+classic"]


def load_scans() -> Dataset:
    return phantoms.load_phantom("medical", subjects=4, shape=(32, 32, 16))


def write_prediction(export: Path, dataset: str, data: Dataset, *, shift: int = 0) -> Path:
    """Write the truth, moved by some voxels, as what a trainer predicted."""
    folder = export / "predictions" / dataset
    folder.mkdir(parents=True)
    names = ExportManifest.read(export).tests[0].samples
    for sample in data:
        if sample.name in names:
            mask = np.roll(np.asarray(sample.mask), shift, axis=0)
            nib.save(nib.Nifti1Image(mask.astype(np.uint8), sample.geometry.affine), folder / f"{sample.name}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    dg.evaluate(load_scans(), arms=ARMS, seeds=2, out=folder / "work", export=folder / "export", copies=3, size=16)
    write_prediction(folder / "export", "classic_fold0_seed0", load_scans(), shift=1)
    write_prediction(folder / "export", "classic_fold0_seed1", load_scans(), shift=2)
    write_prediction(folder / "export", "copy-paste_classic_fold0_seed0", load_scans())
    write_prediction(folder / "export", "copy-paste_classic_fold0_seed1", load_scans())
    return folder / "export"


@pytest.fixture
def predicted(exported: Path, tmp_path: Path) -> Path:
    """A copy of the export, to be broken."""
    return Path(shutil.copytree(exported, tmp_path / "export"))


def score(folder: Path, out: Path, **settings: Any) -> dict[str, Any]:
    return dg.evaluate(load_scans(), predictions=folder, out=out, **settings)


def test_each_arm_and_seed_has_a_dataset_of_the_same_size(exported: Path) -> None:
    manifest = ExportManifest.read(exported)
    assert [(d.arm, d.seed) for d in manifest.datasets] == [(arm, seed) for seed in (0, 1) for arm in ARMS]
    for dataset in manifest.datasets:
        written = dg.load(exported / dataset.folder)
        assert len(written) == dataset.samples == 3 * 3  # three training subjects, three copies
        assert not written.problems
        assert not set(written.subjects) & set(manifest.tests[0].samples)


def test_the_reference_is_not_changed_and_pastes_differ_from_copy_to_copy(exported: Path) -> None:
    plain = dg.load(exported / "train" / "classic_fold0_seed0")
    pasted = dg.load(exported / "train" / "copy-paste_classic_fold0_seed0")
    originals = {sample.name: sample for sample in load_scans()}
    n_changed = 0
    for before, after in zip(plain, pasted, strict=True):
        original = originals[before.name.partition("_copy")[0]]
        np.testing.assert_array_equal(before.mask, original.mask)
        np.testing.assert_array_equal(before.image, original.image)
        n_changed += not np.array_equal(before.mask, after.mask)
    assert n_changed == ExportManifest.read(exported).datasets[1].changed_samples > 0


def test_test_images_travel_without_labels(exported: Path) -> None:
    manifest = ExportManifest.read(exported)
    folders = sorted(path.name for path in (exported / manifest.tests[0].folder).iterdir() if path.is_dir())
    assert folders == manifest.tests[0].samples
    assert not list((exported / "test").rglob("seg.nii.gz"))


def test_same_seed_exports_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    dg.evaluate(load_scans(), arms=ARMS, seeds=2, out=tmp_path / "work", export=tmp_path / "again", copies=3, size=16)
    files = sorted(path.relative_to(exported) for path in (exported / "train").rglob("*.nii.gz"))
    assert files
    for path in files:
        one, two = nib.load(exported / path), nib.load(tmp_path / "again" / path)
        np.testing.assert_array_equal(np.asanyarray(one.dataobj), np.asanyarray(two.dataobj))


def test_predictions_are_scored_with_the_usual_statistics(exported: Path, tmp_path: Path) -> None:
    result = score(exported, tmp_path / "run")
    assert result["arms"]["copy-paste+classic"]["dice:oedema"]["mean"] == 1
    assert 0 < result["arms"]["classic"]["dice:oedema"]["mean"] < 1
    assert result["trainings"] == [{"fold": 0, "seed": 0}, {"fold": 0, "seed": 1}]
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    assert stored["scores"] == result["scores"]
    with np.load(tmp_path / "run" / "pictures.npz") as pictures:
        np.testing.assert_array_equal(pictures["prediction:copy-paste+classic"], pictures["truth"])


def test_a_missing_prediction_is_refused(predicted: Path, tmp_path: Path) -> None:
    folder = predicted / "predictions" / "classic_fold0_seed1"
    name = ExportManifest.read(predicted).tests[0].samples[0]
    (folder / f"{name}.nii.gz").unlink()
    with pytest.raises(DataError, match=f"no prediction for 1 of 1 test samples .*{name}"):
        score(predicted, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_prediction_of_an_unknown_sample_is_refused(predicted: Path, tmp_path: Path) -> None:
    folder = predicted / "predictions" / "classic_fold0_seed0"
    path = next(folder.glob("*.nii.gz"))
    shutil.copy(path, folder / "stranger.nii.gz")
    with pytest.raises(DataError, match="'stranger' is no test sample"):
        score(predicted, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mask, affine: (mask[:-1], affine), "shape"),
        (lambda mask, affine: (mask + 7, affine), "7"),
        (lambda mask, affine: (mask, affine + np.array([[0, 0, 0, 5.0], *[[0] * 4] * 3])), "0.833 voxels"),
    ],
)
def test_a_prediction_that_does_not_fit_is_refused(predicted: Path, tmp_path: Path, change: Any, message: str) -> None:
    path = next((predicted / "predictions" / "classic_fold0_seed0").glob("*.nii.gz"))
    image = nib.load(path)
    mask, affine = change(np.asanyarray(image.dataobj).copy(), image.affine)
    nib.save(nib.Nifti1Image(mask, affine), path)
    with pytest.raises(DataError, match=message):
        score(predicted, tmp_path / "run")


@pytest.mark.parametrize("option", ["hosts", "bank", "sweep", "headroom"])
def test_what_is_trained_on_says_nothing_beside_predictions(option: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"both {option} and predictions"):
        score(tmp_path, tmp_path / "run", **{option: "x"})


def test_other_arms_than_were_exported_are_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the arms of the export: classic, copy-paste\+classic; or no arms"):
        score(exported, tmp_path / "run", arms=["classic"])
    assert list(score(exported, tmp_path / "run", arms=ARMS[::-1])["arms"]) == ARMS


def test_other_data_than_were_exported_are_refused(exported: Path, tmp_path: Path) -> None:
    tested = ExportManifest.read(exported).tests[0].samples
    data = load_scans()
    others = data.select(i for i, record in enumerate(data.records) if record.name not in tested)
    with pytest.raises(DataError, match="other test samples in fold 0"):
        dg.evaluate(others, predictions=exported, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"arms": ["classic", "none"]}, "the same data"),
        ({"spacing": 6.0}, "another grid"),
        ({"dims": 2}, "slices"),
        ({"copies": 0}, "0 copies"),
        ({"predictions": "x"}, "both export and predictions"),
    ],
)
def test_what_cannot_be_exported_is_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dg.evaluate(load_scans(), **{"arms": ARMS, "size": 16, **settings}, out=tmp_path / "w", export=tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_an_interrupted_export_goes_on(exported: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"arms": ARMS, "seeds": 2, "copies": 3, "size": 16}
    dg.evaluate(load_scans(), **settings, out=tmp_path / "w", export=tmp_path / "e")
    kept = tmp_path / "e" / "train" / "classic_fold0_seed0"
    time = kept.stat().st_mtime_ns
    shutil.rmtree(tmp_path / "e" / "train" / "copy-paste_classic_fold0_seed1")
    (tmp_path / "e" / "manifest.json").unlink()
    dg.evaluate(load_scans(), **settings, out=tmp_path / "w", export=tmp_path / "e", resume=True)
    assert kept.stat().st_mtime_ns == time
    assert ExportManifest.read(tmp_path / "e").datasets == ExportManifest.read(exported).datasets
    with pytest.raises(DataError):
        dg.evaluate(load_scans(), **settings | {"copies": 2}, out=tmp_path / "w", export=tmp_path / "e", resume=True)
