"""The training: batch, discriminator's step, generator's step, average, and what is written on the way."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from domaingan.errors import DataError
from domaingan.gan.augment import Augmentation, flip_axes
from domaingan.gan.checkpoint import flatten, load_checkpoint, restore, save_checkpoint
from domaingan.gan.config import GANConfig
from domaingan.gan.data import TrainingCrops
from domaingan.gan.log import Means, TrainingLog
from domaingan.gan.losses import LOSSES
from domaingan.gan.networks import build, channels_last
from domaingan.gan.seeds import seeded

LOG_EVERY = 10
CHECKPOINT_EVERY = 100


class Progress(Protocol):
    """Who is told how the training goes."""

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Called every few steps; ``metrics`` is the row that went into ``log.csv``, means since the last row."""


def fabric_for(device: str, precision: str) -> Fabric:
    """Lightning Fabric on ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        DataError: there is no such device here.
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise DataError(f"device {device!r}", expected="auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise DataError(f"no device {device!r}", expected="auto or cpu: PyTorch sees no such GPU")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every precision
    devices: list[int] | int = [int(number or 0)] if kind == "cuda" else 1
    mode: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if precision == "bf16-mixed" else "32-true"
    return Fabric(accelerator=kind, devices=devices, precision=mode)


def choose_device(device: str) -> str:
    """``auto`` is a GPU where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def choose_precision(precision: str, device: str) -> Literal["32", "bf16-mixed"]:
    """``auto`` is bf16 where the device multiplies it faster than float32: GPUs, and CPUs with AMX or AVX512-BF16."""
    if precision in ("32", "32-true"):
        return "32"
    if precision in ("bf16", "bf16-mixed"):
        return "bf16-mixed"
    if precision != "auto":
        raise DataError(f"precision {precision!r}", expected="auto, 32 or bf16")
    if device.startswith("cuda"):
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32"
    asks = [getattr(torch.cpu, f"_is_{what}_supported", None) for what in ("amx_tile", "avx512_bf16")]
    return "bf16-mixed" if any(ask() for ask in asks if ask is not None) else "32"


@dataclass
class Trainer:
    """Trains one pair of networks.

    All that is random in step ``t`` follows from the seed and ``t`` alone, so that a training that is killed and
    resumed takes the same steps as one that was not, and no generator's state needs to be kept.

    Args:
        config: the networks and how to train them.
        crops: what to train on.
        fabric: device and precision.
    """

    config: GANConfig
    crops: TrainingCrops
    fabric: Fabric
    step: int = 0
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = self.config
        generator, discriminator = build(config)
        self.ema = self.fabric.to_device(copy.deepcopy(generator)).requires_grad_(False)
        self.generator, self.opt_g = self.fabric.setup(generator, self._adam(generator, config.lr[0]))
        self.discriminator, self.opt_d = self.fabric.setup(discriminator, self._adam(discriminator, config.lr[1]))
        self.loss = LOSSES[config.loss]
        shape = (config.size,) * config.spatial_dims
        flips = flip_axes(config.domain, config.spatial_dims)
        limits = {"intensity": 0.0, "angle": 0.0} if config.kind == "scenes" else {}
        self.augment = Augmentation(len(config.channels), shape, flips, config.augment, **limits)
        self._networks = {"generator": generator, "discriminator": discriminator, "ema": self.ema}
        self._optimisers = {"opt_g": self.opt_g.optimizer, "opt_d": self.opt_d.optimizer}

    def _adam(self, network: nn.Module, lr: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=lr, betas=self.config.betas, fused=True)

    # ---------------------------------------------------------------- one step

    def train_step(self) -> dict[str, Tensor]:
        """One step of each player, on one batch; returns the losses and scores."""
        rng = seeded(self.config.seed, self.step)
        real, codes = (part.to(self.fabric.device) for part in self.crops.draw(self.config.batch, rng))
        z = torch.randn(len(real), self.config.latent, generator=rng).to(self.fabric.device)
        fake = self.generator(z, codes)

        self.discriminator.requires_grad_(True)
        on_real, on_fake = self._scores(real, codes, rng), self._scores(fake.detach(), codes, rng)
        loss_d = self.loss.discriminator(on_real, on_fake)
        self.fabric.backward(loss_d)
        self.opt_d.step()
        self.opt_d.zero_grad()

        self.discriminator.requires_grad_(False)
        loss_g = self.loss.generator(self._scores(fake, codes, rng))
        self.fabric.backward(loss_g)
        self.opt_g.step()
        self.opt_g.zero_grad()

        self._average()
        self.step += 1
        return {
            "loss_d": loss_d.detach(),
            "loss_g": loss_g.detach(),
            "d_real": (on_real.detach() > 0).float().mean(),
            "d_fake": (on_fake.detach() > 0).float().mean(),
        }

    def _scores(self, x: Tensor, codes: Tensor, rng: torch.Generator) -> Tensor:
        augmented = self.augment(x, self.augment.draw(len(x), rng))
        scores: Tensor = self.discriminator(augmented.contiguous(memory_format=channels_last(x.ndim - 2)), codes)
        return scores.float()

    @torch.no_grad()
    def _average(self) -> None:
        """Exponential moving average of the generator; short at first, so that the start is soon forgotten."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        source = self._networks["generator"]
        torch._foreach_lerp_(list(self.ema.parameters()), list(source.parameters()), 1 - decay)
        for own, current in zip(self.ema.buffers(), source.buffers(), strict=True):
            own.copy_(current)

    @torch.no_grad()
    def score_held_out(self) -> float:
        """The share of held-out real crops that the discriminator takes for real; NaN if none are held out."""
        rng = seeded(self.config.seed, self.step, 1)
        held = self.crops.held_out(self.config.batch, rng)
        if held is None:
            return math.nan
        self.discriminator.eval()
        scores = self._scores(held[0].to(self.fabric.device), held[1].to(self.fabric.device), rng)
        self.discriminator.train()
        return float((scores > 0).float().mean())

    # ---------------------------------------------------------------- to and from disk

    def save(self, folder: Path) -> None:
        """Write a checkpoint of this moment.

        Raises:
            DataError: a weight is not a number any more; the checkpoints before stay.
        """
        tensors = flatten(self._networks, self._optimisers)
        if not all(torch.isfinite(t).all() for t in tensors.values() if t.is_floating_point()):
            raise _diverged(self.step, folder.parent)
        save_checkpoint(folder, self.step, tensors)

    def resume(self, folder: Path) -> None:
        """Go on from the newest whole checkpoint, if there is one; torn ones are named in ``messages``."""
        self.step, tensors, self.messages = load_checkpoint(folder)
        if tensors:
            restore(tensors, self._networks, self._optimisers)


def train(
    trainer: Trainer,
    out: Path | None = None,
    *,
    progress: Progress | None = None,
    preview: Callable[[nn.Module], None] | None = None,
    checkpoint_every: int = CHECKPOINT_EVERY,
) -> float:
    """Take the steps that are left, with a log, checkpoints and a picture now and then.

    Args:
        trainer: at the step to go on from.
        out: the model folder, or None to write nothing.
        progress: told every few steps.
        preview: called with the averaged generator after each checkpoint.
        checkpoint_every: steps between checkpoints; there is always one after the last step.

    Returns:
        Real crops a second, over the steps taken.

    Raises:
        DataError: a loss or a weight is not a number any more.
    """
    log, means = TrainingLog(out and out / "log.csv", trainer.step), Means()
    total, first, busy, since = trainer.config.steps, trainer.step, 0.0, time.perf_counter()
    while trainer.step < total:
        means.add(trainer.train_step())
        last = trainer.step == total
        if trainer.step % LOG_EVERY == 0 or last:
            metrics = means.take()
            if not all(map(math.isfinite, metrics.values())):
                raise _diverged(trainer.step, out)
            metrics["d_heldout"] = trainer.score_held_out()
            now = time.perf_counter()
            busy, since = busy + now - since, now
            metrics["images_per_second"] = (trainer.step - first) * trainer.config.batch / busy
            log.row({"step": trainer.step, **metrics})
            if progress is not None:
                progress.update(trainer.step, total, metrics)
        if out is not None and (trainer.step % checkpoint_every == 0 or last):
            trainer.save(out / "checkpoints")
            if preview is not None:
                preview(trainer.ema)
            since = time.perf_counter()
    return (trainer.step - first) * trainer.config.batch / busy if busy else 0.0


def _diverged(step: int, out: Path | None) -> DataError:
    kept = "" if out is None else "; the last good checkpoint is kept"
    return DataError(
        f"training diverged at step {step} (NaN){kept}", path=out, expected="finite losses: try a lower learning rate"
    )
