"""The loop of a training: steps, and between them the log, measurements, messages and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domaingan.core.errors import DataError
from domaingan.core.progress import Progress
from domaingan.gan.model_folder import CHECKPOINTS_FOLDER
from domaingan.gan.networks import Generator
from domaingan.gan.training.diagnostics import TrainingDiagnostics, compute_r_v
from domaingan.gan.training.run_options import TrainingRunOptions
from domaingan.gan.training.trainer import Trainer
from domaingan.gan.training.training_log import LOG_FILE, RunningMeans, TrainingLog

LOG_EVERY = 10
"""Steps between two rows of the log."""


@dataclass(frozen=True)
class FitResult:
    """What came out of a training.

    Attributes:
        model: the model folder, or None if none was written.
        steps: length of the training in steps, including those before it was resumed.
        seconds: duration of this call.
        images_per_second: real crops per second (0 if no step was left).
        messages: what the user was told, such as a damaged checkpoint that was passed over.
    """

    model: Path | None
    steps: int
    seconds: float
    images_per_second: float
    messages: tuple[str, ...] = ()


@dataclass
class TrainingLoop:
    """Trains for the steps that are left, with a log, checkpoints and a picture from time to time.

    Attributes:
        trainer: at the step to continue from.
        options: where to write, and how often.
        progress: is informed every few steps, or None.
        preview: is called with the averaged generator after each checkpoint.
        monitor: is called with the averaged generator every ``eval_every`` steps; its numbers go into the log.
        images_per_second: real crops per second, over the steps of this loop.
    """

    trainer: Trainer
    options: TrainingRunOptions = field(default_factory=TrainingRunOptions)
    progress: Progress | None = None
    preview: Callable[[Generator], None] | None = None
    monitor: Callable[[Generator], dict[str, float]] | None = None
    images_per_second: float = field(default=0.0, init=False)
    _busy_seconds: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Train to the end.

        Raises:
            DataError: a loss or a weight is not a number any more.
        """
        trainer, training, out = self.trainer, self.trainer.config.training, self.options.out
        log_path = None if out is None else out / LOG_FILE
        log = TrainingLog(log_path, trainer.step, tensorboard=self.options.tensorboard)
        diagnostics = TrainingDiagnostics(training.ada is not None, training.loss)
        means, first, started = RunningMeans(), trainer.step, time.perf_counter()
        if self.progress is not None:
            for message in trainer.messages:
                self.progress.say(message)
        while trainer.step < training.steps:
            means.add_step(trainer.train_step())
            is_last = trainer.step == training.steps
            is_measured = self._is_measured(is_last)
            if trainer.step % LOG_EVERY == 0 or is_last or is_measured:
                metrics = self._make_row(means)
                self._busy_seconds += time.perf_counter() - started
                self.images_per_second = (trainer.step - first) * training.batch / self._busy_seconds
                metrics["images_per_second"] = self.images_per_second
                if is_measured and self.monitor is not None:
                    metrics |= self.monitor(trainer.ema)
                log.write_row({"step": trainer.step, **metrics})
                self._report(diagnostics.update(trainer.step, metrics), metrics)
                started = time.perf_counter()
            if trainer.step % self.options.checkpoint_every == 0 or is_last:
                self._busy_seconds += time.perf_counter() - started
                self._save_checkpoint()
                started = time.perf_counter()
        trainer.feed.close()
        log.close()

    def _is_measured(self, is_last: bool) -> bool:
        if not self.options.eval_every:
            return False
        return is_last or self.trainer.step % self.options.eval_every == 0

    def _make_row(self, means: RunningMeans) -> dict[str, float]:
        metrics, trainer = means.take_means(), self.trainer
        if not all(map(math.isfinite, metrics.values())):
            raise _make_divergence_error(trainer.step, self.options.out)
        metrics["d_heldout"] = trainer.score_held_out(metrics["d_fake"])
        metrics["r_v"] = compute_r_v(metrics["d_real"], metrics["d_heldout"], metrics["d_fake"])
        metrics["augment"] = float(trainer.adaptive.probability)
        return metrics

    def _report(self, messages: list[str], metrics: Mapping[str, float]) -> None:
        self.trainer.messages += messages
        if self.progress is None:
            return
        self.progress.update(self.trainer.step, self.trainer.config.training.steps, metrics)
        for message in messages:
            self.progress.say(message)

    def _save_checkpoint(self) -> None:
        out = self.options.out
        if not self.trainer.is_finite():
            raise _make_divergence_error(self.trainer.step, out)
        if out is None:
            return
        self.trainer.save(out / CHECKPOINTS_FOLDER)
        if self.preview is not None:
            self.preview(self.trainer.ema)


def _make_divergence_error(step: int, out: Path | None) -> DataError:
    found = f"training diverged at step {step} (NaN)"
    if out is not None and any((out / CHECKPOINTS_FOLDER).glob("*.json")):
        found += "; the last good checkpoint is kept"
    expected = "finite losses: try another --loss, --precision 32, or a lower lr (set in Python)"
    return DataError(found, path=out, expected=expected)
