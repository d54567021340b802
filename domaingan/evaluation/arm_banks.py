"""The banks of a fold: real crops and scenes of its training subjects, and what GANs fitted to them draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.core.progress import Progress
from domaingan.data import Dataset
from domaingan.evaluation.arms import HEALTHY_SHARE, INPAINTED_SOURCES, Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import refuse_leak
from domaingan.gan import GAN
from domaingan.inpainting.windows import add_healthy_windows, mark_healthy_share, sample_windows

SOURCES_WITHOUT_GAN = ("copy-paste", "deform-paste", "reference-relight")
"""Sources that need no GAN."""

REFERENCE_FRAME_SIZE = 128
"""Edge of a real frame that serves as a reference: looks are in its coarse colours."""


@dataclass
class BankBuilder:
    """Makes the banks of a fold, each once: what lies in ``folder`` from before is opened again.

    Attributes:
        train: training samples at the grid worked in.
        config: sizes and steps.
        folder: where the fold keeps its banks and its GANs.
        progress: told how a GAN's training goes.
    """

    train: Dataset
    config: EvaluationConfig
    folder: Path
    progress: Progress

    def build(self, source: str) -> Bank:
        """The bank of a part of an arm, made from the training samples alone; an interrupted GAN goes on."""
        if source == "deform-paste":
            return self.build("copy-paste")
        given = self._load_user_bank()
        if given is not None and source in list_supported_sources(given):
            return given
        path = self.folder / f"bank-{source}"
        if not (path / "bank.json").is_file():
            self._build_from_training(source).save(path, overwrite=True)
        return Bank.load(path)

    def _load_user_bank(self) -> Bank | None:
        return None if self.config.bank is None else Bank.load(self.config.bank)

    def _build_from_training(self, source: str) -> Bank:
        config = self.config
        if source == "copy-paste":
            given = self._load_user_bank()
            if given is not None and is_real_bank(given) and has_no_masks(self.train):
                return given
            return crops(self.train, config.size)
        if source == "gan":
            return self._fit_gan_and_sample(self.build("copy-paste"), "gan", config.gan_samples)
        if source in INPAINTED_SOURCES:
            return self._build_inpainted(source)
        if source == "reference-relight":
            return scenes(self.train, REFERENCE_FRAME_SIZE, self._choose_conditions())
        return self._fit_gan_and_sample(self.build_scenes(), "gan-scenes", config.gan_samples)

    def build_scenes(self) -> Bank:
        """The training scenes that a generator of looks is fitted to."""
        return scenes(self.train, self.config.size, self._choose_conditions())

    def _choose_conditions(self) -> tuple[str, ...]:
        """The conditions that the looks are told apart by: those that the test names, else all there are."""
        known = self.train.schema.conditions
        named = tuple(name for name in self.config.looks if name in known)
        if not known:
            expected = "a condition, such as a column 'lighting' of samples.csv"
            raise DataError("no condition to relight towards", path=self.train.root, expected=expected)
        return named or known

    def _build_inpainted(self, source: str) -> Bank:
        """What is painted into the training images, each of them several times."""
        real, config = self.build("copy-paste"), self.config
        pasted = source == "refine"
        self.progress.start(f"finding {config.gan_samples} places in {len(self.train)} images")
        hosts = sample_windows(self.train, real, config.gan_samples, config.seed, pasted=pasted, reshaped=True)
        if pasted:
            return self._fit_gan_and_sample(real, source, len(hosts), hosts, conditioning=("paste", "mask"))
        learned = add_healthy_windows(real, self.train, seed=config.seed)
        hosts = mark_healthy_share(hosts, HEALTHY_SHARE)
        return self._fit_gan_and_sample(learned, source, len(hosts), hosts, conditioning=("mask", "ring"))

    def _fit_gan_and_sample(self, real: Bank, name: str, n: int, hosts: Bank | None = None, **settings: Any) -> Bank:
        self.progress.start(f"fitting a GAN to {len(real)} {real.info.kind}")
        out, config = self.folder / name, self.config
        gan = GAN.for_crops(real, **settings)
        gan.fit(
            real,
            steps=config.gan_steps,
            out=out,
            resume=out.exists(),
            seed=config.seed,
            precision=config.precision,
            progress=self.progress,
        )
        return gan.sample(n, seed=config.seed, hosts=hosts)


def is_real_bank(bank: Bank) -> bool:
    """Whether a bank holds real crops, which go anywhere."""
    return bank.info.kind == "crops" and not bank.info.generated and not bank.info.hosts


def has_no_masks(train: Dataset) -> bool:
    """Whether frames have boxes alone, so that real crops must come from a bank that is given."""
    return train.schema.domain.has_ground and all(sample.mask is None for sample in train)


def list_supported_sources(bank: Bank) -> tuple[str, ...]:
    """The parts of an arm that paste or relight from a bank that was given."""
    if bank.info.kind == "scenes":
        return ("relight",)
    return INPAINTED_SOURCES if bank.info.hosts else ("gan",)


def build_banks(arms: list[Arm], test: Dataset, builder: BankBuilder) -> dict[str, Bank]:
    """For each source that an arm names its bank.

    Args:
        arms: the arms of the evaluation.
        test: test samples; only their subjects are looked at, to refuse a bank that knows one.
        maker: makes the fold's banks.
    """
    wanted = dict.fromkeys(source for arm in arms for source in (*arm.paste_sources, *arm.relight_sources))
    quick = [
        source for source in SOURCES_WITHOUT_GAN if source in wanted
    ]  # what is refused is refused before a GAN is fitted
    banks = {source: builder.build(source) for source in dict.fromkeys([*quick, *wanted])}
    if {"gan", *INPAINTED_SOURCES} & set(banks) and "copy-paste" not in banks:
        banks["copy-paste"] = builder.build("copy-paste")  # shown beside what was generated
    for bank in banks.values():
        refuse_leak(bank, test)
    return banks
