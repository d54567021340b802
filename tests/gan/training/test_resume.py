"""A training that was killed ends with the weights of one that was not; torn and foreign folders are told apart."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from stored_configs import change_config

from domaingan.banks import Bank
from domaingan.core.errors import DataError
from domaingan.gan import GAN, FitResult
from domaingan.gan.config_file import read_config

STEPS = 60
SETTINGS: dict[str, Any] = {"width": 8, "latent": 16, "batch": 4, "schedule": STEPS, "augment": "ada"}


def _fit(bank: Bank, out: Path, steps: int = STEPS, resume: bool = False, **how: Any) -> FitResult:
    how = {"device": "cpu", "precision": "32", "checkpoint_every": 5} | how
    return GAN.for_crops(bank, **SETTINGS).fit(bank, steps, out, resume=resume, **how)


SCRIPT = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[3])
from test_resume import _fit, Bank
_fit(Bank.load(sys.argv[1]), Path(sys.argv[2]), resume=True)
"""


def _run_and_kill(bank: Path, out: Path, delay: float) -> bool:
    """Train in another process and kill it ``delay`` seconds after a checkpoint; False if it ended first."""
    here = Path(__file__).parent
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, bank, out, here], cwd=here.parents[1])
    try:
        before = set((out / "checkpoints").glob("*.json"))
        while process.poll() is None and set((out / "checkpoints").glob("*.json")) == before:
            time.sleep(0.002)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def test_killed_and_resumed_is_bit_equal_to_uninterrupted(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank(n=20).save(tmp_path / "bank")
    _fit(bank, tmp_path / "whole")
    chance = random.Random(0)
    kills = sum(_run_and_kill(tmp_path / "bank", tmp_path / "killed", chance.uniform(0, 0.05)) for _ in range(2))
    assert kills >= 1
    assert _fit(bank, tmp_path / "killed", resume=True).steps == STEPS
    whole, killed = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "killed"))
    assert whole == killed
    rows = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "killed")]
    without_speed = [[row.rsplit(",", 1)[0] for row in log] for log in rows]
    assert [row.split(",")[0] for row in without_speed[0]] == [row.split(",")[0] for row in without_speed[1]]


def test_a_torn_checkpoint_is_passed_over_with_a_word(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank()
    _fit(bank, tmp_path / "whole", 20)
    _fit(bank, tmp_path / "m", 10)
    newest = max((tmp_path / "m" / "checkpoints").glob("*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-100])
    result = _fit(bank, tmp_path / "m", 20, resume=True)
    assert len(result.messages) == 1 and "torn" in result.messages[0] and newest.name in result.messages[0]
    assert (tmp_path / "m" / "weights.safetensors").read_bytes() == (
        tmp_path / "whole" / "weights.safetensors"
    ).read_bytes()
    assert len(list((tmp_path / "m" / "checkpoints").iterdir())) == 4  # two are kept, each with its checksum


def test_a_finished_training_is_not_trained_again(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank()
    _fit(bank, tmp_path / "m", 10)
    before = (tmp_path / "m" / "weights.safetensors").stat().st_mtime_ns
    assert _fit(bank, tmp_path / "m", 10, resume=True).images_per_second == 0
    assert (tmp_path / "m" / "weights.safetensors").stat().st_mtime_ns == before
    with pytest.raises(DataError, match="at least the 10"):
        _fit(bank, tmp_path / "m", 8, resume=True)


def test_an_existing_folder_is_refused_and_another_config_not_resumed(make_bank: Any, tmp_path: Path) -> None:
    bank = make_bank()
    _fit(bank, tmp_path / "m", 4)
    with pytest.raises(DataError, match="exists already"):
        _fit(bank, tmp_path / "m", 4)
    with pytest.raises(DataError, match="seed 1 instead of 0"):
        _fit(bank, tmp_path / "m", 4, resume=True, seed=1)
    with pytest.raises(DataError, match="other crops_sha256"):
        _fit(make_bank(n=13), tmp_path / "m", 4, resume=True)
    assert _fit(bank, tmp_path / "m", 4, overwrite=True, seed=1).steps == 4
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("years of work")
    for how in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(DataError):
            _fit(bank, tmp_path / "other", 4, **how)
    assert (tmp_path / "other" / "thesis.tex").exists()


def test_a_folder_that_is_no_whole_model_is_refused(make_bank: Any, tmp_path: Path) -> None:
    model = tmp_path / "m"
    _fit(make_bank(), model, 4)
    written = (model / "config.json").read_bytes()
    config = json.loads(written)
    del config["sha256"]  # as whoever changes it by hand does

    def refused(match: str, **changes: Any) -> None:
        (model / "config.json").write_text(json.dumps(change_config(config, **changes)))
        with pytest.raises(DataError, match=match) as caught:
            GAN.load(model)
        assert str(model) in str(caught.value) and "\n" not in str(caught.value)

    refused("training not finished.*--resume", weights_sha256="")
    refused("model format 99.*update", format=99)
    refused("size: ", size="large")
    refused("colour", colour="red")
    refused("model format '3'", format="3")
    refused("a range of 1 to 0", image_range=[[1, 0]] * 2)
    refused("NaN", image_range=[[0, math.nan]] * 2)
    refused("changed since it was written", sha256="0" * 64)
    refused("no architecture", arch="stylegan")
    refused("not the weights of this config", width=16)
    (model / "config.json").write_bytes(written)
    GAN.load(model)
    weights = bytearray((model / "weights.safetensors").read_bytes())
    weights[-7] ^= 1
    (model / "weights.safetensors").write_bytes(weights)
    refused("checksum differs")
    (model / "weights.safetensors").unlink()
    refused("missing")
    with pytest.raises(DataError, match="no model"):
        GAN.load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no model"):
        read_config(tmp_path)


def test_any_flipped_byte_of_a_config_is_noticed(make_bank: Any, tmp_path: Path) -> None:
    """Or changes nothing but where its lines break."""
    _fit(make_bank(), tmp_path / "m", 2)
    path, chance = tmp_path / "m" / "config.json", random.Random(0)
    written, config = path.read_bytes(), read_config(tmp_path / "m")
    assert not path.stat().st_mode & 0o077 ^ (tmp_path / "m" / "weights.safetensors").stat().st_mode & 0o077
    noticed = 0
    for _ in range(300):
        changed = bytearray(written)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            assert read_config(tmp_path / "m") == config
        except DataError as error:
            assert "\n" not in str(error)
            noticed += 1
    assert noticed > 200


@pytest.mark.parametrize(
    "settings",
    [
        {"arch": "mlp", "loss": "nonsaturating"},  # dropout
        {"arch": "resnet", "loss": "wgan-gp", "dims": 3},  # a random mix between real and fake
        {"arch": "dcgan", "skip": "multiscale", "loss": "hinge", "precision": "bf16"},  # spectral normalisation
        {"arch": "unet", "conditioning": ("mask",), "augment": 0.5},
    ],
    ids=lambda settings: settings["arch"],
)
def test_every_architecture_resumes_to_the_bit(settings: dict[str, Any], make_bank: Any, tmp_path: Path) -> None:
    settings = dict(settings)
    bank, precision = make_bank(dims=settings.pop("dims", 2), size=8), settings.pop("precision", "32")

    def fit(name: str, steps: int, resume: bool = False) -> bytes:
        how: dict[str, Any] = {"device": "cpu", "precision": precision, "eval_every": 0, "checkpoint_every": 4}
        GAN.for_crops(bank, **SETTINGS | settings).fit(bank, steps, tmp_path / name, resume=resume, **how)
        return (tmp_path / name / "weights.safetensors").read_bytes()

    assert fit("parts", 4) != fit("whole", 8)
    assert fit("parts", 8, resume=True) == fit("again", 8) == (tmp_path / "whole" / "weights.safetensors").read_bytes()
