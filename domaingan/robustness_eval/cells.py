"""One corruption at one severity over all frames: corrupt, ask the model, score; and what is kept of it on disk."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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
        """A file's and a person's name for it."""
        return "clean" if self.corruption is None else f"{self.corruption}-{self.severity}"

    def corrupt_frame(self, frame: LabelledFrame, seed: int) -> Picture:
        """The frame's picture under it; the same bytes for the same seed, whatever else is measured."""
        if self.corruption is None:
            return frame.picture
        return corrupt(frame.picture, self.corruption, self.severity, derive_seed(seed, frame.name, self))


def derive_seed(seed: int, frame: str, cell: Cell) -> int:
    """The seed of one picture's corruption: it follows from the run's seed, the frame, the corruption and the severity.

    >>> derive_seed(0, "a", Cell("fog", 1)) != derive_seed(0, "b", Cell("fog", 1))
    True
    """
    words = [seed, zlib.crc32(frame.encode()), zlib.crc32((cell.corruption or "").encode()), cell.severity]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


@dataclass(frozen=True)
class CellRunner:
    """Measures a model in a cell.

    Attributes:
        frames: what it is shown.
        translation: from its answers to the data's classes.
        seed: of the corruptions.
        ahead: pictures that are corrupted, in another thread, while the model is at work; 0 for none.
    """

    frames: LabelledFrames
    mapper: PredictionMapper
    seed: int
    prefetch: int = 2

    def __call__(self, cell: Cell, on_frame: Callable[[], None]) -> CellAnswers:
        """Ask the model about every frame; ``tick`` is called for each."""
        model = self.mapper.model
        collected = AnswerCollector()
        seconds = {"model": 0.0, "corruption": 0.0}
        begun = time.perf_counter()
        for number, (frame, picture, spent) in enumerate(self._iterate_pictures(cell)):
            started = time.perf_counter()
            answer = model.predict(picture)
            seconds["model"] += time.perf_counter() - started
            seconds["corruption"] += spent
            if cell.corruption is None and model.task == "segmentation" and not model.has_fixed_classes:
                self.mapper.check_values(np.asarray(answer))
            collected.add(number, resize_answer(answer, picture.shape[:2], frame.shape), frame.truth)
            on_frame()
        seconds["total"] = time.perf_counter() - begun
        return collected.finish(dict(model.classes), {name: round(value, 3) for name, value in seconds.items()})

    def _iterate_pictures(self, cell: Cell) -> Iterator[tuple[LabelledFrame, Picture, float]]:
        def make(number: int) -> tuple[LabelledFrame, Picture, float]:
            frame = self.frames[number]
            started = time.perf_counter()
            picture = cell.corrupt_frame(frame, self.seed)
            return frame, picture, time.perf_counter() - started if cell.corruption else 0.0

        if cell.corruption is None or not self.prefetch:
            yield from map(make, range(len(self.frames)))
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[tuple[LabelledFrame, Picture, float]]] = deque()
            for number in range(len(self.frames)):
                waiting.append(pool.submit(make, number))
                if len(waiting) > self.prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


class CellStore:
    """The answers of a run on disk: an interrupted run goes on, and other names or scores need no new one.

    Args:
        run: the run folder.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / "cells"

    def __call__(self, cell: Cell) -> CellAnswers | None:
        """What is kept of a cell, None where it was not measured."""
        path = self.folder / f"{cell.name}.npz"
        return CellAnswers.load(path) if path.is_file() else None

    def save(self, cell: Cell, answers: CellAnswers) -> None:
        """Keep a cell."""
        answers.save(self.folder / f"{cell.name}.npz")
