"""One corruption at one severity over all frames: corrupt, ask the model, score; and what is kept of it on disk."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domaingan.corrupt import corrupt
from domaingan.files import read_json, write_json
from domaingan.robustness.answers import Translation
from domaingan.robustness.frames import Frame, Frames
from domaingan.robustness.model import Picture
from domaingan.robustness.scores import scorer_for


@dataclass(frozen=True)
class Cell:
    """A corruption and a severity, or clean pictures (None and 0)."""

    corruption: str | None = None
    severity: int = 0

    @property
    def name(self) -> str:
        """A file's and a person's name for it."""
        return "clean" if self.corruption is None else f"{self.corruption}-{self.severity}"

    def picture(self, frame: Frame, seed: int) -> Picture:
        """The frame's picture under it; the same bytes for the same seed, whatever else is measured."""
        if self.corruption is None:
            return frame.picture
        return corrupt(frame.picture, self.corruption, self.severity, seed_of(seed, frame.name, self))


def seed_of(seed: int, frame: str, cell: Cell) -> int:
    """The seed of one picture's corruption: it follows from the run's seed, the frame, the corruption and the severity.

    >>> seed_of(0, "a", Cell("fog", 1)) == seed_of(0, "a", Cell("fog", 1)) != seed_of(0, "b", Cell("fog", 1))
    True
    """
    words = [seed, zlib.crc32(frame.encode()), zlib.crc32((cell.corruption or "").encode()), cell.severity]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


@dataclass(frozen=True)
class Measure:
    """Measures a model in a cell.

    Attributes:
        frames: what it is shown.
        translation: from its answers to the data's classes.
        scored: the classes that count, values by name.
        seed: of the corruptions.
        ahead: pictures that are corrupted, in another thread, while the model is at work; 0 for none.
    """

    frames: Frames
    translation: Translation
    scored: dict[str, int]
    seed: int
    ahead: int = 2

    def __call__(self, cell: Cell, tick: Callable[[], None]) -> dict[str, Any]:
        """``scores`` by name and ``seconds`` (total, model, corruption, scoring); ``tick`` is called for each frame."""
        model = self.translation.model
        scorer = scorer_for(model.task, self.scored, self.translation.schema.ignore)
        seconds = {"model": 0.0, "corruption": 0.0}
        begun = time.perf_counter()
        for frame, picture, spent in self._pictures(cell):
            started = time.perf_counter()
            answer = model.predict(picture)
            seconds["model"] += time.perf_counter() - started
            seconds["corruption"] += spent
            if cell.corruption is None and model.task == "segmentation" and not model.complete:
                self.translation.check_values(np.asarray(answer))
            scorer.add(frame.truth, self.translation(answer, picture.shape[:2], frame.shape))
            tick()
        started = time.perf_counter()
        scores = scorer.scores()
        seconds |= {"scoring": time.perf_counter() - started, "total": time.perf_counter() - begun}
        return {"scores": scores, "seconds": {name: round(value, 3) for name, value in seconds.items()}}

    def _pictures(self, cell: Cell) -> Iterator[tuple[Frame, Picture, float]]:
        def make(number: int) -> tuple[Frame, Picture, float]:
            frame = self.frames[number]
            started = time.perf_counter()
            picture = cell.picture(frame, self.seed)
            return frame, picture, time.perf_counter() - started if cell.corruption else 0.0

        if cell.corruption is None or not self.ahead:
            yield from map(make, range(len(self.frames)))
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[tuple[Frame, Picture, float]]] = deque()
            for number in range(len(self.frames)):
                waiting.append(pool.submit(make, number))
                if len(waiting) > self.ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


class Kept:
    """The cells of a run on disk, so that an interrupted run goes on.

    Args:
        run: the run folder.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / "cells"

    def __call__(self, cell: Cell) -> dict[str, Any] | None:
        """What is kept of a cell, None where it was not measured."""
        path = self.folder / f"{cell.name}.json"
        if not path.is_file():
            return None
        kept: dict[str, Any] = read_json(path)
        kept["scores"] = {name: np.nan if value is None else value for name, value in kept["scores"].items()}
        return kept

    def keep(self, cell: Cell, measured: dict[str, Any]) -> None:
        """Keep a cell."""
        write_json(self.folder / f"{cell.name}.json", measured)
