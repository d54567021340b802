"""``domaingan train`` and what its flags reach: conditions, given images, losses; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inprocess import answer, refused, run

from domaingan.banks import Bank
from domaingan.gan.config_file import read_config

DATA = "phantom:medical"
QUICK = [
    "--where",
    "subject=phantom_000,phantom_001,phantom_002,phantom_003,phantom_004",
    "--steps",
    "3",
    "--width",
    "4",
    "--size",
    "16",
    "--batch",
    "4",
    "--device",
    "cpu",
]


def test_numbers_and_classes_together(tmp_path: Path) -> None:
    result = answer(
        "train", DATA, "--out", tmp_path / "m", "--condition", "lesion,radius_mm", "--loss", "relativistic",
        "--arch", "resnet", "--depth", "2", "--augment", "ada", "--features", "random", "--licence", "cc0-1.0", *QUICK,
    )  # fmt: skip
    assert result["steps"] == 3 and result["images_per_second"] > 0 and isinstance(result["messages"], list)
    config = read_config(tmp_path / "m")
    assert list(config.data.conditions) == ["lesion"] and list(config.data.numbers) == ["radius_mm"]
    network, training = config.network, config.training
    assert (network.arch, network.depth, network.skip, training.loss) == ("resnet", 2, "residual", "relativistic")
    assert training.ada == 0.6 and training.gamma == (2.0, 0.2)
    low, high = config.data.numbers["radius_mm"]
    expected = f"radius_mm={low:.4f}..{(low + high) / 2:.4f}"
    drawn = answer("sample", tmp_path / "m", "--out", tmp_path / "b", "--n", "4", "--condition", expected)
    bank = Bank.load(tmp_path / "b")
    assert drawn["n"] == len(bank) and (bank.entries["number:radius_mm"] <= (low + high) / 2 + 1e-3).all()
    message = refused("sample", tmp_path / "m", "--out", tmp_path / "c", "--condition", "radius_mm=900")
    assert "radius_mm=900" in message and "within" in message


@pytest.mark.parametrize("given", ["mask", "modality:t1c"])
def test_given_images_come_from_hosts(given: str, tmp_path: Path) -> None:
    answer("train", DATA, "--out", tmp_path / "m", "--given", given, *QUICK)
    message = refused("sample", tmp_path / "m", "--out", tmp_path / "b", "--n", "3")
    assert "hosts" in message
    answer("sample", tmp_path / "m", "--out", tmp_path / "b", "--n", "3", "--hosts", DATA)
    bank = Bank.load(tmp_path / "b")
    assert len(bank) == 3 and bank.info.generated
    assert set(read_config(tmp_path / "m").provenance.subjects) <= set(bank.subjects)  # those of the hosts as well


def test_what_cannot_be_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "m"
    for flags, words in (
        (["--given", "modality:t9"], "--given modality:t9"),
        (["--given", "ring"], "--given ring"),
        (["--augment", "much"], "--augment much"),
        (["--loss", "l7"], "no loss 'l7'"),
        (["--arch", "mlp", "--skip", "multiscale"], "arch mlp with skip multiscale"),
        (["--condition", "lesion,mood"], "no condition 'mood'"),
        (["--size", "48"], "48"),
        (["--features", "vgg"], "vgg"),
    ):
        line = refused("train", DATA, "--out", out, *QUICK, *flags)
        assert words in line, line
        assert not out.exists(), flags


def test_help_names_every_choice() -> None:
    from domaingan.gan.networks import ARCHITECTURES
    from domaingan.gan.training.losses import LOSSES

    text = " ".join(run("train", "--help")[1].replace("│", " ").split())
    for name in (*LOSSES, *ARCHITECTURES, "ada", "multiscale", "torchrun"):
        assert name in text, name


def test_the_log_is_read_back(tmp_path: Path) -> None:
    answer("train", DATA, "--out", tmp_path / "m", *QUICK)
    header = (tmp_path / "m" / "log.csv").read_text().splitlines()[0].split(",")
    assert {"d_real", "d_heldout", "d_fake", "r_t", "r_v", "grad_g", "kid", "diversity"} <= set(header)
    assert json.loads((tmp_path / "m" / "config.json").read_text())["format"] == 4
