"""What a bank says of one entry, how a bank is found from what names it, and what it refuses to store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.banks import bank as bank_module
from domaingan.banks.bank import register_opener, resolve_bank
from domaingan.core.errors import DataError


def make_bank(dtype: type = np.uint8) -> Bank:
    info = BankInfo(
        spatial_dims=2,
        channels=["t1"],
        classes={"oedema": 1},
        conditions={"lesion": ["healthy", "oedema"], "site": ["healthy", "b"]},
        subjects=["s0", "s1"],
        hosts=["h0"],
    )
    entries = create_entries(info, 3)
    entries["subject"] = [1, 0, -1]
    entries["condition:lesion"] = [0, 1, 1]
    entries["condition:site"] = [1, 0, -1]
    entries["host"] = [-1, 0, -1]
    entries["spacing"] = [[0.5, 2], [1, 1], [1, 1]]
    return Bank(info, np.zeros((3, 1, 8, 8), np.float16), np.ones((3, 8, 8), dtype), entries)


def test_an_entry_says_what_it_is() -> None:
    bank = make_bank()
    assert [crop.is_bound for crop in bank] == [False, True, False]
    # "healthy" has its meaning in the condition of the class alone.
    assert [crop.is_healthy for crop in bank] == [True, False, False]
    assert bank[0].spacing == (0.5, 2.0)
    described = [bank.describe_entry(crop) for crop in bank]
    assert described == ["healthy, b, from s1", "oedema, healthy, from s0", "oedema, generated"]


def test_values_that_no_entry_has_are_not_counted() -> None:
    assert make_bank().take([1, 2]).count_conditions() == {"lesion": {"oedema": 2}, "site": {"healthy": 1}}


def test_masks_that_bytes_may_not_hold_are_not_stored(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        make_bank(np.int32).save(tmp_path / "bank")
    assert not (tmp_path / "bank").exists()


def test_a_bank_is_found_by_itself_or_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_module, "_folder_openers", [])
    bank = make_bank()
    assert resolve_bank(bank) is bank
    bank.save(tmp_path / "bank")
    for path in (tmp_path / "bank", str(tmp_path / "bank")):
        assert len(resolve_bank(path)) == 3
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(resolve_bank("~/bank")) == 3
    with pytest.raises(DataError, match="a dict"):
        resolve_bank({})  # type: ignore[arg-type]


def test_other_folders_are_opened_by_what_was_registered_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_module, "_folder_openers", [])
    asked = []

    def open_folder(folder: Path, kind: str | None) -> Bank:
        asked.append((folder, kind))
        return make_bank()

    register_opener(lambda folder, kind: make_bank().take([0]))
    register_opener(open_folder)
    assert len(resolve_bank(tmp_path, "scenes")) == 3
    assert asked == [(tmp_path, "scenes")]
    with pytest.raises(DataError):
        resolve_bank(tmp_path / "missing")
    assert len(asked) == 1
