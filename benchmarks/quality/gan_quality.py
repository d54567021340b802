"""How good what a GAN draws is after a small training on 100 real crops: KID and coverage, by loss and architecture.

    python -m benchmarks.quality.gan_quality DATA --set camvid --out runs/gan-quality \\
        [--configs plain,hinge] [--seeds 0,1,2]

Two sets of real crops of 32 pixels: lesions in the slices of brain MRI (four channels), and cars, pedestrians and
cyclists in street frames (RGB). Each is cut into three parts of whole stretches, so that no crop has a neighbour in
another part: 100 crops to train on, up to 300 to compare with, as many again that say how near a real sample of this
size comes. Stretches are blocks of 5 s of a drive, and runs of ten slices of a person: the four people differ from each
other more than any two samples of one of them (KID 0.28), which would drown the differences between generators.

Every cell is a training of 2,000 steps of 16 crops and its own JSON file; what is there is not computed again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import domaingan as dg
from benchmarks.lib.peers import dcgan
from domaingan.banks import Bank
from domaingan.gan import GAN
from domaingan.gan.data import TrainingCrops, decode_stacks
from domaingan.gan.sampling.generate import generate
from domaingan.gan.seeds import make_rng
from domaingan.metrics.fidelity.features import FeatureExtractor, make_extractor
from domaingan.metrics.fidelity.kid import compute_kid
from domaingan.metrics.fidelity.precision_recall import compute_precision_recall
from domaingan.views.slices import slice_volumes

SIZE, STEPS, BATCH, WIDTH = 32, 2000, 16, 32
TRAIN, COMPARED, DRAWN = 100, 300, 300

LOSSES = ("minimax", "nonsaturating", "least-squares", "hinge", "wgan-gp", "relativistic")

CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    **{loss: {"loss": loss, "augment": "ada"} for loss in LOSSES},
    **{f"{loss} fixed": {"loss": loss, "augment": 0.6} for loss in ("hinge", "relativistic")},
}
"""``plain`` is the textbook's DCGAN; all others are our ``dcgan``, augmented by ADA or at 0.6 from the start."""


def load_crops(data: Path, name: str) -> Bank:
    """All crops of a set, and the stretch of each as its subject."""
    dataset = dg.load(data / name)
    if name == "camvid":
        return dg.crops(dataset, SIZE)
    bank = dg.crops(slice_volumes(dataset, labelled_only=True), SIZE)
    runs: dict[int, int] = {}
    stretch = np.zeros(len(bank), dtype=np.int64)
    for i, subject in enumerate(bank.entries["subject"]):
        runs[int(subject)] = runs.get(int(subject), -1) + 1
        stretch[i] = subject * 1000 + runs[int(subject)] // 10
    bank.entries["subject"] = np.unique(stretch, return_inverse=True)[1]
    names = [f"stretch {i}" for i in range(int(bank.entries["subject"].max()) + 1)]
    return Bank(bank.info.model_copy(update={"subjects": names}), bank.images, bank.masks, bank.entries)


def split_bank(bank: Bank) -> tuple[Bank, Bank, Bank]:
    """Crops to train on, to compare with, and the real ones that are compared in their turn; by whole stretches."""
    rng = np.random.default_rng(0)
    stretches = rng.permutation(len(bank.info.subjects))
    chosen = []
    for part, n in zip(np.array_split(stretches, 3), (TRAIN, COMPARED, COMPARED), strict=True):
        rows = np.flatnonzero(np.isin(bank.entries["subject"], part))
        chosen.append(bank.take(np.sort(rng.permutation(rows)[:n])))
    return chosen[0], chosen[1], chosen[2]


def scale_to_unit(images: np.ndarray[Any, Any], config: Any) -> np.ndarray[Any, Any]:
    """Images in [0, 1], as the networks' range has it."""
    low, high = (end.reshape(-1, 1, 1) for end in np.array(config.data.image_range, np.float32).T)
    return np.clip((images.astype(np.float32) - low) / (high - low), 0, 1)


def train_plain_dcgan(bank: Bank, seed: int) -> Callable[[int], np.ndarray[Any, Any]]:
    """Train the textbook's DCGAN on images and masks together; returns what draws images in [0, 1]."""
    config = GAN.for_crops(bank).make_config(bank, STEPS, "32", seed)
    data = TrainingCrops(bank, config)
    rng = make_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        channels = len(config.is_conditioning)
        loop = dcgan.PlainTraining(
            (dcgan.make_generator(SIZE, channels, WIDTH), dcgan.make_discriminator(SIZE, channels, WIDTH))
        )
    for _ in range(STEPS):
        chosen = torch.randint(len(bank), (BATCH,), generator=rng).numpy()
        loop.step(data.encode(chosen)[0], torch.randn(BATCH, dcgan.LATENT, generator=rng))
    network = loop.generator.eval()

    def generate_images(n: int) -> np.ndarray[Any, Any]:
        with torch.no_grad():
            stacks = network(torch.randn(n, dcgan.LATENT, generator=rng)[..., None, None])
        return scale_to_unit(decode_stacks(stacks, config)[0], config)

    return generate_images


def train_our_gan(bank: Bank, seed: int, **settings: Any) -> Callable[[int], np.ndarray[Any, Any]]:
    """Train one of our configurations; returns what draws images in [0, 1], with conditions as the crops have them."""
    gan = GAN.for_crops(bank, width=WIDTH, batch=BATCH, **settings)
    gan.fit(bank, STEPS, seed=seed, device="cpu", eval_every=0)
    config, generator = gan._require_fitted()
    data, rng = TrainingCrops(bank, config), make_rng(seed, 0, 9)

    def generate_images(n: int) -> np.ndarray[Any, Any]:
        condition = data.encode(torch.randint(len(bank), (n,), generator=rng).numpy())[1]
        stacks = generate(generator, config, torch.randn(n, config.network.latent, generator=rng), condition)
        return scale_to_unit(decode_stacks(stacks, config)[0], config)

    return generate_images


def measure_fidelity(
    fake: np.ndarray[Any, Any], real: np.ndarray[Any, Any], features: FeatureExtractor
) -> dict[str, float]:
    """KID, its error, precision, recall, density and coverage of generated images against real ones."""
    a, b = features(real), features(fake)
    distance, shares = compute_kid(a, b), compute_precision_recall(a, b)
    return {"kid": distance.value, "kid_error": distance.error} | {
        name: float(getattr(shares, name)) for name in ("precision", "recall", "density", "coverage")
    }


def main() -> None:
    """Compute the cells asked for that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder that holds brats and camvid")
    parser.add_argument("--set", required=True, choices=("brats", "camvid"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--configs", default=",".join(CONFIGS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    train, compared, held = split_bank(load_crops(asked.data, asked.set))
    features = make_extractor(rgb=asked.set == "camvid")
    reference = GAN.for_crops(train).make_config(train, STEPS, "32", 0)
    real, other = (scale_to_unit(np.asarray(bank.images), reference) for bank in (compared, held))
    floor = measure_fidelity(other, real, features)
    print(asked.set, {name: round(value, 4) for name, value in floor.items()}, flush=True)
    for seed in map(int, asked.seeds.split(",")):
        for name in asked.configs.split(","):
            cell = asked.out / f"{asked.set}-{name.replace(' ', '-')}-{seed}.json"
            if cell.is_file():
                continue
            started = time.perf_counter()
            draw = train_plain_dcgan(train, seed) if name == "plain" else train_our_gan(train, seed, **CONFIGS[name])
            seconds = time.perf_counter() - started
            images = draw(DRAWN)
            result = {
                "set": asked.set, "config": name, "seed": seed, "steps": STEPS, "seconds": round(seconds, 1),
                "train": len(train), "compared": len(compared), "features": features.name, "floor": floor,
                **measure_fidelity(images, real, features),
            }  # fmt: skip
            np.save(cell.with_suffix(".npy"), images[:64].astype(np.float16))
            cell.with_suffix(".part").write_text(json.dumps(result, indent=1))
            cell.with_suffix(".part").rename(cell)
            print(name, seed, round(result["kid"], 4), "±", round(result["kid_error"], 4),
                  "coverage", round(result["coverage"], 3), f"{seconds:.0f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
