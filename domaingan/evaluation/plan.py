"""What an evaluation is going to do, and about how long that takes; reported before it starts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from domaingan.banks import Bank
from domaingan.core.durations import describe_duration
from domaingan.core.progress import Progress, SilentProgress
from domaingan.data import Dataset, Sample
from domaingan.evaluation.arm_augmentation import build_augmentation
from domaingan.evaluation.arm_banks import BankBuilder
from domaingan.evaluation.arms import Arm
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import Task
from domaingan.gan import GAN

TRIAL_STEPS = 6
"""Steps that are timed of each kind of training."""

MIN_STEPS_PER_TRIAL_STEP = 50
"""An evaluation with fewer steps than this for each timed step starts without timing."""

GENERATOR_CONDITIONING = {"gan": (), "inpaint": ("mask", "ring"), "refine": ("paste", "mask")}
"""The sources that train a generator on crops, and what that generator is conditioned on."""


@dataclass(frozen=True)
class Plan:
    """The work of an evaluation.

    Attributes:
        config: its settings.
        n_folds: number of folds.
        n_tested: number of tested samples, all folds together.
        n_finished: number of trainings that are stored already.
        n_hosts: number of images that are further hosts of the first fold.
    """

    config: EvaluationConfig
    n_folds: int
    n_tested: int
    n_finished: int = 0
    n_hosts: int = 0

    @classmethod
    def from_folds(cls, config: EvaluationConfig, folds: Sequence[Fold], out: Path) -> Plan:
        """Make the plan of a run folder; trainings that are stored in it are not repeated.

        Args:
            config: the settings.
            folds: training and test samples.
            out: the run folder.
        """
        n_finished = 0
        for number in range(len(folds)):
            for arm in config.parsed_arms:
                for seed in config.all_seeds:
                    path = out / f"fold-{number}" / f"{name_training(arm, seed)}.json"
                    n_finished += path.is_file()
        n_tested = sum(len(fold.test) for fold in folds)
        hosts = folds[0].hosts
        images = set() if hosts is None else {record.parent or record.name for record in hosts.records}
        return cls(config, len(folds), n_tested, n_finished, len(images))

    @property
    def n_trainings(self) -> int:
        """Number of trainings of the baseline, with those that are stored already."""
        return len(self.config.arms) * self.config.seeds * self.n_folds

    @property
    def generators_to_fit(self) -> dict[str, tuple[Arm, str]]:
        """The generators that each fold trains: by the name of their bank an arm and its source."""
        if self.config.bank is not None:
            return {}
        generators: dict[str, tuple[Arm, str]] = {}
        for arm in self.config.parsed_arms:
            for source in arm.sources:
                if source in GENERATOR_CONDITIONING or source == "relight":
                    generators.setdefault(arm.name_bank(source), (arm, source))
        return generators

    def describe(self) -> str:
        """Describe the plan in one line.

        >>> config = EvaluationConfig(data="scans", arms=["none"], seeds=3, steps=600, dims=2, size=64)
        >>> Plan(config, 1, 40).describe()
        'plan: 1 arm × 3 seeds = 3 trainings of 600 steps, each tested on 40 samples'
        """
        config = self.config
        factors = [_pluralise(len(config.arms), "arm"), _pluralise(config.seeds, "seed")]
        if self.n_folds > 1:
            factors.append(_pluralise(self.n_folds, "training set" if config.sets > 1 else "fold"))
        trainings = _pluralise(self.n_trainings, "training")
        tested = _pluralise(round(self.n_tested / self.n_folds), "sample")
        text = f"plan: {' × '.join(factors)} = {trainings} of {config.steps:,} steps, each tested on {tested}"
        names = list(self.generators_to_fit)
        if names:
            generators = _pluralise(len(names) * self.n_folds, "generator")
            text += f"; before them {generators} ({', '.join(names)}) of {config.gan_steps:,} steps"
        if self.n_hosts:
            text += f"; arms that paste get {_pluralise(self.n_hosts, 'further host')}"
        if self.config.hosts_teacher:
            text += f", whose objects {_pluralise(self.n_folds, 'teacher')} of {config.steps:,} steps will guess"
        if self.n_finished:
            text += f"; {self.n_finished} trainings are kept from before"
        return text


def name_training(arm: Arm, seed: int) -> str:
    """Name the files of a training in its fold's folder."""
    return f"{arm.name}-seed{seed}"


def report_plan(
    plan: Plan, task: Task, samples: list[Sample], test: Dataset, builder: BankBuilder, progress: Progress
) -> None:
    """Report the plan and about how long it takes, for which a few steps of each kind of training are timed.

    Args:
        plan: the plan.
        task: what is trained and scored.
        samples: the training samples of the first fold, with measured ranges.
        test: its test samples, at the grid worked in.
        builder: builds that fold's banks; those that are built here are kept.
        progress: receives the report.
    """
    progress.say(plan.describe())
    config = plan.config
    n_left = plan.n_trainings - plan.n_finished
    if n_left * config.steps < MIN_STEPS_PER_TRIAL_STEP * TRIAL_STEPS or not samples:
        return
    progress.start("timing a few steps of each training")
    step_seconds, score_seconds = _time_training(task, samples, test, config)
    scored_samples = plan.n_tested / plan.n_folds
    seconds = n_left * (config.steps * step_seconds + scored_samples * score_seconds)
    if config.hosts_teacher:
        seconds += plan.n_folds * config.steps * step_seconds
    if not plan.n_finished:
        for arm, source in plan.generators_to_fit.values():
            arm_builder = replace(builder, modifiers=arm.modifiers)
            seconds += plan.n_folds * config.gan_steps * _time_fit(source, arm_builder)
    progress.say(f"about {describe_duration(seconds)} in all on this machine")


@dataclass
class TrainingCounter:
    """Counts the trainings of an evaluation, and reports how many are left and for how long.

    Attributes:
        plan: says how many there are.
        progress: receives the reports.
    """

    plan: Plan
    progress: Progress
    _n_ended: int = 0
    _seconds: list[float] = field(default_factory=list)

    def start(self, what: str) -> None:
        """Report that a training begins."""
        self.progress.start(f"{self._n_ended + 1} of {self.plan.n_trainings}: {what}")

    def count_reused(self) -> None:
        """Count a training that was stored already."""
        self._n_ended += 1

    def count_done(self, seconds: float) -> None:
        """Count a training that ended, and report what is left.

        Args:
            seconds: how long it took, with its scores.
        """
        self._n_ended += 1
        self._seconds.append(seconds)
        n_left = self.plan.n_trainings - self._n_ended
        if n_left:
            mean_seconds = sum(self._seconds) / len(self._seconds)
            done = f"{self._n_ended} of {self.plan.n_trainings} trainings are done and kept"
            self.progress.say(f"{done}; about {describe_duration(n_left * mean_seconds)} left")


def _time_training(task: Task, samples: list[Sample], test: Dataset, config: EvaluationConfig) -> tuple[float, float]:
    """Time the baseline: seconds for a step, and seconds to score a sample."""
    times: list[float] = []

    def record_time(step: int, steps: int, metrics: Mapping[str, float]) -> None:
        times.append(time.monotonic())

    schema = test.schema
    trial = config.model_copy(update={"steps": TRIAL_STEPS})
    augment = build_augmentation(Arm.parse("classic"), {}, schema, config.target_conditions)
    model: Any = task.train(samples, schema, augment, trial, config.seed, record_time)
    step_seconds = (times[-1] - times[0]) / (len(times) - 1)
    sample = test[0]
    started = time.monotonic()
    task.draw_prediction(model, sample)
    return step_seconds, time.monotonic() - started


def _time_fit(source: str, builder: BankBuilder) -> float:
    """Time the generator of a source: seconds for a step."""
    bank: Bank = builder.build_scenes() if source == "relight" else builder.build("copy-paste")
    gan = GAN.for_crops(bank, conditioning=GENERATOR_CONDITIONING.get(source, ()))
    config = builder.config
    fitted = gan.fit(
        bank,
        TRIAL_STEPS,
        seed=config.seed,
        device=config.device,
        precision=config.precision,
        eval_every=0,
        progress=SilentProgress(),
    )
    assert gan.config is not None
    return gan.config.training.batch / fitted.images_per_second


def _pluralise(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
