"""What an evaluation is going to do, and about how long that takes: told before it starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.banks import Bank
from domaingan.core.durations import describe_duration
from domaingan.data import Dataset, Sample
from domaingan.evaluation.arm_banks import Maker
from domaingan.evaluation.arms import Arm, augment_for
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.progress import Progress, Silent
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import Task
from domaingan.gan import GAN

TRIAL_STEPS = 6
"""Steps that are taken to see how long one is."""

WORTH_A_TRIAL = 50
"""An evaluation with less than so many times the steps of its trials is simply begun."""

FITTED = {"gan": (), "inpaint": ("mask", "ring"), "refine": ("paste", "mask")}
"""The sources that fit a generator to crops, and what that generator is conditioned on."""


@dataclass(frozen=True)
class Plan:
    """The work of an evaluation.

    Attributes:
        config: its settings.
        arms: its arms.
        folds: how many folds there are.
        tested: how many samples are tested, all folds together.
        kept: how many trainings were kept from before.
    """

    config: EvaluationConfig
    arms: list[Arm]
    folds: int
    tested: int
    kept: int = 0

    @classmethod
    def of(cls, config: EvaluationConfig, arms: list[Arm], folds: list[Fold], out: Path) -> Plan:
        """The plan of a run folder: what lies there from before is not trained again."""
        seeds = range(config.seed, config.seed + config.seeds)
        names = [f"fold-{number}/{training_name(arm, seed)}.json"
                 for number in range(len(folds)) for arm in arms for seed in seeds]  # fmt: skip
        kept = sum((out / name).is_file() for name in names)
        return cls(config, arms, len(folds), sum(len(fold.test) for fold in folds), kept)

    @property
    def trainings(self) -> int:
        """How many trainings of the baseline there are, those kept from before included."""
        return len(self.arms) * self.config.seeds * self.folds

    @property
    def fitted_sources(self) -> list[str]:
        """The sources that fit a generator in each fold."""
        if self.config.bank is not None:
            return []
        named = dict.fromkeys(source for arm in self.arms for source in (*arm.sources, *arm.looks))
        return [source for source in named if source in (*FITTED, "relight")]

    def describe(self) -> str:
        """Say the plan in one line.

        >>> config = EvaluationConfig(data="scans", arms=["none"], seeds=3, dims=2, size=64)
        >>> Plan(config, [Arm.parse("none")], 1, 40).describe()
        'plan: 1 arm × 3 seeds = 3 trainings of 600 steps, each tested on 40 samples'
        """
        config = self.config
        factors = [_count(len(self.arms), "arm"), _count(config.seeds, "seed")]
        factors += [_count(self.folds, "fold")] if self.folds > 1 else []
        text = f"plan: {' × '.join(factors)} = {_count(self.trainings, 'training')} of {config.steps:,} steps"
        text += f", each tested on {_count(round(self.tested / self.folds), 'sample')}"
        if fitted := self.fitted_sources:
            number = _count(len(fitted) * self.folds, "generator")
            text += f"; before them {number} ({', '.join(fitted)}) of {config.gan_steps:,} steps"
        return text + (f"; {self.kept} trainings are kept from before" if self.kept else "")


def training_name(arm: Arm, seed: int) -> str:
    """What the files of a training are called in their fold's folder."""
    return f"{arm.name}-seed{seed}"


def tell_plan(plan: Plan, task: Task, samples: list[Sample], test: Dataset, maker: Maker, tell: Progress) -> None:
    """Tell the plan, and about how long it takes: a few steps of each kind of training are timed for that.

    Args:
        plan: the plan.
        task: what is trained and scored.
        samples: the training samples of the first fold, measured.
        test: its test samples, at the grid worked in.
        maker: makes that fold's banks; those made here are kept.
        tell: told.
    """
    tell.say(plan.describe())
    config = plan.config
    trainings = plan.trainings - plan.kept
    fits = [] if plan.kept else plan.fitted_sources
    if trainings * config.steps < WORTH_A_TRIAL * TRIAL_STEPS or not samples:
        return
    tell.start("timing a few steps of each training")
    step, scoring = _time_training(task, samples, test, config)
    seconds = trainings * (config.steps * step + plan.tested / plan.folds * scoring)
    for source in fits:
        seconds += plan.folds * config.gan_steps * _time_fit(source, maker)
    tell.say(f"about {describe_duration(seconds)} in all on this machine")


@dataclass
class TrainingCounter:
    """Counts the trainings of an evaluation, and tells how many are left and for how long.

    Attributes:
        plan: how many there are.
        tell: told.
    """

    plan: Plan
    tell: Progress
    _over: int = 0
    _seconds: list[float] = field(default_factory=list)

    def start(self, what: str) -> None:
        """A training begins."""
        self.tell.start(f"{self._over + 1} of {self.plan.trainings}: {what}")

    def count_kept(self) -> None:
        """A training was kept from before."""
        self._over += 1

    def count_done(self, seconds: float) -> None:
        """A training ended, scores and all."""
        self._over += 1
        self._seconds.append(seconds)
        left = self.plan.trainings - self._over
        if left:
            each = sum(self._seconds) / len(self._seconds)
            done = f"{self._over} of {self.plan.trainings} trainings are done and kept"
            self.tell.say(f"{done}; about {describe_duration(left * each)} left")


def _time_training(task: Task, samples: list[Sample], test: Dataset, config: EvaluationConfig) -> tuple[float, float]:
    """Seconds a step of the baseline, and seconds to score a sample."""
    times: list[float] = []

    def note(step: int, steps: int, metrics: Mapping[str, float]) -> None:
        times.append(time.monotonic())

    schema = test.schema
    trial = config.model_copy(update={"steps": TRIAL_STEPS})
    augment = augment_for(Arm.parse("classic"), {}, schema, config.looks)
    model: Any = task.train(samples, schema, augment, trial, config.seed, note)
    step = (times[-1] - times[0]) / (len(times) - 1)
    sample = test[0]
    started = time.monotonic()
    task.shown(model, sample)
    return step, time.monotonic() - started


def _time_fit(source: str, maker: Maker) -> float:
    """Seconds a step of the generator of a source."""
    bank: Bank = maker.make_scenes() if source == "relight" else maker.make("copy-paste")
    gan = GAN.for_crops(bank, given=FITTED.get(source, ()))
    config = maker.config
    fitted = gan.fit(bank, TRIAL_STEPS, seed=config.seed, precision=config.precision, judge_every=0, progress=Silent())
    assert gan.config is not None
    return gan.config.batch / fitted.images_per_second


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
