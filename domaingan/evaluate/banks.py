"""The banks of a fold: real crops of its training subjects, and what a GAN fitted to them draws."""

from __future__ import annotations

from pathlib import Path

from domaingan.bank import Bank
from domaingan.cropping import crops
from domaingan.evaluate.arms import Arm
from domaingan.evaluate.config import EvaluationConfig
from domaingan.evaluate.progress import Progress
from domaingan.evaluate.split import refuse_leak
from domaingan.gan import GAN
from domaingan.sample import Dataset


def banks_for(
    arms: list[Arm],
    train: Dataset,
    test: Dataset,
    config: EvaluationConfig,
    folder: Path,
    progress: Progress,
) -> dict[str, Bank]:
    """For each source that an arm names its bank, made from the training samples alone.

    What was made before in ``folder`` is opened again; a GAN that was interrupted goes on.

    Args:
        arms: the arms of the evaluation.
        train: training samples at the grid worked in.
        test: test samples; only their subjects are looked at, to refuse a bank that knows one.
        config: sizes and steps.
        folder: where the fold keeps its banks and its GAN.
        progress: told how a GAN's training goes.
    """
    wanted = {source for arm in arms for source in arm.sources}
    banks: dict[str, Bank] = {}
    if not wanted:
        return banks
    real = folder / "bank-copy-paste"
    if not (real / "bank.json").is_file():
        crops(train, config.size).save(real, overwrite=True)
    banks["copy-paste"] = Bank.load(real)
    if "gan" in wanted:
        banks["gan"] = Bank.load(config.bank) if config.bank else _fitted(banks["copy-paste"], config, folder, progress)
    for bank in banks.values():
        refuse_leak(bank, test)
    return banks


def _fitted(real: Bank, config: EvaluationConfig, folder: Path, progress: Progress) -> Bank:
    out, drawn = folder / "gan", folder / "bank-gan"
    if not (drawn / "bank.json").is_file():
        progress.start(f"fitting a GAN to {len(real)} crops")
        gan = GAN.for_crops(real)
        gan.fit(
            real,
            steps=config.gan_steps,
            out=out,
            resume=out.exists(),
            seed=config.seed,
            precision=config.precision,
            progress=progress,
        )
        gan.sample(config.gan_samples, seed=config.seed).save(drawn, overwrite=True)
    return Bank.load(drawn)
