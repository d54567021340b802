"""Small data sets on disk, in both layouts, made with nibabel alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SHAPE = (6, 5, 4)
AFFINE = np.array([[-0.9, 0, 0, 40], [0, 1.1, 0, -30], [0, 0, 2.5, 12], [0, 0, 0, 1.0]])

Save = Callable[..., Path]


@pytest.fixture
def save() -> Save:
    """Save an array with nibabel, by default as an image of noise: ``save(path, array, affine, dtype)``."""

    def save_nifti(
        path: Path, array: np.ndarray | None = None, affine: np.ndarray = AFFINE, dtype: type = np.float32
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if array is None:
            array = np.random.default_rng(len(str(path.name))).normal(100, 20, SHAPE)
        nib.save(nib.Nifti1Image(np.asarray(array).astype(dtype), affine), path)
        return path

    return save_nifti


def cube(*values: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """A mask with one voxel of each value."""
    mask = np.zeros(shape, np.uint8)
    mask.reshape(-1)[: len(values)] = values
    return mask


@pytest.fixture
def folders(tmp_path: Path, save: Save) -> Path:
    """Three subjects in the layout ``nifti``, with ``classes.json`` and ``samples.csv``."""
    root = tmp_path / "scans"
    for name, values in (("pat1", (1, 2)), ("pat2", (1,)), ("pat3", ())):
        save(root / name / "t1.nii.gz")
        save(root / name / "flair.nii.gz")
        save(root / name / "seg.nii.gz", cube(*values), dtype=np.uint8)
    classes = {"classes": {"oedema": 1, "core": 2}, "regions": {"whole": [1, 2]}, "objects": ["core"], "ignore": [9]}
    (root / "classes.json").write_text(json.dumps(classes))
    table = "sample,split,subject,site,age\npat1,train,p1,north,61\npat2,train,p2,south,47.5\npat3,test,p1,,\n"
    (root / "samples.csv").write_text(table)
    return root


@pytest.fixture
def nnunet(tmp_path: Path, save: Save) -> Path:
    """Two training cases and a test case of two channels in the layout ``nnunet``."""
    root = tmp_path / "Dataset001"
    for folder, case in (("Tr", "case_0001"), ("Tr", "case_0002"), ("Ts", "case_0003")):
        for channel in range(2):
            save(root / f"images{folder}" / f"{case}_{channel:04d}.nii.gz", dtype=np.int16)
        if folder == "Tr":
            save(root / "labelsTr" / f"{case}.nii.gz", cube(1, 2, 3), dtype=np.uint8)
    described = {
        "channel_names": {"0": "FLAIR", "1": "T1"},
        "labels": {"background": 0, "oedema": 1, "core": 2, "ignore": 3},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    (root / "dataset.json").write_text(json.dumps(described))
    return root
