"""``domaingan blend`` of nnU-Net's cases: copies beside originals, folds without leaks, and every key kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from inprocess import answer, refused, run
from nnunet_rules import check_integrity, check_splits
from written_sets import write_dataset

from domaingan import load, phantoms
from domaingan.augmentation.offline.donors import plan_sides
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.blend import Paste
from domaingan.blend.scan.scan_host import ScanRules
from domaingan.core.errors import DataError
from domaingan.data import Dataset

PEOPLE = phantoms.load_phantom("medical", subjects=7, shape=(32, 32, 16))
TESTED = PEOPLE.records[-1].name


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training cases and a tested one, and a bank of all of them."""
    folder = tmp_path_factory.mktemp("data")
    records = [replace(record, split="test" if record.name == TESTED else "train") for record in PEOPLE.records]
    data = Dataset(records, PEOPLE.read, replace(PEOPLE.schema, layout="nnunet", conditions=()), PEOPLE.root)
    samples = [
        replace(sample, condition={}, meta={"split": record.split})
        for sample, record in zip(data, records, strict=True)
    ]
    write_dataset(samples, data, folder / "raw")
    described = json.loads((folder / "raw" / "dataset.json").read_text())
    (folder / "raw" / "dataset.json").write_text(json.dumps(described | {"name": "Phantoms", "licence": "CC0"}))
    crops(load(folder / "raw"), size=16).save(folder / "bank")
    return folder


def blend(cases: Path, out: Path, *options: Any) -> dict[str, Any]:
    return answer("blend", cases / "raw", "--bank", cases / "bank", "--out", out, "--workers", 1, *options)


def pasted(out: Path) -> dict[str, list[dict[str, Any]]]:
    notes: dict[str, list[dict[str, Any]]] = json.loads((out / "pasted.json").read_text())
    return notes


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


def test_folds_validate_nothing_that_was_trained_on(cases: Path, tmp_path: Path) -> None:
    result = blend(cases, tmp_path / "out")
    trained = [record.name for record in PEOPLE.records[:-1]]
    written, notes = check_integrity(tmp_path / "out"), pasted(tmp_path / "out")
    assert set(written) == {*trained, *(f"{name}_pasted1" for name in trained)} and result["written"] == 13
    assert all(notes[f"{name}_pasted1"] for name in trained)
    splits = check_splits(tmp_path / "out")
    counts = [sum("_pasted1" in name for name in split["train"]) for split in splits]
    assert sum(counts) >= 3 * len(trained)  # of five folds one validates the host, and at most one the donor
    assert len(splits) == 5 and sorted(name for split in splits for name in split["val"]) == trained
    for split in splits:
        for name in split["train"]:
            if notes.get(name):
                given = {note["donor"] for note in notes[name]} | {note["host"] for note in notes[name]}
                assert not given & set(split["val"])
    for name in [*trained, TESTED]:  # originals stand there as they were
        side = "Ts" if name == TESTED else "Tr"
        for before in (cases / "raw").glob(f"*{side}/{name}*"):
            assert np.array_equal(voxels(before), voxels(tmp_path / "out" / before.relative_to(cases / "raw")))
    for name, own in notes.items():
        assert all(note["donor"] != note["host"] == name.removesuffix("_pasted1") for note in own)
    before = json.loads((cases / "raw" / "dataset.json").read_text())
    assert json.loads((tmp_path / "out" / "dataset.json").read_text()) == before | {"numTraining": 12}
    again = load(tmp_path / "out")
    assert not again.problems and {record.subject for record in again.records} == {*trained, TESTED}


def test_a_fold_gives_and_takes_on_its_training_side(cases: Path, tmp_path: Path) -> None:
    blend(cases, tmp_path / "out", "--fold", 1, "--copies", 2)
    splits, notes = check_splits(tmp_path / "out"), pasted(tmp_path / "out")
    validated = set(splits[1]["val"])
    originals = {name for name in splits[1]["train"] if "_pasted" not in name}
    assert set(splits[1]["train"]) == originals | {f"{name}_pasted{i}" for name in originals for i in (1, 2)}
    given = [note for own in notes.values() for note in own]
    assert any(note["place"] for note in given)
    assert all(note["donor"] in originals and note["host"] in originals for note in given)
    assert all(not notes[name] for name in validated)
    for i in (1, 2):  # each copy is another one
        assert all(notes[f"{name}_pasted{i}"] for name in originals)
    name = min(originals)
    assert notes[f"{name}_pasted1"] != notes[f"{name}_pasted2"]


def test_own_crops_are_taken_where_they_are_asked_for(cases: Path, tmp_path: Path) -> None:
    result = blend(cases, tmp_path / "out", "--own-donors")
    assert result["without_donors"] == 0
    assert any(note["donor"] == note["host"] for own in pasted(tmp_path / "out").values() for note in own)


def test_samples_without_donors_are_reported(cases: Path, tmp_path: Path) -> None:
    names = [record.name for record in PEOPLE.records[:-1]]
    bank = Bank.load(cases / "bank")
    bank.select_subjects(names[:1]).save(tmp_path / "bank")
    code, _, message = run(
        "blend", cases / "raw", "--bank", tmp_path / "bank", "--out", tmp_path / "out", "--workers", 1, "--json"
    )
    assert code == 0 and f"1 samples ({names[0]}) got nothing: nobody else who may give" in message
    assert f"{names[0]}_pasted1" not in check_integrity(tmp_path / "out")
    assert "belongs into nnUNet_preprocessed" in message
    check_splits(tmp_path / "out")


def test_banks_of_the_other_side_are_refused(cases: Path, tmp_path: Path) -> None:
    bank = Bank.load(cases / "bank")
    held_out = plan_sides(load(cases / "raw"), fold=0).splits[0]["val"]
    bank.select_subjects(held_out).save(tmp_path / "tested")
    options = ["--bank", tmp_path / "tested", "--out", tmp_path / "out", "--fold", 0]
    assert "nothing of the side train" in refused("blend", cases / "raw", *options)
    entries = bank.entries.copy()
    entries["subject"] = -1
    info = bank.info.model_copy(update={"generated": True})
    Bank(info, bank.images, bank.masks, entries).save(tmp_path / "drawn")
    options = ["--bank", tmp_path / "drawn", "--out", tmp_path / "out", "--fold", 0]
    assert "not of the side train" in refused("blend", cases / "raw", *options)
    assert not (tmp_path / "out").exists()
    assert "fold 9; expected 0 to 4" in refused("blend", cases / "raw", *options[:-1], 9)


def test_copies_of_what_a_gan_drew_from_everyone_are_in_no_fold(cases: Path, tmp_path: Path) -> None:
    bank = Bank.load(cases / "bank")
    entries = bank.entries.copy()
    entries["subject"] = -1
    Bank(bank.info, bank.images, bank.masks, entries).save(tmp_path / "drawn")
    code, _, message = run(
        "blend", cases / "raw", "--bank", tmp_path / "drawn", "--out", tmp_path / "out", "--workers", 1, "--json"
    )
    assert code == 0 and "6 of 6 copies are in no fold" in message
    assert all("_pasted1" not in name for split in check_splits(tmp_path / "out") for name in split["train"])


def test_header_text_is_left_out_where_that_is_asked_for(cases: Path, tmp_path: Path) -> None:
    shutil.copytree(cases, tmp_path / "own")
    for path in (tmp_path / "own" / "raw").rglob("*.nii.gz"):
        image = nib.load(path)
        image.header["descrip"] = "Meier^Anna"
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header), path)
    for option, text in ((["--strip-header-text"], ""), ([], "Meier^Anna")):
        out = tmp_path / f"out{len(option)}"
        blend(tmp_path / "own", out, *option)
        written = {nib.load(path).header["descrip"].item().decode() for path in out.rglob("*.nii.gz")}
        assert written == {text}


def test_depths_and_places_are_learned_from_the_donors_alone(cases: Path) -> None:
    bank = Bank.load(cases / "bank")
    donors = list(dict.fromkeys(bank.subjects[code] for code in bank.entries["subject"].tolist()))
    entries = bank.entries.copy()
    is_first = entries["subject"] == bank.subjects.index(donors[0])
    entries["depth"] = np.where(is_first, 3, 40)
    bank = Bank(bank.info, bank.images, bank.masks, entries)
    for chosen, depth in ((donors[:1], 3), (donors[1:], 40)):
        rules = Paste(bank, donors=chosen).rules
        assert isinstance(rules, ScanRules) and rules.min_depth_mm == depth
    with pytest.raises(DataError, match="no crops of these subjects"):
        Paste(bank, donors=["nobody"])
