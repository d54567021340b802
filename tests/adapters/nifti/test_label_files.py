"""Files of labels are never read as channels: told by their names, or by what they hold."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.adapters.nifti.label_files import MAX_LABEL_VALUES, classify_name, count_label_values
from domaingan.core.errors import DataError
from domaingan.data import Dataset

Save = Callable[..., Path]
SHAPE = (14, 15, 16)

NAMES_OF_LABELS = """
    pat_dseg anat_FLAIR_roi x_msk ED_gt mask2 seg_v3 tumorSeg aparc+aseg wmh labelmap annotationReader1 tumour
    GroundTruth T2_CONTOUR leftLesion LESIONMASK Läsion_final lésion_corrigée mascara2 Segmentierung_AB maschera_v1
    segmentación_2 Étiquettes rótulos_1 опухоль разметка_2 标签 病灶 腫瘍_1 마스크_2 gtv1 PTV final-truth voi_A
    labels2 seg1 mask_left lesion_map probseg2 tumorROI metastases_v2 wmparc hand.labels.v2 contours
"""
NAMES_OF_IMAGES = """
    t1 T1w FLAIR t2_masked ct image adc DWI_b1000 flair_brain swi pd_unlabelled sag t1ce MPRAGE phase magnitude bold
    petct T2star angio gtruncated ground_1 android
"""


@pytest.mark.parametrize("name", NAMES_OF_LABELS.split())
def test_a_label_word_anywhere_in_a_name_is_seen(name: str) -> None:
    assert classify_name(name) in ("label", "mask")


@pytest.mark.parametrize("name", NAMES_OF_IMAGES.split())
def test_names_of_images_have_none(name: str) -> None:
    assert classify_name(name) == "image"


@pytest.mark.parametrize("name", ["brainMask", "T1_Brain_Mask", "BODYMASK", "headMask", "sub1-brainmask"])
def test_masks_of_the_body_are_no_labels(name: str) -> None:
    assert classify_name(name) == "foreground"


def lesion(seed: int = 0, values: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:9, 4:9, 4:9] = rng.integers(0, values, (5, 5, 5))
    return mask


def scans(root: Path, save: Save, subjects: int = 3, **others: np.ndarray) -> Path:
    """Subjects of a noisy image each, and the other arrays under their names."""
    for i in range(subjects):
        save(root / f"p{i}" / "t1.nii.gz", np.random.default_rng(i).normal(300, 40, SHAPE).round(), dtype=np.int16)
        for name, array in others.items():
            save(root / f"p{i}" / f"{name}.nii.gz", array, dtype=array.dtype.type)
    return root


def reasons(dataset: Dataset) -> str:
    return " | ".join(f"{Path(problem.path).name}: {problem.reason}" for problem in dataset.problems)


@pytest.mark.parametrize("name", ["anat_dseg", "tumourOutlineSeg", "gt", "SEG_reader2"])
def test_a_single_file_of_labels_is_the_mask(tmp_path: Path, save: Save, name: str) -> None:
    dataset = load(scans(tmp_path, save, **{name: lesion()}))
    assert dataset.schema.channels == ("t1",) and not dataset.problems
    sample = dataset[0]
    assert sample.mask is not None and np.array_equal(sample.mask, lesion())


def test_beside_a_mask_it_is_reported_and_not_read(tmp_path: Path, save: Save) -> None:
    dataset = load(scans(tmp_path, save, seg=lesion(), seg_v2=lesion(1), wmh=lesion(2)))
    assert dataset.schema.channels == ("t1",) and len(dataset) == 3
    assert "seg_v2: called as labels are, beside seg.nii.gz: not read" in reasons(dataset)
    assert "wmh: called as labels are" in reasons(dataset) and len(dataset.problems) == 2
    sample = dataset[0]
    assert sample.mask is not None and np.array_equal(sample.mask, lesion())


def test_two_that_may_be_the_mask_are_a_problem(tmp_path: Path, save: Save) -> None:
    scans(tmp_path, save, reader1_seg1=lesion())
    save(tmp_path / "p1" / "gt.nii.gz", lesion(), dtype=np.uint8)
    dataset = load(tmp_path)
    assert [record.name for record in dataset.records] == ["p0", "p2"]
    assert "p1: 2 files for one thing: gt.nii.gz, reader1_seg1.nii.gz" in reasons(dataset)
    for i in (0, 2):
        save(tmp_path / f"p{i}" / "gt.nii.gz", lesion(), dtype=np.uint8)
    with pytest.raises(DataError, match="2 files for one thing"):
        load(tmp_path)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_few_whole_numbers_among_images_are_reported_and_not_read(tmp_path: Path, save: Save, dtype: type) -> None:
    output = lesion(values=4).astype(dtype)
    dataset = load(scans(tmp_path, save, output=output, flair=np.random.default_rng(9).normal(size=SHAPE)))
    assert dataset.schema.channels == ("flair", "t1") and len(dataset) == 3
    assert "output: holds labels by its values (4 whole numbers): not read" in reasons(dataset)


def test_an_empty_one_in_the_first_subject_is_found_by_the_next(tmp_path: Path, save: Save) -> None:
    scans(tmp_path, save, output=np.zeros(SHAPE, np.uint8))
    assert load(tmp_path).schema.channels == ("output", "t1")  # an image of nothing, or labels of nothing
    save(tmp_path / "p2" / "output.nii.gz", lesion(), dtype=np.uint8)
    assert load(tmp_path).schema.channels == ("t1",)


def test_what_classes_json_lists_is_a_channel_whatever_it_holds(tmp_path: Path, save: Save) -> None:
    scans(tmp_path, save, wmh=lesion(), output=lesion(), seg=lesion())
    described = {"classes": {"lesion": 1}, "channels": ["t1", "wmh", "output"]}
    (tmp_path / "classes.json").write_text(json.dumps(described))
    dataset = load(tmp_path)
    assert dataset.schema.channels == ("t1", "wmh", "output") and not dataset.problems
    write_dataset(dataset, dataset, tmp_path.parent / "out")
    assert load(tmp_path.parent / "out").schema == dataset.schema


def test_files_of_labels_alone_are_no_data(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "p0" / "tumour.nii.gz", lesion(), dtype=np.uint8)
    with pytest.raises(DataError, match=r"only files that are called as labels are \(tumour\.nii\.gz\)"):
        load(tmp_path)


def test_a_data_sets_name_before_every_file_is_no_label(tmp_path: Path, save: Save) -> None:
    for i in range(2):
        for name in ("T1", "FLAIR"):
            array = np.random.default_rng(i).normal(size=SHAPE)
            save(tmp_path / f"{i}" / f"LesionStudy_{name}.nii.gz", array)
        save(tmp_path / f"{i}" / "LesionStudy_gt.nii.gz", lesion(), dtype=np.uint8)
    dataset = load(tmp_path)
    assert dataset.schema.channels == ("flair", "t1") and not dataset.problems
    assert all(sample.mask is not None for sample in dataset)


def test_values_of_labels(tmp_path: Path, save: Save) -> None:
    def count(*arrays: np.ndarray) -> int | None:
        paths = [save(tmp_path / f"{i}.nii.gz", array, dtype=array.dtype.type) for i, array in enumerate(arrays)]
        return count_label_values(paths)

    spread = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    assert count((spread % MAX_LABEL_VALUES).astype(np.int16)) == MAX_LABEL_VALUES
    assert count((spread % (MAX_LABEL_VALUES + 1)).astype(np.int16)) is None
    assert count(lesion() * np.float32(0.5)) is None
    regions = np.repeat(np.arange(np.prod(SHAPE) // 16), 16).reshape(SHAPE, order="F") + 1  # runs along the first axis
    assert count(regions.astype(np.int32)) == np.prod(SHAPE) // 16
    assert count((spread // 2).astype(np.int32)) is None
    assert count(np.random.default_rng(0).normal(40, 9, SHAPE).clip(1).round().astype(np.uint8)) is None
    assert count(np.full(SHAPE, 7, np.uint8)) is None
    assert count(np.zeros(SHAPE, np.uint8), lesion()) == 2
    assert count(np.zeros(SHAPE), spread * 0.37) is None
    assert count(np.arange(40, dtype=np.uint8).reshape(5, 4, 2) % 4) is None  # too small to tell


@pytest.mark.parametrize("name", ["seg.nii.gz", "t1.nii.gz"])
def test_a_dead_link_is_a_problem(tmp_path: Path, save: Save, name: str) -> None:
    scans(tmp_path, save, seg=lesion())
    (tmp_path / "p1" / name).unlink()
    (tmp_path / "p1" / name).symlink_to(tmp_path / "gone.nii.gz")
    dataset = load(tmp_path)
    assert [record.name for record in dataset.records] == ["p0", "p2"]
    assert f"{name}: a link to a file that is not there" in reasons(dataset)


def test_a_subject_that_is_a_dead_link_is_a_problem(tmp_path: Path, save: Save) -> None:
    scans(tmp_path, save, seg=lesion())
    (tmp_path / "p7").symlink_to(tmp_path / "gone")
    assert "p7: a link to a file that is not there" in reasons(load(tmp_path))


def test_folders_pipes_and_other_formats_are_reported(tmp_path: Path, save: Save) -> None:
    scans(tmp_path, save, 5)
    (tmp_path / "p0" / "seg.nii.gz").mkdir()
    os.mkfifo(tmp_path / "p1" / "seg.nii")
    for name in ("seg.hdr", "seg.img"):
        (tmp_path / "p2" / name).write_bytes(bytes(400))
    (tmp_path / "p3" / "aseg.mgz").write_bytes(b"mgz")
    dataset = load(tmp_path)
    assert [record.name for record in dataset.records] == ["p2", "p3", "p4"]
    message = reasons(dataset)
    assert "seg.nii.gz: a folder or no regular file" in message and "seg.nii: a folder or no regular file" in message
    for name in ("seg.hdr", "seg.img", "aseg.mgz"):
        assert f"{name}: not read; expected a single-file NIfTI" in message


@pytest.mark.parametrize(("values", "expected"), [(2000, 2000), (2001, None)])
def test_a_parcellation_has_at_most_2000_values(tmp_path: Path, save: Save, values: int, expected: int | None) -> None:
    regions = np.repeat(np.arange(values), 51).reshape((51, -1, 1), order="F")
    path = save(tmp_path / "parts.nii.gz", regions, dtype=np.int16)
    assert count_label_values([path]) == expected


@pytest.mark.parametrize(("pairs", "expected"), [(3, 40), (2, None)])
def test_in_regions_three_quarters_of_the_neighbours_are_equal(
    tmp_path: Path, save: Save, pairs: int, expected: int | None
) -> None:
    # Along a line each value occurs four times or three times: of four neighbours three are equal, or of three two.
    line = np.repeat(1 + np.arange(4000) % 40, pairs + 1)
    path = save(tmp_path / "parts.nii.gz", line.reshape(-1, 1, 1), dtype=np.uint8)
    assert count_label_values([path]) == expected
