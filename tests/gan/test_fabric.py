"""Two processes train one model: both end with the same weights, and only the first one writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from domaingan.core.errors import DataError
from domaingan.gan import GAN
from domaingan.gan.config_file import read_config
from domaingan.gan.data import TrainingCrops
from domaingan.gan.defaults import with_defaults
from domaingan.gan.fabric import average_over_processes
from domaingan.gan.training.run import make_config
from domaingan.gan.training.trainer import Trainer

SCRIPT = """
import os, sys, torch
torch.set_num_threads(1)
from domaingan.banks import Bank
from domaingan.gan import GAN
bank, out = sys.argv[1:]
gan = GAN.for_crops(Bank.load(bank), width=4, latent=8, batch=8, loss="relativistic", augment="ada", schedule=8)
gan.fit(Bank.load(bank), int(os.environ["STEPS"]), out, device="cpu", precision="32", resume=True, checkpoint_every=4)
state = {**gan.generator.state_dict(), **gan.discriminator.state_dict()}
flat = torch.cat([value.double().flatten() for value in state.values()])
with open(f"{out}-rank{os.environ['RANK']}", "w") as file:
    file.write(flat.sum().item().hex())
"""


def torchrun(bank: Path, out: Path, script: Path, steps: int) -> list[str]:
    """Train with two gloo processes; the sum of the weights that each of them ended with.

    Each writes its own file: on a pipe that they share, lines run into each other.
    """
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "STEPS": str(steps)}
    done = subprocess.run(
        [*command, script, bank, out], capture_output=True, text=True, timeout=240, env=environment, cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [Path(f"{out}-rank{rank}").read_text() for rank in range(2)]


def test_two_processes_end_with_the_same_weights_and_resume_to_the_bit(make_bank: Any, tmp_path: Path) -> None:
    make_bank(n=20).save(tmp_path / "bank")
    first, second = torchrun(tmp_path / "bank", tmp_path / "whole", tmp_path / "script.py", 8)
    assert first == second
    assert len(GAN.load(tmp_path / "whole").sample(3)) == 3
    assert (tmp_path / "whole" / "log.csv").read_text().count("\n") == 2
    torchrun(tmp_path / "bank", tmp_path / "parts", tmp_path / "script.py", 4)
    assert read_config(tmp_path / "parts").training.steps == 4
    torchrun(tmp_path / "bank", tmp_path / "parts", tmp_path / "script.py", 8)
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_alone_nothing_is_averaged() -> None:
    tensors = [torch.ones(3), None]
    average_over_processes(tensors, 1)
    assert torch.equal(tensors[0], torch.ones(3))  # type: ignore[arg-type]


def test_a_batch_that_cannot_be_shared_out_is_refused(make_bank: Any) -> None:
    bank = make_bank(n=8)
    settings = with_defaults(size=bank.size[0], spatial_dims=2, width=4, batch=5)
    config = make_config(bank, settings, steps=2, seed=0, precision="32")
    two: Any = SimpleNamespace(world_size=2, global_rank=0, device=torch.device("cpu"))
    with pytest.raises(DataError, match="batch 5 on 2 processes"):
        Trainer(config, TrainingCrops(bank, config), two)
