"""What a model answered in one corruption and severity, in its own numbers: kept on disk, scored under any map."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.core.files import write_arrays
from domaingan.core.reading import open_regular_file
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.answers import PredictionMapper
from domaingan.robustness_eval.model_under_test import Answer
from domaingan.robustness_eval.robustness_scores import BoxScorer, MaskScorer, Scorer

BOX_ARRAYS = ("frames", "boxes", "scores", "labels")
PAIR_ARRAYS = ("frames", "truth", "answers", "pixels")
"""Of a segmenter are kept how many pixels of a frame have each pair of a true and an answered value."""


MAX_COUNTED_RANGE = 2048
"""Masks whose values lie further apart are counted by sorting."""


@dataclass(frozen=True, eq=False)
class CellAnswers:
    """The answers to all frames.

    Attributes:
        arrays: of a detector :data:`BOXES`, boxes on the data's own grid; of a segmenter :data:`PAIRS`; a row a box
            or a pair, ``frames`` is the number of its frame.
        classes: the model's numbers by class name, as they were then.
        seconds: total, model, corruption.
    """

    arrays: dict[str, NDArray[Any]]
    classes: dict[str, int]
    seconds: dict[str, float]

    @property
    def is_detection(self) -> bool:
        """Whether a detector answered."""
        return "boxes" in self.arrays

    def split_detections(self, frame_count: int) -> list[Detections]:
        """A detector's answer to each frame, labels in the model's numbers."""
        found = []
        for number in range(frame_count):
            rows = self.arrays["frames"] == number
            found.append(Detections(*(self.arrays[name][rows] for name in BOX_ARRAYS[1:])))
        return found

    def score(self, truths: Sequence[Any], mapper: PredictionMapper, scored: Mapping[str, int]) -> Scorer:
        """Score them against the frames' truths, in the data's classes."""
        if self.is_detection:
            boxes = BoxScorer(scored)
            for truth, found in zip(truths, self.split_detections(len(truths)), strict=True):
                named = mapper.map_labels(found, self.classes)
                assert isinstance(named, Detections)
                boxes.add(truth, named)
            return boxes
        masks = MaskScorer(scored, mapper.schema.ignore)
        for number in range(len(truths)):
            rows = self.arrays["frames"] == number
            answer = mapper.map_labels(self.arrays["answers"][rows], self.classes)
            assert not isinstance(answer, Detections)
            masks.add_pairs(self.arrays["truth"][rows], answer, self.arrays["pixels"][rows])
        return masks

    def save(self, path: Path) -> None:
        """Write them to one ``.npz`` file, atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = json.dumps({"classes": self.classes, "seconds": self.seconds})
        write_arrays(path, {**self.arrays, "facts": np.array(facts)})

    @classmethod
    def load(cls, path: Path) -> CellAnswers:
        """Open what :meth:`save` wrote.

        Raises:
            DataError: it is damaged or something else.
        """
        expected = "the answers to a corruption and severity; delete it to have it measured again"
        try:
            with open_regular_file(path) as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            facts = json.loads(str(arrays.pop("facts")))
            classes = {str(name): int(number) for name, number in facts["classes"].items()}
            seconds = {str(name): float(value) for name, value in facts["seconds"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
            raise DataError("cannot be read", path=path, expected=expected) from None
        lengths = {len(array) if array.ndim else -1 for array in arrays.values()}
        if tuple(arrays) not in (BOX_ARRAYS, PAIR_ARRAYS) or len(lengths) != 1:
            raise DataError(f"arrays {', '.join(arrays)}", path=path, expected=expected)
        return cls(arrays, classes, seconds)


@dataclass
class AnswerCollector:
    """Collects answers frame by frame."""

    parts: list[dict[str, NDArray[Any]]] = field(default_factory=list)

    def add(self, number: int, answer: Answer, truth: Any) -> None:
        """Add the answer to a frame, on the data's own grid."""
        if isinstance(answer, Detections):
            part: dict[str, NDArray[Any]] = {"boxes": answer.boxes, "scores": answer.scores, "labels": answer.labels}
        else:
            part = count_pairs(np.asarray(truth), np.asarray(answer))
        rows = len(next(iter(part.values())))
        self.parts.append({"frames": np.full(rows, number, np.int32), **part})

    def finish(self, classes: dict[str, int], seconds: dict[str, float]) -> CellAnswers:
        """All of them."""
        names = list(self.parts[0])
        arrays = {name: np.concatenate([part[name] for part in self.parts]) for name in names}
        return CellAnswers(arrays, classes, seconds)


def count_pairs(truth: NDArray[Any], answer: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Count the pixels that have each pair of values, as :data:`PAIRS` without ``frames``.

    >>> {name: array.tolist() for name, array in count_pairs(np.array([[0, 8, 8]]), np.array([[0, 0, 3]])).items()}
    {'truth': [0, 8, 8], 'answers': [0, 0, 3], 'pixels': [1, 1, 1]}
    """
    low = min(int(truth.min()), int(answer.min()))
    width = max(int(truth.max()), int(answer.max())) - low + 1
    if width > MAX_COUNTED_RANGE:
        pairs, counts = np.unique(np.stack([truth.ravel(), answer.ravel()]), axis=1, return_counts=True)
        true, answered = pairs
    else:
        pixels = np.bincount((truth.ravel().astype(np.int64) - low) * width + (answer.ravel().astype(np.int64) - low))
        places = np.flatnonzero(pixels)
        true, answered, counts = places // width + low, places % width + low, pixels[places]
    columns = {"truth": true, "answers": answered, "pixels": counts}
    return {name: column.astype(np.int64) for name, column in columns.items()}
