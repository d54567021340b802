"""The course of a training: steps, and what is logged, judged, said and kept on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from domaingan.core.errors import DataError
from domaingan.gan.model_folder import CHECKPOINTS_FOLDER
from domaingan.gan.networks import Generator
from domaingan.gan.training.diagnostics import TrainingDiagnostics
from domaingan.gan.training.trainer import Trainer
from domaingan.gan.training.training_log import LOG_FILE, RunningMeans, TrainingLog

LOG_EVERY = 10
CHECKPOINT_EVERY = 100
EVAL_EVERY = 500


class Progress(Protocol):
    """Who is told how the training goes."""

    def update(self, step: int, total: int, metrics: Mapping[str, float]) -> None:
        """Called every few steps; ``metrics`` is the row that went into ``log.csv``, means since the last row."""

    def say(self, message: str) -> None:
        """Called when there is something that a person should know."""


@dataclass(frozen=True)
class FitResult:
    """How a training went.

    Attributes:
        model: the model folder, or None if none was written.
        steps: steps that the model has been trained for, those before a resume included.
        seconds: how long this call took.
        images_per_second: real crops a second that the training went through (0 if no step was left).
        messages: what the user was told, such as a torn checkpoint that was passed over.
    """

    model: Path | None
    steps: int
    seconds: float
    images_per_second: float
    messages: tuple[str, ...] = ()


@dataclass
class TrainingLoop:
    """Takes the steps that are left, with a log, checkpoints and a picture now and then.

    Attributes:
        trainer: at the step to go on from.
        out: the model folder, or None to write nothing.
        progress: told every few steps.
        preview: called with the averaged generator after each checkpoint.
        judge: called with it every ``judge_every`` steps; its numbers go into the log.
        checkpoint_every: steps between checkpoints; there is always one after the last step.
        judge_every: steps between two judgements; 0 for none.
        tensorboard: whether rows of the log go to TensorBoard too.
        images_per_second: real crops a second, over the steps taken.
    """

    trainer: Trainer
    out: Path | None = None
    progress: Progress | None = None
    preview: Callable[[Generator], None] | None = None
    monitor: Callable[[Generator], dict[str, float]] | None = None
    checkpoint_every: int = CHECKPOINT_EVERY
    eval_every: int = EVAL_EVERY
    tensorboard: bool = False
    images_per_second: float = field(default=0.0, init=False)
    _busy_seconds: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Train to the end.

        Raises:
            DataError: a loss or a weight is not a number any more.
        """
        trainer, means = self.trainer, RunningMeans()
        log = TrainingLog(self.out and self.out / LOG_FILE, trainer.step, tensorboard=self.tensorboard)
        watch = TrainingDiagnostics(trainer.config.ada is not None, trainer.config.loss)
        total, first, since = trainer.config.steps, trainer.step, time.perf_counter()
        if self.progress is not None:
            for message in trainer.messages:
                self.progress.say(message)
        while trainer.step < total:
            means.add_step(trainer.train_step())
            last = trainer.step == total
            judged = bool(self.eval_every) and (trainer.step % self.eval_every == 0 or last)
            if trainer.step % LOG_EVERY == 0 or last or judged:
                metrics = self._make_row(means)
                self._busy_seconds += time.perf_counter() - since
                self.images_per_second = (trainer.step - first) * trainer.config.batch / self._busy_seconds
                metrics["images_per_second"] = self.images_per_second
                if judged and self.monitor is not None:
                    metrics |= self.monitor(trainer.ema)
                log.write_row({"step": trainer.step, **metrics})
                self._report(watch.update(trainer.step, metrics), metrics)
                since = time.perf_counter()
            if trainer.step % self.checkpoint_every == 0 or last:
                self._busy_seconds += time.perf_counter() - since
                self._save_checkpoint()
                since = time.perf_counter()
        trainer.feed.close()
        log.close()

    def _make_row(self, means: RunningMeans) -> dict[str, float]:
        metrics, trainer = means.take_means(), self.trainer
        if not all(map(math.isfinite, metrics.values())):
            raise _make_divergence_error(trainer.step, self.out)
        metrics["d_heldout"] = trainer.score_held_out(metrics["d_fake"])
        gap = metrics["d_real"] - metrics["d_fake"]
        metrics["r_v"] = (metrics["d_real"] - metrics["d_heldout"]) / gap if gap > 0 else math.nan
        metrics["augment"] = float(trainer.adaptive.probability)
        return metrics

    def _report(self, messages: list[str], metrics: Mapping[str, float]) -> None:
        self.trainer.messages += messages
        if self.progress is None:
            return
        self.progress.update(self.trainer.step, self.trainer.config.steps, metrics)
        for message in messages:
            self.progress.say(message)

    def _save_checkpoint(self) -> None:
        if not self.trainer.is_finite():
            raise _make_divergence_error(self.trainer.step, self.out)
        if self.out is None:
            return
        self.trainer.save(self.out / CHECKPOINTS_FOLDER)
        if self.preview is not None:
            self.preview(self.trainer.ema)


def _make_divergence_error(step: int, out: Path | None) -> DataError:
    saved = out is not None and any((out / CHECKPOINTS_FOLDER).glob("*.json"))
    return DataError(
        f"training diverged at step {step} (NaN){'; the last good checkpoint is kept' if saved else ''}",
        path=out,
        expected="finite losses: try another --loss, --precision 32, or a lower lr (set in Python)",
    )
