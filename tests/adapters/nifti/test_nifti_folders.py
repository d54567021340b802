"""None"""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scan_folders import SHAPE, Save, assert_same
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import AssumptionWarning, DataError
from domaingan.data import SCAN, Dataset


def reasons(dataset: Dataset) -> str:
    return " | ".join(f"{Path(problem.path).name}: {problem.reason}" for problem in dataset.problems)


def test_schema_and_records_are_read_from_the_folder(folders: Path) -> None:
    dataset = load(folders)
    schema = dataset.schema
    assert (schema.layout, schema.domain, schema.spatial_dims) == ("nifti", SCAN, 3)
    assert (schema.channels, schema.classes) == (("flair", "t1"), {"oedema": 1, "core": 2})
    assert (schema.ignore, schema.objects, schema.regions) == ((9,), ("core",), {"whole": (1, 2)})
    assert schema.conditions == ("site", "age")
    assert dataset.problems == ()
    assert dataset.subjects == ("p1", "p2")
    record = dataset.records[0]
    assert (record.name, record.split, record.shape) == ("pat1", "train", SHAPE)
    assert record.spacing == pytest.approx((0.9, 1.1, 2.5))
    assert record.affine[0][3] == 40
    assert len(dataset.where(site="north")) == 1
    sample = dataset[0]
    assert sample.image.dtype == np.float32 and sample.image.shape == (2, *SHAPE)
    assert sample.image.flags.c_contiguous and sample.mask is not None and sample.mask.dtype == np.uint8
    assert_array_equal(sample.image[1], nib.load(folders / "pat1" / "t1.nii.gz").get_fdata(dtype=np.float32))
    assert sample.condition == {"site": "north", "age": 61}
    assert_same(pickle.loads(pickle.dumps(dataset))[0], sample)


@pytest.mark.parametrize(
    ("names", "mask"),
    [
        (("sub1_T1.nii.gz", "sub1_FLAIR.NII.GZ"), "sub1_seg.nii"),
        (("T1.nii", "Flair.nii.gz"), "x-Lesion.nii.gz"),
        (("SUB1-t1.nii", "sub1 flair.nii"), "Segmentation.NII"),
        (("t1.nii", "flair.nii"), "manual_LABELS.nii.gz"),
        (("t1.nii", "flair.nii"), "tumour.mask.nii.gz"),
    ],
)
def test_names_of_files(tmp_path: Path, save: Save, names: tuple[str, str], mask: str) -> None:
    for name in names:
        save(tmp_path / "a.nii").rename(tmp_path / "x.nii")
        target = tmp_path / "data" / "sub1" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tmp_path / "x.nii", target)
    save(tmp_path / "b.nii", np.eye(6, 5)[..., None] * np.ones(4), dtype=np.uint8)
    shutil.move(tmp_path / "b.nii", tmp_path / "data" / "sub1" / mask)
    dataset = load(tmp_path / "data")
    assert dataset.schema.channels == ("flair", "t1") and dataset.problems == ()
    sample = dataset[0]
    assert sample.mask is not None and sample.mask.sum() == 20
    assert dataset.schema.classes == {"lesion": 1}


def test_one_file_called_as_the_subject(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "sub1" / "sub1.nii.gz")
    dataset = load(tmp_path)
    assert dataset.schema.channels == ("image",) and dataset[0].mask is None
    assert dataset.schema.classes == {}


@pytest.mark.parametrize("name", ["brainmask", "brain_mask", "pat1_BrainMask", "bodymask", "foreground"])
def test_a_mask_of_the_body_is_foreground(folders: Path, save: Save, tmp_path: Path, name: str) -> None:
    inside = np.zeros(SHAPE)
    inside[2:4] = 1
    save(folders / "pat1" / f"{name}.nii.gz", inside, dtype=np.uint8)
    dataset = load(folders)
    assert dataset.schema.channels == ("flair", "t1") and dataset.problems == ()
    assert_array_equal(dataset[0].foreground, inside > 0)
    assert dataset[1].foreground is None
    write_dataset(dataset, dataset, tmp_path / "out")
    assert_array_equal(load(tmp_path / "out")[0].foreground, inside > 0)


def test_an_empty_mask_of_the_body_is_reported_and_measured(folders: Path, save: Save) -> None:
    save(folders / "pat1" / "brainmask.nii.gz", np.zeros(SHAPE), dtype=np.uint8)
    with pytest.warns(AssumptionWarning, match="brainmask.nii.gz: .* empty"):
        assert load(folders)[0].foreground is None


def test_junk_is_passed_over(folders: Path) -> None:
    (folders / ".DS_Store").write_bytes(b"junk")
    (folders / "__MACOSX").mkdir()
    (folders / "__MACOSX" / "._t1.nii.gz").write_bytes(b"junk")
    (folders / "pat1" / "._t1.nii.gz").write_bytes(b"junk")
    (folders / "pat1" / "._seg.nii.gz").write_bytes(b"junk")
    (folders / "pat1" / "notes.txt").write_text("junk")
    (folders / ".cache").mkdir()
    dataset = load(folders)
    assert len(dataset) == 3 and dataset.problems == ()


def test_broken_samples_are_problems_and_the_others_stay(folders: Path, save: Save) -> None:
    (folders / "pat4").mkdir()
    save(folders / "pat5" / "t1.nii.gz")
    for name in ("pat6", "pat7", "pat8", "pat9"):
        shutil.copytree(folders / "pat1", folders / name)
    packed = (folders / "pat6" / "t1.nii.gz").read_bytes()
    (folders / "pat6" / "t1.nii.gz").write_bytes(packed[: len(packed) // 2])
    (folders / "pat7" / "seg.nii.gz").write_bytes(b"")
    save(folders / "pat8" / "flair.nii.gz", np.zeros((6, 5, 3)))
    save(folders / "pat9" / "seg.nii", np.zeros(SHAPE))
    save(folders / "stray.nii.gz")
    dataset = load(folders)
    assert [record.name for record in dataset.records] == ["pat1", "pat2", "pat3"]
    messages = reasons(dataset)
    assert "pat4: no NIfTI file" in messages
    assert "pat5: no flair (it has t1); expected flair, t1" in messages
    assert "t1.nii.gz: truncated" in messages
    assert "seg.nii.gz: empty file" in messages
    assert "t1.nii.gz: shape (6, 5, 4); expected (6, 5, 3), as flair.nii.gz" in messages
    assert "pat9: 2 files for one thing: seg.nii, seg.nii.gz" in messages
    assert "stray.nii.gz: lies outside" in messages
    assert len(dataset.problems) == 7


def test_a_modality_that_few_have_is_reported_and_not_read(folders: Path, save: Save) -> None:
    save(folders / "pat2" / "t2.nii.gz")
    dataset = load(folders)
    assert dataset.schema.channels == ("flair", "t1") and len(dataset) == 3
    assert "t2: only 1 of 3 subjects have it" in reasons(dataset)


def test_listed_channels_and_their_order(folders: Path, save: Save) -> None:
    save(folders / "pat2" / "t2.nii.gz")
    described = json.loads((folders / "classes.json").read_text()) | {"channels": ["T1", "flair"]}
    (folders / "classes.json").write_text(json.dumps(described))
    dataset = load(folders)
    assert dataset.schema.channels == ("T1", "flair") and dataset.problems == ()
    assert_array_equal(dataset[0].image[0], nib.load(folders / "pat1" / "t1.nii.gz").get_fdata(dtype=np.float32))


def test_affines_a_little_and_a_lot_apart(folders: Path, save: Save) -> None:
    path = folders / "pat1" / "seg.nii.gz"
    image = nib.load(path)
    noisy, far = image.affine.copy(), image.affine.copy()
    noisy[:3] *= 1 + 1e-6
    far[0, 3] += 1
    save(path, image.get_fdata(), noisy, np.uint8)
    assert load(folders).problems == ()
    save(path, image.get_fdata(), far, np.uint8)
    assert "affine: lies up to 1.1 voxels away; expected the place of flair" in reasons(load(folders))


def test_affines_that_differ_only_in_which_one_counts(folders: Path) -> None:
    path = folders / "pat1" / "seg.nii.gz"
    image = nib.load(path)
    moved = image.affine.copy()
    moved[0, 3] += 30
    image.set_qform(image.affine, code=1)
    image.set_sform(moved, code=1)  # the sform counts, the qform is the other files'
    nib.save(image, path)
    assert load(folders).problems == ()
    bare = nib.Nifti1Image(np.asarray(image.dataobj), None)
    bare.set_qform(None, code=0)
    bare.set_sform(None, code=0)
    nib.save(bare, path)  # says nothing of where it lies
    assert load(folders).problems == ()


def test_an_unknown_mask_value_is_reported_when_the_sample_is_read(folders: Path, save: Save) -> None:
    mask = np.zeros(SHAPE)
    mask[0, 0, 0] = 5
    save(folders / "pat1" / "seg.nii.gz", mask, dtype=np.uint8)
    with pytest.raises(DataError, match=r"seg\.nii\.gz: mask value 5; expected 0 background, 1 oedema, 2 core, 9 ign"):
        load(folders)[0]
    mask[0, 0, 0] = 9
    save(folders / "pat1" / "seg.nii.gz", mask, dtype=np.float32)
    sample = load(folders)[0]
    assert sample.mask is not None and sample.mask.max() == 9


def test_classes_found_in_the_masks(folders: Path, save: Save) -> None:
    (folders / "classes.json").unlink()
    save(folders / "pat3" / "seg.nii.gz", np.full(SHAPE, 0.5))
    dataset = load(folders)
    assert dataset.schema.classes == {"label_1": 1, "label_2": 2}
    assert [record.name for record in dataset.records] == ["pat1", "pat2"]
    assert "seg.nii.gz: mask value 0.5; expected whole numbers" in reasons(dataset)
    save(folders / "pat3" / "seg.nii.gz", np.arange(120).reshape(SHAPE))
    with pytest.raises(DataError, match=r"120 different mask values.*classes\.json"):
        load(folders)


def test_channels_in_a_fourth_axis(tmp_path: Path, save: Save) -> None:
    both = np.random.default_rng(0).normal(size=(*SHAPE, 2))
    root = tmp_path / "scans"
    save(root / "a" / "mr.nii.gz", both)
    save(root / "a" / "seg.nii.gz", np.ones((*SHAPE, 1)), dtype=np.uint8)
    save(root / "b" / "mr.nii.gz", both[..., None, :])
    save(root / "c" / "mr.nii.gz", both[..., :1])
    dataset = load(root)
    assert dataset.schema.channels == ("mr_0", "mr_1")
    assert "c: (1,) channels a file; expected {'mr': 2}" in reasons(dataset)
    for sample in dataset:
        assert_array_equal(sample.image, np.moveaxis(both.astype(np.float32), -1, 0))
    write_dataset(dataset, dataset, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == dataset.schema
    assert_same(back[0], dataset[0])


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1)])
def test_slices_are_2d(tmp_path: Path, save: Save, shape: tuple[int, ...]) -> None:
    root = tmp_path / "scans"
    save(root / "a" / "t1.nii.gz", np.random.default_rng(0).normal(size=shape))
    save(root / "a" / "seg.nii.gz", np.ones((6, 5)), dtype=np.uint8)
    dataset = load(root)
    assert dataset.schema.spatial_dims == 2 and dataset.records[0].shape == (6, 5)
    assert dataset.records[0].spacing == pytest.approx((0.9, 1.1))
    sample = dataset[0]
    assert sample.image.shape == (1, 6, 5) and sample.mask is not None and sample.mask.shape == (6, 5)
    write_dataset(dataset, dataset, tmp_path / "out")
    assert_same(load(tmp_path / "out")[0], sample)
    assert nib.load(tmp_path / "out" / "a" / "t1.nii.gz").shape == shape


def test_a_single_slice_among_volumes_is_a_volume(folders: Path, save: Save) -> None:
    for name in ("t1", "flair"):
        save(folders / "pat4" / f"{name}.nii.gz", np.zeros((6, 5, 1)))
        save(folders / "pat5" / f"{name}.nii.gz", np.zeros((6, 5)))
    save(folders / "pat4" / "seg.nii.gz", np.ones((6, 5)), dtype=np.uint8)
    dataset = load(folders)
    assert dataset[3].image.shape == (2, 6, 5, 1)
    assert "pat5: shape (6, 5); expected 3 axes" in reasons(dataset)


def test_files_that_begin_with_a_scans_own_number(tmp_path: Path, save: Save) -> None:
    root = tmp_path / "scans"
    for number in (7, 12, 31):
        folder = root / f"subject{number}"
        for name in ("T1", "FLAIR"):
            save(folder / f"IM_{number:04d}_{name}.nii.gz", np.ones(SHAPE, np.float32))
        save(folder / f"IM_{number:04d}_Seg.nii", np.ones(SHAPE, np.uint8))
    data = load(root)
    assert data.schema.channels == ("flair", "t1") and len(data) == 3 and not data.problems
    assert all(sample.mask is not None for sample in data)


def test_a_mask_holds_one_value_a_voxel(tmp_path: Path, save: Save) -> None:
    root = tmp_path / "scans"
    for name, channels in (("a", 1), ("b", 2)):
        save(root / name / "t1.nii.gz")
        save(root / name / "seg.nii.gz", np.ones((*SHAPE, channels)), dtype=np.uint8)
    dataset = load(root)
    assert [record.name for record in dataset.records] == ["a"]
    assert f"seg.nii.gz: shape {(*SHAPE, 2)}; expected one value a voxel in a mask" in reasons(dataset)


@pytest.mark.parametrize(("offset", "is_same"), [(0.09, True), (0.11, False)])
def test_a_mask_may_lie_a_tenth_of_a_voxel_beside_its_image(
    tmp_path: Path, save: Save, offset: float, is_same: bool
) -> None:
    root = tmp_path / "scans"
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    moved = affine.copy()
    moved[0, 3] = 2 * offset
    for name, mask_affine in (("a", affine), ("b", moved)):
        save(root / name / "t1.nii.gz", affine=affine)
        save(root / name / "seg.nii.gz", np.ones(SHAPE), affine=mask_affine, dtype=np.uint8)
    names = [record.name for record in load(root).records]
    assert names == (["a", "b"] if is_same else ["a"])
