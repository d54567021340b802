"""The banks of a fold: real crops and scenes of its training subjects, and samples of GANs trained on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.adapters.base import make_record
from domaingan.banks import Bank
from domaingan.banks.crops import crops
from domaingan.banks.scenes import scenes
from domaingan.core.errors import DataError
from domaingan.core.progress import Progress
from domaingan.data import Dataset, Reader, Record, Sample
from domaingan.evaluation.arm_modifiers import ArmModifiers
from domaingan.evaluation.arms import INPAINTED_SOURCES, RELIGHT_SOURCES, Arm, name_bank
from domaingan.evaluation.control_crops import blur_objects
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.further_hosts import FurtherHosts
from domaingan.evaluation.people_shares import PeopleShares
from domaingan.evaluation.split import refuse_leak
from domaingan.gan import GAN
from domaingan.inpainting.windows import add_healthy_windows, mark_healthy_share, sample_windows

SOURCES_WITHOUT_GAN = ("copy-paste", "deform-paste", "blur-paste", "shuffle-paste", "reference-relight")

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
        modifiers: of an arm: banks are made from the crops of these shares of the people, in the images of these
            hosts. Arms that share a bank's name share the bank.
        further_hosts: unlabelled samples that objects are inpainted into, too. No bank is made from what they show.
    """

    train: Dataset
    config: EvaluationConfig
    folder: Path
    progress: Progress
    modifiers: ArmModifiers = field(default_factory=ArmModifiers)
    further_hosts: FurtherHosts = field(default_factory=FurtherHosts)

    def build_for(self, arm: Arm, source: str) -> Bank:
        """Build the bank that an arm uses of a source, see :meth:`build`; a generator learns from the same people."""
        return replace(self, modifiers=arm.modifiers).build(source)

    def build(self, source: str) -> Bank:
        """Build the bank of a source from the training samples alone, or open it; resumes an interrupted GAN.

        Args:
            source: a key of :data:`domaingan.evaluation.arms.PASTE_SOURCES` or ``RELIGHT_SOURCES``.

        Raises:
            DataError: nothing can be cut from the samples, or they have no condition to relight towards.
        """
        if source in ("deform-paste", "shuffle-paste"):
            return self.build("copy-paste")
        user_bank = self._load_user_bank()
        if user_bank is not None and source in list_supported_sources(user_bank):
            return user_bank
        path = self.folder / f"bank-{name_bank(source, self.modifiers)}"
        if not (path / "bank.json").is_file():
            self._build_from_training(source).save(path, overwrite=True)
        return Bank.load(path)

    def _load_user_bank(self) -> Bank | None:
        return None if self.config.bank is None else Bank.load(self.config.bank)

    def _select_train(self, source: str) -> Dataset:
        """Select the samples that crops are cut from, or of a source of styles those that scenes are taken from."""
        modifiers = self.modifiers
        share = modifiers.people if source in RELIGHT_SOURCES else modifiers.crop_share
        return self._draw_shares().select(self.train, share)

    def _draw_shares(self) -> PeopleShares:
        return PeopleShares.draw(self.train.records, self.config.seed)

    def _build_from_training(self, source: str) -> Bank:
        config = self.config
        if source == "copy-paste":
            user_bank = self._load_user_bank()
            if user_bank is not None and is_real_bank(user_bank) and has_no_masks(self.train):
                return self._select_from_bank(user_bank)
            return crops(self._select_train(source), config.size)
        if source == "blur-paste":
            return blur_objects(self.build("copy-paste"))
        if source == "gan":
            return self._fit_gan_and_sample(self.build("copy-paste"), source, config.gan_samples)
        if source in INPAINTED_SOURCES:
            return self._build_inpainted(source)
        if source == "reference-relight":
            return scenes(self._select_train(source), REFERENCE_FRAME_SIZE, self._choose_conditions())
        return self._fit_gan_and_sample(self.build_scenes(), source, config.gan_samples)

    def _select_from_bank(self, bank: Bank) -> Bank:
        """Select the entries of a bank of real crops that are of the share of people whose crops are pasted."""
        if self.modifiers.crop_share >= 1:
            return bank
        units = {record.statistical_unit for record in self._select_train("copy-paste").records}
        codes = [code for code, subject in enumerate(bank.subjects) if subject in units]
        chosen = np.isin(bank.entries["subject"], codes)
        if not chosen.any():
            expected = f"some of {len(units)} training subjects, as crops={self.modifiers.crop_share:g} says"
            raise DataError("no crop", path=bank.path, expected=expected)
        return bank.take(chosen)

    def build_scenes(self) -> Bank:
        """Build the bank of training scenes that a generator of styles is trained on."""
        return scenes(self._select_train("relight"), self.config.size, self._choose_conditions())

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
        share = self.modifiers.host_share
        images = self._draw_shares().select(self.train, share)
        images = add_samples(images, self.further_hosts.select_share(share))
        self.progress.start(f"finding {config.gan_samples} places in {len(images)} images")
        hosts = sample_windows(images, real, config.gan_samples, config.seed, pasted=is_refined, reshaped=True)
        if is_refined:
            return self._fit_gan_and_sample(real, source, len(hosts), hosts, conditioning=("paste", "mask"))
        with_healthy = add_healthy_windows(real, self._select_train(source), seed=config.seed)
        hosts = mark_healthy_share(hosts, HEALTHY_SHARE)
        return self._fit_gan_and_sample(with_healthy, source, len(hosts), hosts, conditioning=("mask", "ring"))

    def _fit_gan_and_sample(self, real: Bank, source: str, n: int, hosts: Bank | None = None, **settings: Any) -> Bank:
        self.progress.start(f"fitting a GAN to {len(real)} {real.info.kind}")
        config = self.config
        name = name_bank(source, self.modifiers)
        out = self.folder / ("gan-scenes" + name.removeprefix("relight") if source == "relight" else name)
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


@dataclass(frozen=True)
class _JoinedReader:
    """Reads the samples of a dataset, and some more that are in memory, by name and number of their slice."""

    read: Reader
    samples: Mapping[tuple[str, int | None], Sample]

    def __call__(self, record: Record) -> Sample:
        sample = self.samples.get((record.name, record.index))
        return self.read(record) if sample is None else sample


def add_samples(data: Dataset, samples: Sequence[Sample]) -> Dataset:
    """Add samples in memory to a dataset.

    Args:
        data: any dataset.
        samples: of the same schema, with other names.
    """
    records = list(data.records)
    by_name: dict[tuple[str, int | None], Sample] = {}
    for sample in samples:
        source = sample.source
        by_name[source.name, source.index] = sample
        record = make_record(sample)
        records.append(replace(record, index=source.index, parent=source.parent))
    return Dataset(records, _JoinedReader(data.read, by_name), data.schema, data.root, data.problems)


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
    """Build the banks that the arms use: one for each source and share of people.

    Args:
        arms: the arms of the evaluation.
        test: test samples; only their subjects are used, to refuse a bank that was made from one.
        builder: builds the fold's banks.

    Returns:
        Banks by name, see :meth:`domaingan.evaluation.arms.Arm.name_bank`: without shares of people the name is that
        of the source. ``copy-paste`` is among them wherever a GAN is, to be shown beside what it generated.

    Raises:
        DataError: as :meth:`BankBuilder.build`, or a bank was made from a test subject.
    """
    users: dict[str, tuple[Arm, str]] = {}
    for arm in arms:
        for source in arm.sources:
            users.setdefault(arm.name_bank(source), (arm, source))
    without_gan = [name for name, (_, source) in users.items() if source in SOURCES_WITHOUT_GAN]
    banks: dict[str, Bank] = {}
    for name in (*without_gan, *users):  # what is refused is refused before a GAN is trained
        if name not in banks:
            banks[name] = builder.build_for(*users[name])
    if not {"gan", *INPAINTED_SOURCES}.isdisjoint(banks) and "copy-paste" not in banks:
        banks["copy-paste"] = builder.build("copy-paste")
    for bank in banks.values():
        refuse_leak(bank, test)
    return banks
