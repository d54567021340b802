from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nnunet_rules import check_integrity, heads
from numpy.testing import assert_array_equal
from written_sets import write_dataset

from domaingan.adapters import load
from domaingan.core.errors import DataError
from domaingan.data import Dataset

Save = Callable[..., Path]


def change(root: Path, **entries: Any) -> Path:
    described = json.loads((root / "dataset.json").read_text()) | entries
    (root / "dataset.json").write_text(json.dumps({k: v for k, v in described.items() if v is not None}))
    return root


def reasons(dataset: Dataset) -> str:
    return " | ".join(f"{Path(problem.path).name}: {problem.reason}" for problem in dataset.problems)


def test_schema_and_records_are_read_from_the_folder(nnunet: Path) -> None:
    dataset = load(nnunet)
    schema = dataset.schema
    assert (schema.layout, schema.spatial_dims, schema.channels) == ("nnunet", 3, ("FLAIR", "T1"))
    assert (schema.classes, schema.ignore) == ({"oedema": 1, "core": 2}, (3,))
    assert dataset.problems == ()
    assert [(r.name, r.subject, r.split) for r in dataset.records] == [
        ("case_0001", "case_0001", "train"),
        ("case_0002", "case_0002", "train"),
        ("case_0003", "case_0003", "test"),
    ]
    sample = dataset[0]
    assert sample.mask is not None and sorted(np.unique(sample.mask)) == [0, 1, 2, 3]
    assert_array_equal(sample.image[1], nib.load(nnunet / "imagesTr" / "case_0001_0001.nii.gz").get_fdata())
    assert dataset[2].mask is None


def test_unlabelled_scans_need_one_folder_alone(nnunet: Path) -> None:
    for folder in ("imagesTr", "labelsTr"):
        shutil.rmtree(nnunet / folder)
    dataset = load(nnunet)
    assert [record.name for record in dataset.records] == ["case_0003"] and dataset[0].mask is None
    assert dataset.problems == ()


def test_round_trip(nnunet: Path, tmp_path: Path, save: Save) -> None:
    save(nnunet / "labelsTs" / "case_0003.nii.gz", np.ones((6, 5, 4)), dtype=np.int16)
    table = "sample,subject,scanner\ncase_0001,p1,A\ncase_0002,p1,B\ncase_0003,p2,A\n"
    (nnunet / "samples.csv").write_text(table)
    change(nnunet, objects=["core"])
    dataset = load(nnunet)
    write_dataset(dataset, dataset, tmp_path / "out")
    back = load(tmp_path / "out")
    assert back.schema == dataset.schema and back.schema.objects == ("core",)
    assert [replace(record, files={}) for record in back.records] == [replace(r, files={}) for r in dataset.records]
    for one, other in zip(back, dataset, strict=True):
        assert_array_equal(one.image, other.image)
        assert one.mask is not None and other.mask is not None
        assert_array_equal(one.mask, other.mask)
        assert one.header == other.header
    assert json.loads((tmp_path / "out" / "dataset.json").read_text())["numTraining"] == 2
    assert nib.load(tmp_path / "out" / "labelsTs" / "case_0003.nii.gz").get_data_dtype() == np.int16


def test_regions(nnunet: Path, tmp_path: Path) -> None:
    labels = {"background": 0, "whole tumour": [1, 2, 3], "core": [2, 3], "enhancing": [3]}
    dataset = load(change(nnunet, labels=labels, regions_class_order=[1, 2, 3]))
    assert dataset.schema.classes == {"whole tumour_1": 1, "core_2": 2, "enhancing": 3}
    assert dataset.schema.regions == {"whole tumour": (1, 2, 3), "core": (2, 3)}
    assert len(dataset[0].image) == 2
    write_dataset(dataset, dataset, tmp_path / "out")
    assert load(tmp_path / "out").schema == dataset.schema
    written = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert len(written["regions_class_order"]) == len(written["labels"]) - 1  # as nnU-Net asks for


def test_regions_beside_classes(nnunet: Path) -> None:
    labels = {"background": 0, "oedema": 1, "core": 2, "enhancing": 3, "whole": [1, 2, 3], "active": [3]}
    dataset = load(change(nnunet, labels=labels))
    assert dataset.schema.classes == {"oedema": 1, "core": 2, "enhancing": 3}
    assert dataset.schema.regions == {"whole": (1, 2, 3), "active": (3,)}


def test_version_1_is_understood(nnunet: Path) -> None:
    labels = {"0": "background", "1": "oedema", "2": "core", "3": "enhancing"}
    dataset = load(change(nnunet, labels=labels, channel_names=None, modality={"0": "MR", "1": "MR"}, file_ending=None))
    assert dataset.schema.channels == ("MR_0", "MR_1")
    assert dataset.schema.classes == {"oedema": 1, "core": 2, "enhancing": 3}


def test_unpacked_files(nnunet: Path) -> None:
    for path in nnunet.rglob("*.nii.gz"):
        nib.save(nib.load(path), path.with_suffix(""))
        path.unlink()
    dataset = load(change(nnunet, file_ending=".nii"))
    assert len(dataset) == 3 and dataset.problems == ()


def test_broken_cases_are_problems_and_the_others_stay(nnunet: Path, save: Save) -> None:
    images, labels = nnunet / "imagesTr", nnunet / "labelsTr"
    for case in ("c4", "c5", "c6"):
        save(images / f"{case}_0000.nii.gz")
        save(labels / f"{case}.nii.gz", np.zeros((6, 5, 4)), dtype=np.uint8)
    save(images / "c5_0001.nii.gz")
    save(images / "c5_0002.nii.gz")
    save(images / "c6_0001.nii.gz", np.zeros((2, 2, 2)))
    for channel in range(2):
        save(images / f"c7_{channel:04d}.nii.gz")
        save(nnunet / "imagesTs" / f"case_0001_{channel:04d}.nii.gz")
    save(images / "unnumbered.nii.gz")
    save(labels / "c8.nii.gz", np.zeros((6, 5, 4)))
    (images / "._c9_0000.nii.gz").write_bytes(b"junk")
    dataset = load(nnunet)
    assert len(dataset) == 3
    messages = reasons(dataset)
    assert "c4: no channel 0001 (T1)" in messages
    assert "c5: channel 0002; expected 2 channels" in messages
    assert "c6_0001.nii.gz: shape (2, 2, 2); expected (6, 5, 4), as c6_0000.nii.gz" in messages
    assert "c7: no label; expected c7.nii.gz" in messages
    assert "c8: a label without an image" in messages
    assert "unnumbered.nii.gz: not named as an image" in messages
    assert "case_0001_0000.nii.gz: case 'case_0001' is in imagesTr already" in messages
    assert len(dataset.problems) == 7


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"file_ending": ".mha"}, r"file_ending '\.mha'; expected \.nii\.gz or \.nii"),
        ({"channel_names": None}, "channel_names None"),
        ({"channel_names": {"1": "T1"}}, "channel_names.*expected"),
        ({"labels": None}, "labels None"),
        ({"labels": {"background": 0, "a": "b"}}, r"classes\.a"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, "value 1 has more than one name"),
        ({"labels": {"background": 0, "a": [1, "x"]}}, "class"),
    ],
)
def test_wrong_descriptions(nnunet: Path, entries: dict[str, Any], found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        load(change(nnunet, **entries))
    assert caught.value.path == str(nnunet / "dataset.json")


def test_missing_and_malformed_descriptions(nnunet: Path) -> None:
    for text in ("[]", "{", '"labels"'):
        (nnunet / "dataset.json").write_text(text)
        with pytest.raises(DataError, match=r"dataset\.json"):
            load(nnunet)
    (nnunet / "dataset.json").unlink()
    with pytest.raises(DataError, match=r"dataset\.json: no such file"):
        load(nnunet)


def test_what_cannot_be_written(nnunet: Path, tmp_path: Path) -> None:
    dataset = load(nnunet)
    with pytest.raises(DataError, match="has no mask"):
        write_dataset([replace(dataset[0], mask=None)], dataset, tmp_path / "out")
    clash = Dataset(dataset.records, dataset.read, replace(dataset.schema, regions={"core": (1, 2)}))
    with pytest.raises(DataError, match="region 'core'"):
        write_dataset(clash, clash, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ----------------------------------------------------------------- what is kept


MORE = {
    "name": "Gliomas",
    "description": "four sites",
    "reference": "a paper",
    "licence": "CC BY 4.0",
    "release": "1.0",
    "overwrite_image_reader_writer": "NibabelIO",
    "tensorImageSize": "4D",
    "own": {"nested": [1, 2, {"deep": None}]},
}
REGIONS = {"background": 0, "whole tumour": [2, 1, 3], "core": [2, 3], "enhancing": 3}


def written(dataset: Dataset, out: Path) -> dict[str, Any]:
    write_dataset(dataset, dataset, out)
    described: dict[str, Any] = json.loads((out / "dataset.json").read_text())
    return described


@pytest.mark.parametrize(
    "labels",
    [
        {"labels": REGIONS, "regions_class_order": [1, 2, 3]},
        {"labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}, "regions_class_order": [1, 2]},
        {"labels": {"background": 0, "core": 2, "oedema": 1, "enhancing": 3}},
        {},
    ],
)
def test_every_key_comes_back_as_it_was(nnunet: Path, tmp_path: Path, labels: dict[str, Any]) -> None:
    before = json.loads((change(nnunet, **MORE, **labels) / "dataset.json").read_text())
    dataset = load(nnunet)
    after = written(dataset, tmp_path / "out")
    assert after == before and list(after) == list(before)
    assert len(check_integrity(tmp_path / "out")) == 2
    if "regions_class_order" in labels:
        assert len(heads(after)) == len(labels["regions_class_order"])
    assert written(load(tmp_path / "out"), tmp_path / "again") == before


def test_only_what_changed_is_changed(nnunet: Path, tmp_path: Path) -> None:
    before = json.loads((change(nnunet, **MORE, numTest=7) / "dataset.json").read_text())
    dataset = load(nnunet)
    assert written(dataset[1:], tmp_path / "fewer") == before | {"numTraining": 1, "numTest": 1}
    renamed = replace(dataset.schema, classes={"swelling": 1, "core": 2}, objects=("core",))
    other = Dataset(dataset.records, dataset.read, renamed, dataset.root)
    labels = {"background": 0, "swelling": 1, "core": 2, "ignore": 3}
    assert written(other, tmp_path / "renamed") == before | {"labels": labels, "objects": ["core"], "numTest": 1}
    channels = replace(dataset.schema, channels=("flair", "T1"))
    other = Dataset(dataset.records, dataset.read, channels, dataset.root)
    names = {"0": "flair", "1": "T1"}
    assert written(other, tmp_path / "channels") == before | {"channel_names": names, "numTest": 1}


def test_unpacked_files_are_written_unpacked(nnunet: Path, tmp_path: Path) -> None:
    for path in nnunet.rglob("*.nii.gz"):
        nib.save(nib.load(path), path.with_suffix(""))
        path.unlink()
    assert written(load(change(nnunet, file_ending=".nii")), tmp_path / "out")["file_ending"] == ".nii"
    assert len(check_integrity(tmp_path / "out")) == 2 and not list((tmp_path / "out").rglob("*.gz"))


def test_lists_of_version_1_name_the_cases_that_are_written(nnunet: Path, tmp_path: Path) -> None:
    labels = {"0": "background", "1": "oedema", "2": "core", "3": "enhancing"}
    files = [{"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in ("gone", "lost")]
    modality = {"0": "MR", "1": "MR"}
    change(nnunet, labels=labels, channel_names=None, modality=modality, file_ending=None, training=files, test=[])
    after = written(load(nnunet), tmp_path / "out")
    assert (after["labels"], after["modality"], "channel_names" in after) == (labels, modality, False)
    assert [one["label"] for one in after["training"]] == [f"./labelsTr/case_000{i}.nii.gz" for i in (1, 2)]
    assert after["test"] == ["./imagesTs/case_0003.nii.gz"]


def test_cases_that_the_description_lists_may_lie_anywhere(nnunet: Path, tmp_path: Path) -> None:
    (nnunet / "imagesTr").rename(tmp_path / "elsewhere")
    (nnunet / "labelsTr").rename(nnunet / "truth")
    listed = {
        case: {
            "images": [str(tmp_path / "elsewhere" / f"{name}_{i:04d}.nii.gz") for i in range(2)],
            "label": f"truth/{name}.nii.gz",
        }
        for case, name in (("a", "case_0001"), ("b", "case_0002"))
    }
    dataset = load(change(nnunet, dataset=listed))
    assert [record.name for record in dataset.records] == ["a", "b", "case_0003"] and not dataset.problems
    assert dataset[0].mask is not None
    after = written(dataset, tmp_path / "out")
    assert after["dataset"]["b"]["images"] == ["imagesTr/b_0000.nii.gz", "imagesTr/b_0001.nii.gz"]
    assert sorted(check_integrity(tmp_path / "out")) == ["a", "b"]
    listed["c"] = {"images": ["no.nii.gz", "none.nii.gz"], "label": "truth/case_0001.nii.gz"}
    listed["d"] = {"images": listed["a"]["images"][:1], "label": "truth/case_0001.nii.gz"}
    messages = reasons(load(change(nnunet, dataset=listed)))
    assert "no.nii.gz: no such file, which dataset.json lists" in messages and "1 images of d" in messages
    for wrong in ([], {"a": []}, {"a": {"images": "x", "label": "y"}}, {"a": {"images": [1, 2], "label": "y"}}):
        with pytest.raises(DataError, match=r"dataset\.json: dataset"):
            load(change(nnunet, dataset=wrong))


def test_dead_links_are_problems(nnunet: Path) -> None:
    for path in (nnunet / "labelsTr" / "case_0001.nii.gz", nnunet / "imagesTr" / "case_0002_0001.nii.gz"):
        path.unlink()
        path.symlink_to(nnunet / "gone")
    dataset = load(nnunet)
    assert [record.name for record in dataset.records] == ["case_0003"]
    assert reasons(dataset).count("a link to a file that is not there") == 2
