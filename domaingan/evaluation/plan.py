"""What an evaluation is going to do, and about how long that takes: told before it starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.banks import Bank
from domaingan.core.durations import describe_duration
from domaingan.core.progress import Progress, SilentProgress
from domaingan.data import Dataset, Sample
from domaingan.evaluation.arm_banks import BankBuilder
from domaingan.evaluation.arms import Arm, build_augmentation
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold
from domaingan.evaluation.tasks import Task
from domaingan.gan import GAN

TRIAL_STEPS = 6
"""Steps that are taken to see how long one is."""

MIN_STEPS_PER_TRIAL_STEP = 50
"""An evaluation with less than so many times the steps of its trials is simply begun."""

GENERATOR_CONDITIONING = {"gan": (), "inpaint": ("mask", "ring"), "refine": ("paste", "mask")}
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
    n_folds: int
    n_tested: int
    n_finished: int = 0

    @classmethod
    def from_folds(cls, config: EvaluationConfig, arms: list[Arm], folds: list[Fold], out: Path) -> Plan:
        """The plan of a run folder: what lies there from before is not trained again."""
        seeds = range(config.seed, config.seed + config.seeds)
        names = [f"fold-{number}/{name_training(arm, seed)}.json"
                 for number in range(len(folds)) for arm in arms for seed in seeds]  # fmt: skip
        kept = sum((out / name).is_file() for name in names)
        return cls(config, arms, len(folds), sum(len(fold.test) for fold in folds), kept)

    @property
    def n_trainings(self) -> int:
        """How many trainings of the baseline there are, those kept from before included."""
        return len(self.arms) * self.config.seeds * self.n_folds

    @property
    def sources_to_fit(self) -> list[str]:
        """The sources that fit a generator in each fold."""
        if self.config.bank is not None:
            return []
        named = dict.fromkeys(source for arm in self.arms for source in (*arm.paste_sources, *arm.relight_sources))
        return [source for source in named if source in (*GENERATOR_CONDITIONING, "relight")]

    def describe(self) -> str:
        """Say the plan in one line.

        >>> config = EvaluationConfig(data="scans", arms=["none"], seeds=3, dims=2, size=64)
        >>> Plan(config, [Arm.parse("none")], 1, 40).describe()
        'plan: 1 arm × 3 seeds = 3 trainings of 600 steps, each tested on 40 samples'
        """
        config = self.config
        factors = [_pluralise(len(self.arms), "arm"), _pluralise(config.seeds, "seed")]
        factors += [_pluralise(self.n_folds, "fold")] if self.n_folds > 1 else []
        text = f"plan: {' × '.join(factors)} = {_pluralise(self.n_trainings, 'training')} of {config.steps:,} steps"
        text += f", each tested on {_pluralise(round(self.n_tested / self.n_folds), 'sample')}"
        if fitted := self.sources_to_fit:
            number = _pluralise(len(fitted) * self.n_folds, "generator")
            text += f"; before them {number} ({', '.join(fitted)}) of {config.gan_steps:,} steps"
        return text + (f"; {self.n_finished} trainings are kept from before" if self.n_finished else "")


def name_training(arm: Arm, seed: int) -> str:
    """What the files of a training are called in their fold's folder."""
    return f"{arm.name}-seed{seed}"


def report_plan(
    plan: Plan, task: Task, samples: list[Sample], test: Dataset, builder: BankBuilder, progress: Progress
) -> None:
    """Tell the plan, and about how long it takes: a few steps of each kind of training are timed for that.

    Args:
        plan: the plan.
        task: what is trained and scored.
        samples: the training samples of the first fold, measured.
        test: its test samples, at the grid worked in.
        maker: makes that fold's banks; those made here are kept.
        tell: told.
    """
    progress.say(plan.describe())
    config = plan.config
    trainings = plan.n_trainings - plan.n_finished
    fits = [] if plan.n_finished else plan.sources_to_fit
    if trainings * config.steps < MIN_STEPS_PER_TRIAL_STEP * TRIAL_STEPS or not samples:
        return
    progress.start("timing a few steps of each training")
    step, scoring = _time_training(task, samples, test, config)
    seconds = trainings * (config.steps * step + plan.n_tested / plan.n_folds * scoring)
    for source in fits:
        seconds += plan.n_folds * config.gan_steps * _time_fit(source, builder)
    progress.say(f"about {describe_duration(seconds)} in all on this machine")


@dataclass
class TrainingCounter:
    """Counts the trainings of an evaluation, and tells how many are left and for how long.

    Attributes:
        plan: how many there are.
        tell: told.
    """

    plan: Plan
    progress: Progress
    _n_ended: int = 0
    _seconds: list[float] = field(default_factory=list)

    def start(self, what: str) -> None:
        """A training begins."""
        self.progress.start(f"{self._n_ended + 1} of {self.plan.n_trainings}: {what}")

    def count_reused(self) -> None:
        """A training was kept from before."""
        self._n_ended += 1

    def count_done(self, seconds: float) -> None:
        """A training ended, scores and all."""
        self._n_ended += 1
        self._seconds.append(seconds)
        left = self.plan.n_trainings - self._n_ended
        if left:
            each = sum(self._seconds) / len(self._seconds)
            done = f"{self._n_ended} of {self.plan.n_trainings} trainings are done and kept"
            self.progress.say(f"{done}; about {describe_duration(left * each)} left")


def _time_training(task: Task, samples: list[Sample], test: Dataset, config: EvaluationConfig) -> tuple[float, float]:
    """Seconds a step of the baseline, and seconds to score a sample."""
    times: list[float] = []

    def note(step: int, steps: int, metrics: Mapping[str, float]) -> None:
        times.append(time.monotonic())

    schema = test.schema
    trial = config.model_copy(update={"steps": TRIAL_STEPS})
    augment = build_augmentation(Arm.parse("classic"), {}, schema, config.looks)
    model: Any = task.train(samples, schema, augment, trial, config.seed, note)
    step = (times[-1] - times[0]) / (len(times) - 1)
    sample = test[0]
    started = time.monotonic()
    task.draw_prediction(model, sample)
    return step, time.monotonic() - started


def _time_fit(source: str, builder: BankBuilder) -> float:
    """Seconds a step of the generator of a source."""
    bank: Bank = builder.build_scenes() if source == "relight" else builder.build("copy-paste")
    gan = GAN.for_crops(bank, conditioning=GENERATOR_CONDITIONING.get(source, ()))
    config = builder.config
    fitted = gan.fit(
        bank, TRIAL_STEPS, seed=config.seed, precision=config.precision, eval_every=0, progress=SilentProgress()
    )
    assert gan.config is not None
    return gan.config.training.batch / fitted.images_per_second


def _pluralise(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
