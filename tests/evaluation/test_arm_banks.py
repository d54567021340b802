"""Banks of arms: who they are made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domaingan import phantoms
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.core.progress import SilentProgress
from domaingan.data import Dataset
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arm_banks import BankBuilder, build_banks
from domaingan.evaluation.arms import Arm, parse_arms
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.views.slices import slice_volumes

PEOPLE: Dataset = slice_volumes(phantoms.load_phantom("medical", subjects=5, shape=(32, 32, 16))).load_into_memory()
TRAIN = PEOPLE.select_groups(PEOPLE.groups[:4])
TEST = PEOPLE.select_groups(PEOPLE.groups[4:])


def make_builder(arms: list[str], folder: Path) -> BankBuilder:
    config = EvaluationConfig(data="scans", arms=arms, steps=2, dims=2, size=16, gan_steps=2, gan_samples=6)
    return BankBuilder(TRAIN, config, folder, SilentProgress())


def test_each_share_of_people_has_a_bank_and_a_generator_of_its_own(tmp_path: Path) -> None:
    arms = ["copy-paste+classic", "gan+classic@people=0.5", "copy-paste+classic@crops=0.5", "copy-paste@ratio=1"]
    banks = build_banks(parse_arms(arms), TEST, make_builder(arms, tmp_path))
    half = PeopleShares.draw(TRAIN.records, seed=0).take(0.5)
    assert set(banks) == {"copy-paste", "copy-paste@crops=0.5", "gan@crops=0.5"}
    assert set(banks["copy-paste"].subjects) == set(TRAIN.groups)
    assert set(banks["copy-paste@crops=0.5"].subjects) == half
    assert set(banks["gan@crops=0.5"].subjects) == half
    assert (tmp_path / "gan@crops=0.5").is_dir() and not (tmp_path / "gan").exists()


def test_objects_are_inpainted_into_the_hosts_of_the_arm_alone(tmp_path: Path) -> None:
    arms = ["refine+classic@hosts=0.5"]
    banks = build_banks(parse_arms(arms), TEST, make_builder(arms, tmp_path))
    shares = PeopleShares.draw(TRAIN.records, seed=0)
    bank = banks["refine@hosts=0.5"]
    names = {bank.info.hosts[code] for code in bank.entries["host"]}
    assert names <= {record.name for record in shares.select_owned(TRAIN.records, 0.5)}
    assert set(Bank.load(tmp_path / "bank-copy-paste").subjects) == set(TRAIN.groups)


def test_modifiers_reach_the_paste() -> None:
    real = crops(TRAIN, 16)
    arm = Arm.parse("copy-paste+deform-paste+classic@ratio=1@per-image=2-4")
    augment = build_augmentation(arm, {"copy-paste": real, "deform-paste": real}, TRAIN.schema)
    assert augment.paste_share == 1 and {paste.per_image for paste in augment.pastes.values()} == {(2, 4)}
    plain = build_augmentation(Arm.parse("copy-paste"), {"copy-paste": real}, TRAIN.schema)
    assert plain.paste_share == 0.5 and plain.pastes["copy-paste"].per_image == (1, 3)


@pytest.mark.parametrize(("ratio", "is_pasted"), [("0", False), ("1", True)])
def test_a_ratio_of_images_is_pasted_into(ratio: str, is_pasted: bool) -> None:
    arm = Arm.parse(f"copy-paste@ratio={ratio}")
    augment = build_augmentation(arm, {"copy-paste": crops(TRAIN, 16)}, TRAIN.schema)
    rng = np.random.default_rng(0)
    for sample in TRAIN[:8]:
        assert bool(augment.blend(sample, rng).pasted_crops) == is_pasted


def test_only_hosts_are_pasted_into() -> None:
    bank = crops(TRAIN, 16)
    host, other = TRAIN[0], TRAIN[len(TRAIN) - 1]
    augment = build_augmentation(
        Arm.parse("copy-paste@ratio=1"), {"copy-paste": bank}, TRAIN.schema, paste_hosts=frozenset([host.name])
    )
    rng = np.random.default_rng(0)
    assert augment.blend(host, rng).pasted_crops and augment.blend(other, rng) is other
