"""Banks in memory and on disk: what is saved is read again, and what is selected."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from example_banks import are_same_banks, make_bank
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domaingan.banks import Bank
from domaingan.core.errors import DataError


def first_image(bank: Bank) -> tuple[bool, float]:
    return isinstance(bank.images, np.memmap), float(bank[0].image.sum())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5), st.sampled_from([2, 3]))
def test_save_then_load_is_identity(tmp_path: Path, n: int, dims: int) -> None:
    bank = make_bank(n, dims)
    loaded = bank.save(tmp_path / "bank", overwrite=True)
    assert are_same_banks(bank, loaded)
    assert are_same_banks(loaded, Bank.load(str(tmp_path / "bank")))
    assert are_same_banks(loaded.save(tmp_path / "bank", overwrite=True), bank)  # onto itself


def test_saving_refuses_an_existing_folder(tmp_path: Path) -> None:
    make_bank().save(tmp_path / "bank")
    with pytest.raises(DataError, match="exists already"):
        make_bank(2).save(tmp_path / "bank")
    assert len(Bank.load(tmp_path / "bank")) == 6


def test_images_stay_on_disk_until_drawn(tmp_path: Path) -> None:
    bank = make_bank().save(tmp_path / "bank")
    assert isinstance(bank.images, np.memmap)
    assert isinstance(bank.masks, np.memmap)
    crop = bank[-1]
    assert (crop.index, crop.condition, crop.image.dtype) == (5, {"lesion": "oedema"}, np.float32)
    assert crop.spacing == pytest.approx(make_bank().entries["spacing"][5])
    crop.image[:] = 0
    crop.mask[:] = 0
    assert are_same_banks(bank, make_bank())


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells what is mapped")
def test_what_was_drawn_does_not_pile_up(tmp_path: Path) -> None:
    bank = make_bank(n=2000, size=32).save(tmp_path / "bank")
    total = sum(float(crop.image.sum()) for crop in bank)
    assert np.isfinite(total)
    resident, ours = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.split()[0]:
            ours = "images.npy" in line
        elif ours and line.startswith("Rss:"):
            resident += int(line.split()[1])
    assert resident < 1024 < bank.images.nbytes / 1024  # kB


def test_a_drawn_crop_is_a_copy_in_memory_too() -> None:
    bank = make_bank()
    bank.images = bank.images.astype(np.float32)
    bank[0].image[:] = 9
    assert bank.images[0].max() < 9
    with pytest.raises(IndexError):
        bank[6]


def test_a_bank_from_disk_travels_as_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = make_bank(200).save(tmp_path / "bank")
    monkeypatch.chdir(tmp_path)
    bank = Bank.load("bank")
    assert len(pickle.dumps(bank)) < 500 < saved.images.nbytes
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(first_image, bank).result() == (True, first_image(saved)[1])
        assert pool.submit(first_image, make_bank(200)).result() == (False, first_image(saved)[1])
    monkeypatch.chdir("/")
    assert are_same_banks(pickle.loads(pickle.dumps(saved)), saved)


def test_matching_and_counts() -> None:
    bank = make_bank(5)
    assert bank.find_matching(lesion="oedema").tolist() == [1, 3]
    assert bank.find_matching().tolist() == [0, 1, 2, 3, 4]
    assert bank.count_conditions() == {"lesion": {"enhancing": 3, "oedema": 2}}
    with pytest.raises(DataError, match=r"no lesion=core; expected one of enhancing, oedema"):
        bank.find_matching(lesion="core")
    with pytest.raises(DataError, match=r"no condition 'weather'; expected one of lesion"):
        bank.find_matching(weather="fog")
    assert "5 real crops, 8×8" in repr(bank)


def test_take_by_position_or_by_choice(tmp_path: Path) -> None:
    bank = make_bank().save(tmp_path / "bank")
    taken = bank.take([4, 1])
    assert taken.entries["subject"].tolist() == [1, 1]
    assert (taken.images == bank.images[[4, 1]]).all()
    assert taken.subjects == bank.subjects  # it cannot tell whom it no longer knows
    assert not isinstance(taken.images, np.memmap)
    assert are_same_banks(
        bank.take(bank.entries["condition:lesion"] == 1), bank.take(bank.find_matching(lesion="oedema"))
    )
    assert len(bank.take([])) == 0


@given(st.sets(st.sampled_from(["s0", "s1", "s2", "stranger"])))
def test_a_bank_of_some_subjects_knows_only_them(chosen: set[str]) -> None:
    bank = make_bank(7)
    own = bank.select_subjects(sorted(chosen))
    assert set(own.subjects) == chosen - {"stranger"}
    whose = [own.subjects[code] for code in own.entries["subject"]]
    assert len(whose) == sum(bank.subjects[code] in chosen for code in bank.entries["subject"])
    for crop, subject in zip(own, whose, strict=True):
        origin = [i for i in range(7) if np.array_equal(bank.images[i], own.images[crop.index])]
        assert [bank.subjects[bank.entries["subject"][i]] for i in origin] == [subject]


def test_generated_entries_belong_to_nobody_alone() -> None:
    bank = make_bank()
    bank.entries["subject"][2] = -1
    with pytest.raises(DataError, match="no particular subject"):
        bank.select_subjects(["s0"])
