"""One corruption at one severity over all frames: corrupt each frame, ask the model, and keep its answers on disk."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from domaingan.corruptions import corrupt
from domaingan.robustness_eval.answers import PredictionMapper, resize_answer
from domaingan.robustness_eval.labelled_frames import LabelledFrame, LabelledFrames
from domaingan.robustness_eval.model_under_test import Picture
from domaingan.robustness_eval.stored_answers import AnswerCollector, CellAnswers


@dataclass(frozen=True)
class Cell:
    """A corruption and a severity, or clean pictures (None and 0)."""

    corruption: str | None = None
    severity: int = 0

    @property
    def name(self) -> str:
        """Its name, in file names and for readers."""
        return "clean" if self.corruption is None else f"{self.corruption}-{self.severity}"

    def corrupt_frame(self, frame: LabelledFrame, seed: int) -> Picture:
        """Corrupt a frame's picture; the same seed gives the same bytes, whatever else is measured."""
        if self.corruption is None:
            return frame.picture
        return corrupt(frame.picture, self.corruption, self.severity, derive_seed(seed, frame.name, self))


def derive_seed(seed: int, frame: str, cell: Cell) -> int:
    """Derive the seed of one picture's corruption.

    Args:
        seed: of the run.
        frame: the frame's name.
        cell: the corruption and the severity.

    >>> derive_seed(0, "a", Cell("fog", 1)) != derive_seed(0, "b", Cell("fog", 1))
    True
    """
    frame_code = zlib.crc32(frame.encode())
    corruption_code = zlib.crc32((cell.corruption or "").encode())
    sequence = np.random.SeedSequence([seed, frame_code, corruption_code, cell.severity])
    return int(sequence.generate_state(1)[0])


class CorruptedFrame(NamedTuple):
    """A frame, its corrupted picture, and the seconds that corrupting it took."""

    frame: LabelledFrame
    picture: Picture
    seconds: float


@dataclass(frozen=True)
class CellRunner:
    """Asks a model about every frame of a cell.

    Attributes:
        frames: what the model is shown.
        mapper: from its answers to the data's classes.
        seed: of the corruptions.
        prefetch: pictures that are corrupted, in another thread, while the model is at work; 0 for none.
    """

    frames: LabelledFrames
    mapper: PredictionMapper
    seed: int
    prefetch: int = 2

    def __call__(self, cell: Cell, on_frame: Callable[[], None]) -> CellAnswers:
        """Ask the model about every frame; ``on_frame`` is called after each."""
        model = self.mapper.model
        has_data_values = model.task == "segmentation" and not model.has_fixed_classes
        collector = AnswerCollector()
        seconds = {"model": 0.0, "corruption": 0.0}
        begun = time.perf_counter()
        for number, (frame, picture, corruption_seconds) in enumerate(self._iterate_pictures(cell)):
            started = time.perf_counter()
            answer = model.predict(picture)
            seconds["model"] += time.perf_counter() - started
            seconds["corruption"] += corruption_seconds
            if cell.corruption is None and has_data_values:
                self.mapper.check_values(np.asarray(answer))
            collector.add(number, resize_answer(answer, picture.shape[:2], frame.shape), frame.truth)
            on_frame()
        seconds["total"] = time.perf_counter() - begun
        rounded = {name: round(value, 3) for name, value in seconds.items()}
        return collector.finish(dict(model.classes), rounded)

    def _iterate_pictures(self, cell: Cell) -> Iterator[CorruptedFrame]:
        """Yield the corrupted frames in order; the next ones are corrupted meanwhile."""
        if cell.corruption is None or not self.prefetch:
            for number in range(len(self.frames)):
                yield self._corrupt(cell, number)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[CorruptedFrame]] = deque()
            for number in range(len(self.frames)):
                waiting.append(pool.submit(self._corrupt, cell, number))
                if len(waiting) > self.prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _corrupt(self, cell: Cell, number: int) -> CorruptedFrame:
        frame = self.frames[number]
        started = time.perf_counter()
        picture = cell.corrupt_frame(frame, self.seed)
        seconds = time.perf_counter() - started if cell.corruption else 0.0
        return CorruptedFrame(frame, picture, seconds)


class CellStore:
    """Keeps a run's answers on disk: an interrupted run goes on, and other class names need no new answers.

    Args:
        run: the run folder.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / "cells"

    def load(self, cell: Cell) -> CellAnswers | None:
        """Load the answers of a cell; None where it was not measured."""
        path = self._make_path(cell)
        return CellAnswers.load(path) if path.is_file() else None

    def save(self, cell: Cell, answers: CellAnswers) -> None:
        """Save the answers of a cell."""
        answers.save(self._make_path(cell))

    def _make_path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.name}.npz"
