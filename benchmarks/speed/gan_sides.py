"""What ``gan_speed.py`` times: a step of each side, on the same crops."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.lib.peers.dcgan_loop import Batch, ExampleLoop, make_example_discriminator, make_example_generator
from domaingan.banks import Bank, BankInfo, create_entries
from domaingan.core.files import write_json
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig
from domaingan.gan.config_checks import build_config
from domaingan.gan.config_from_bank import describe_data, describe_provenance
from domaingan.gan.data import MAX_RESIDENT_BYTES, TrainingCrops
from domaingan.gan.defaults import with_defaults
from domaingan.gan.fabric import make_fabric
from domaingan.gan.model import GAN
from domaingan.gan.networks import build_networks
from domaingan.gan.networks.parts import list_widths
from domaingan.gan.sampling.generate import SAMPLING_BATCH
from domaingan.gan.sampling.sample_conditions import sample_conditions
from domaingan.gan.training.trainer import Trainer

INFO: dict[str, Any] = {
    "channels": ["red", "green", "blue"],
    "classes": {"shell": 1, "core": 2},
    "conditions": {"lesion": ["shell", "core"]},
}
LATENT = 100
"""The example's."""


@dataclass
class TimedSide:
    """One of those compared.

    Attributes:
        step: what is timed.
        images: how many a step goes through.
        done: called at the end.
        notes: more numbers to keep.
    """

    step: Callable[[], object]
    images: int = 0
    done: Callable[[], object] = lambda: None
    notes: Mapping[str, int] = field(default_factory=dict)


# ---------------------------------------------------------------- crops


def make_bank(folder: Path, n: int, dims: int, size: int) -> Path:
    """A folder of ``n`` random crops, discs or balls in noise, written in pieces unless it is there."""
    path = folder / f"bank-{n}-{dims}-{size}"
    if path.exists():
        return path
    path.mkdir()
    rng, shape = np.random.default_rng(n), (size,) * dims
    info = BankInfo(spatial_dims=dims, subjects=[f"s{i}" for i in range(10)], **INFO)
    images = np.lib.format.open_memmap(path / "images.npy", "w+", np.float16, (n, 3, *shape))
    masks = np.lib.format.open_memmap(path / "masks.npy", "w+", np.uint8, (n, *shape))
    distance = np.linalg.norm(np.indices(shape) - (size - 1) / 2, axis=0)
    radii = rng.uniform(0.2, 0.4, n) * size
    piece = max(1, 2**22 // size**dims)
    for start in range(0, n, piece):
        radius = radii[start : start + piece].reshape(-1, *[1] * dims)
        core = (np.arange(start, start + len(radius)) % 2 == 1).reshape(radius.shape)
        mask = (distance < radius) + (core & (distance < radius / 2)).astype(np.uint8)
        noise = rng.random((len(radius), 3, *shape), dtype=np.float32)
        images[start : start + piece] = 0.2 + 0.2 * noise + 0.25 * mask[:, None]
        masks[start : start + piece] = mask
    entries = create_entries(info, n)
    entries["subject"], entries["condition:lesion"] = np.arange(n) % 10, np.arange(n) % 2
    entries["radius_mm"], entries["source_size"], entries["centre"] = radii, 4 * size, 0.5
    np.save(path / "entries.npy", entries)
    write_json(path / "bank.json", info.model_dump())
    return path


def make_config(crops: Bank, precision: str, **settings: Any) -> GANConfig:
    """What ``GAN.for_crops(crops, …).fit(crops)`` trains by."""
    shape: dict[str, Any] = {"size": crops.size[0], "spatial_dims": crops.info.spatial_dims}
    chosen = with_defaults(**{"arch": "dcgan", "width": 32} | shape | settings)
    training = chosen.training.model_dump() | {"schedule": 1000, "precision": precision}
    return build_config(
        network=chosen.network, training=training, data=describe_data(crops), provenance=describe_provenance(crops)
    )


class OneByOne(Dataset[Any]):
    """The crops as a DataLoader takes them: stack, codes and numbers of each."""

    def __init__(self, crops: TrainingCrops) -> None:
        self.crops = crops

    def __len__(self) -> int:
        return len(self.crops.training_rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        stacks, condition = self.crops.encode(self.crops.training_rows[[index]])
        return stacks[0], condition.codes[0], condition.numbers[0]


# ---------------------------------------------------------------- training steps


def make_our_training(
    path: Path, precision: str, *, max_resident_bytes: int = MAX_RESIDENT_BYTES, cold: bool = False, **settings: Any
) -> TimedSide:
    """A step of our training, as a user gets it.

    Args:
        path: of the bank.
        precision: ``32`` or ``bf16-mixed``.
        most: bytes of crops that may be kept in memory.
        cold: have the system forget the bank's files first.
        **settings: of the GAN.
    """
    config = make_config(Bank.load(path), precision, **settings)
    if cold:
        drop_file_cache(path)
    crops = TrainingCrops(Bank.load(path), config, "cpu", max_resident_bytes)
    trainer = Trainer(config, crops, make_fabric("cpu", precision))
    return TimedSide(trainer.train_step, config.training.batch, trainer.feed.close)


def drop_file_cache(path: Path) -> None:
    """Drop a folder's files from the page cache."""
    for file in path.iterdir():
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())  # what is not on disk yet is not forgotten
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_loop_with_our_networks(path: Path, **settings: Any) -> TimedSide:
    """A step of the example's loop with our networks."""
    crops = Bank.load(path)
    config = make_config(crops, "32", **settings)
    generator, discriminator = build_networks(config)

    def condition(batch: Batch) -> Condition:
        return Condition(batch[1], batch[2], batch[0][:, :0])

    loop = ExampleLoop(
        generator,
        discriminator,
        lambda batch: generator.generate(torch.randn(len(batch[0]), config.network.latent), condition(batch))[-1],
        lambda images, batch: discriminator([images], condition(batch)),
        OneByOne(TrainingCrops(crops, config)),
        config.training.batch,
    )
    return TimedSide(loop.step, config.training.batch)


def make_loop_with_own_networks(path: Path, **settings: Any) -> TimedSide:
    """A step of the example's loop with the example's networks, as wide as ours."""
    crops = Bank.load(path)
    config = make_config(crops, "32", **settings)
    widths, channels, dims = list_widths(config), len(config.is_conditioning), config.network.spatial_dims
    generator = make_example_generator(LATENT, widths[::-1], channels, dims)
    discriminator = make_example_discriminator(channels, widths, dims)
    loop = ExampleLoop(
        generator,
        discriminator,
        lambda batch: generator(torch.randn(len(batch[0]), LATENT, *[1] * dims)),
        lambda images, batch: discriminator(images),
        OneByOne(TrainingCrops(crops, config)),
        config.training.batch,
    )
    return TimedSide(loop.step, config.training.batch)


def make_matmul(dtype: torch.dtype, n: int = 3072) -> TimedSide:
    """The product of two large matrices: what the device can do."""
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    return TimedSide(lambda: a @ b)


# ---------------------------------------------------------------- drawing


def make_sampling_sides(path: Path, n: int, steps: int, width: int) -> dict[str, Callable[[], TimedSide]]:
    """``GAN.sample`` of a model that was trained for so long that its masks are usable, and the bare forward pass."""
    crops = Bank.load(path)
    gan = GAN.for_crops(crops, width=width)
    gan.fit(crops, steps, device="cpu", eval_every=0)
    config, generator = gan.config, gan.generator
    assert config is not None and generator is not None
    condition = sample_conditions(config, SAMPLING_BATCH, 0, {})

    @torch.no_grad()
    def forward() -> None:
        for _ in range(n // SAMPLING_BATCH):
            generator.generate(torch.randn(SAMPLING_BATCH, config.network.latent), condition)

    again = gan.sample(n, device="cpu").info.left_out
    drawn, bare = TimedSide(lambda: gan.sample(n, device="cpu"), n, notes=again), TimedSide(forward, n)
    return {"sample": lambda: drawn, "forward": lambda: bare}
