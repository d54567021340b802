"""The banks of a fold: real crops and scenes of its training subjects, and samples of GANs trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.core.progress import Progress
from domaingan.data import Dataset
from domaingan.evaluation.arms import INPAINTED_SOURCES, Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import refuse_leak
from domaingan.gan import GAN
from domaingan.inpainting.windows import add_healthy_windows, mark_healthy_share, sample_windows

SOURCES_WITHOUT_GAN = ("copy-paste", "deform-paste", "reference-relight")

REFERENCE_FRAME_SIZE = 128
"""Edge of a real frame that serves as a reference: a style is in its coarse colours."""

HEALTHY_SHARE = 1 / 3
"""Share of the inpainted patches that hold no object. They are pasted beside objects, and change no label."""


@dataclass
class BankBuilder:
    """Builds each bank of a fold once; one that is in ``folder`` already is opened again.

    Attributes:
        train: training samples at the grid worked in.
        config: sizes and steps.
        folder: where the fold stores its banks and its GANs.
        progress: receives the progress of a GAN's training.
    """

    train: Dataset
    config: EvaluationConfig
    folder: Path
    progress: Progress

    def build(self, source: str) -> Bank:
        """Build the bank of a source from the training samples alone, or open it; resumes an interrupted GAN.

        Args:
            source: a key of :data:`domaingan.evaluation.arms.PASTE_SOURCES` or ``RELIGHT_SOURCES``.

        Raises:
            DataError: nothing can be cut from the samples, or they have no condition to relight towards.
        """
        if source == "deform-paste":
            return self.build("copy-paste")
        user_bank = self._load_user_bank()
        if user_bank is not None and source in list_supported_sources(user_bank):
            return user_bank
        path = self.folder / f"bank-{source}"
        if not (path / "bank.json").is_file():
            self._build_from_training(source).save(path, overwrite=True)
        return Bank.load(path)

    def _load_user_bank(self) -> Bank | None:
        return None if self.config.bank is None else Bank.load(self.config.bank)

    def _build_from_training(self, source: str) -> Bank:
        config = self.config
        if source == "copy-paste":
            user_bank = self._load_user_bank()
            if user_bank is not None and is_real_bank(user_bank) and has_no_masks(self.train):
                return user_bank
            return crops(self.train, config.size)
        if source == "gan":
            return self._fit_gan_and_sample(self.build("copy-paste"), "gan", config.gan_samples)
        if source in INPAINTED_SOURCES:
            return self._build_inpainted(source)
        if source == "reference-relight":
            return scenes(self.train, REFERENCE_FRAME_SIZE, self._choose_conditions())
        return self._fit_gan_and_sample(self.build_scenes(), "gan-scenes", config.gan_samples)

    def build_scenes(self) -> Bank:
        """Build the bank of training scenes that a generator of styles is trained on."""
        return scenes(self.train, self.config.size, self._choose_conditions())

    def _choose_conditions(self) -> tuple[str, ...]:
        """Choose the conditions by which styles differ: those that the test names, else all."""
        conditions = self.train.schema.conditions
        if not conditions:
            expected = "a condition, such as a column 'lighting' of samples.csv"
            raise DataError("no condition to relight towards", path=self.train.root, expected=expected)
        tested = tuple(name for name in self.config.target_conditions if name in conditions)
        return tested or conditions

    def _build_inpainted(self, source: str) -> Bank:
        """Build the bank of what a GAN generates inside the training images, several times in each of them."""
        config = self.config
        real = self.build("copy-paste")
        is_refined = source == "refine"
        self.progress.start(f"finding {config.gan_samples} places in {len(self.train)} images")
        hosts = sample_windows(self.train, real, config.gan_samples, config.seed, pasted=is_refined, reshaped=True)
        if is_refined:
            return self._fit_gan_and_sample(real, source, len(hosts), hosts, conditioning=("paste", "mask"))
        with_healthy = add_healthy_windows(real, self.train, seed=config.seed)
        hosts = mark_healthy_share(hosts, HEALTHY_SHARE)
        return self._fit_gan_and_sample(with_healthy, source, len(hosts), hosts, conditioning=("mask", "ring"))

    def _fit_gan_and_sample(self, real: Bank, name: str, n: int, hosts: Bank | None = None, **settings: Any) -> Bank:
        self.progress.start(f"fitting a GAN to {len(real)} {real.info.kind}")
        config = self.config
        out = self.folder / name
        gan = GAN.for_crops(real, **settings)
        gan.fit(
            real,
            steps=config.gan_steps,
            out=out,
            resume=out.exists(),
            seed=config.seed,
            device=config.device,
            precision=config.precision,
            progress=self.progress,
        )
        return gan.sample(n, seed=config.seed, device=config.device, hosts=hosts)


def is_real_bank(bank: Bank) -> bool:
    """Return whether a bank holds real crops that are not bound to a place."""
    return bank.info.kind == "crops" and not bank.info.generated and not bank.info.hosts


def has_no_masks(train: Dataset) -> bool:
    """Return whether frames have boxes alone, so that real crops must come from a bank of the user."""
    return train.schema.domain.has_ground and all(sample.mask is None for sample in train)


def list_supported_sources(bank: Bank) -> tuple[str, ...]:
    """List the sources of arms that a bank of the user can stand for."""
    if bank.info.kind == "scenes":
        return ("relight",)
    return INPAINTED_SOURCES if bank.info.hosts else ("gan",)


def build_banks(arms: Sequence[Arm], test: Dataset, builder: BankBuilder) -> dict[str, Bank]:
    """Build the bank of each source that an arm names.

    Args:
        arms: the arms of the evaluation.
        test: test samples; only their subjects are used, to refuse a bank that was made from one.
        builder: builds the fold's banks.

    Returns:
        Banks by source; ``copy-paste`` is among them wherever a GAN is, to be shown beside what it generated.

    Raises:
        DataError: as :meth:`BankBuilder.build`, or a bank was made from a test subject.
    """
    named: dict[str, None] = {}
    for arm in arms:
        named |= dict.fromkeys(arm.sources)
    without_gan = [source for source in SOURCES_WITHOUT_GAN if source in named]
    banks: dict[str, Bank] = {}
    for source in (*without_gan, *named):  # what is refused is refused before a GAN is trained
        if source not in banks:
            banks[source] = builder.build(source)
    if not {"gan", *INPAINTED_SOURCES}.isdisjoint(banks) and "copy-paste" not in banks:
        banks["copy-paste"] = builder.build("copy-paste")
    for bank in banks.values():
        refuse_leak(bank, test)
    return banks
