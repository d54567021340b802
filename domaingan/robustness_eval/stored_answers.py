"""What a model answered for one corruption and severity.

Answers are kept on disk with the model's own class numbers, so that they can be scored under any mapping of classes.
"""

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
from domaingan.robustness_eval.robustness_scores import BoxScorer, FrameScorer, MaskScorer

BOX_ARRAYS = ("frames", "boxes", "scores", "labels")
"""Names of the arrays of a detector's answers."""

PAIR_ARRAYS = ("frames", "truth", "answers", "pixels")
"""Names of the arrays of a segmenter's answers: the number of pixels with each pair of true and answered value."""

MAX_COUNTED_RANGE = 2048
"""Masks whose values lie further apart are counted by sorting, which needs less memory."""


@dataclass(frozen=True, eq=False)
class CellAnswers:
    """A model's answers to all frames under one corruption and severity.

    Attributes:
        arrays: :data:`BOX_ARRAYS` of a detector, with boxes on the data's own grid, or :data:`PAIR_ARRAYS` of a
            segmenter. A row is a box or a pair; ``frames`` is the number of its frame.
        classes: the model's numbers by class name, as they were then.
        seconds: the time spent: ``total``, ``model``, ``corruption``.
    """

    arrays: dict[str, NDArray[Any]]
    classes: dict[str, int]
    seconds: dict[str, float]

    @property
    def is_detection(self) -> bool:
        """Whether a detector answered."""
        return "boxes" in self.arrays

    def split_detections(self, frame_count: int) -> list[Detections]:
        """Split a detector's answers by frame; labels stay in the model's numbers."""
        detections = []
        for number in range(frame_count):
            is_row = self.arrays["frames"] == number
            boxes = self.arrays["boxes"][is_row]
            scores = self.arrays["scores"][is_row]
            labels = self.arrays["labels"][is_row]
            detections.append(Detections(boxes, scores, labels))
        return detections

    def score(self, truths: Sequence[Any], mapper: PredictionMapper, scored: Mapping[str, int]) -> FrameScorer:
        """Score the answers against the truth, in the data's classes.

        Args:
            truths: what is true of each frame; not needed for a segmenter, but for their number.
            mapper: from the model's numbers to the data's classes.
            scored: the classes that count: the data's values by name.
        """
        if self.is_detection:
            return self._score_boxes(truths, mapper, scored)
        return self._score_masks(len(truths), mapper, scored)

    def _score_boxes(self, truths: Sequence[Any], mapper: PredictionMapper, scored: Mapping[str, int]) -> BoxScorer:
        scorer = BoxScorer(scored)
        for truth, detections in zip(truths, self.split_detections(len(truths)), strict=True):
            mapped = mapper.map_labels(detections, self.classes)
            assert isinstance(mapped, Detections)
            scorer.add(truth, mapped)
        return scorer

    def _score_masks(self, frame_count: int, mapper: PredictionMapper, scored: Mapping[str, int]) -> MaskScorer:
        scorer = MaskScorer(scored, mapper.schema.ignore)
        for number in range(frame_count):
            is_row = self.arrays["frames"] == number
            mapped = mapper.map_labels(self.arrays["answers"][is_row], self.classes)
            assert not isinstance(mapped, Detections)
            scorer.add_pairs(self.arrays["truth"][is_row], mapped, self.arrays["pixels"][is_row])
        return scorer

    def save(self, path: Path) -> None:
        """Write the answers to one ``.npz`` file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = json.dumps({"classes": self.classes, "seconds": self.seconds})
        write_arrays(path, {**self.arrays, "facts": np.array(facts)})

    @classmethod
    def load(cls, path: Path) -> CellAnswers:
        """Read what :meth:`save` wrote.

        Raises:
            DataError: the file is damaged or something else.
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
        """Add the answer to a frame.

        Args:
            number: the frame's number.
            answer: boxes or a mask on the data's own grid.
            truth: the true mask, where the answer is a mask.
        """
        part: dict[str, NDArray[Any]]
        if isinstance(answer, Detections):
            part = {"boxes": answer.boxes, "scores": answer.scores, "labels": answer.labels}
        else:
            part = count_pairs(np.asarray(truth), np.asarray(answer))
        row_count = len(next(iter(part.values())))
        self.parts.append({"frames": np.full(row_count, number, np.int32), **part})

    def finish(self, classes: dict[str, int], seconds: dict[str, float]) -> CellAnswers:
        """Join the answers to all frames."""
        arrays = {}
        for name in self.parts[0]:
            arrays[name] = np.concatenate([part[name] for part in self.parts])
        return CellAnswers(arrays, classes, seconds)


def count_pairs(truth: NDArray[Any], answer: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Count the pixels with each pair of a true and an answered value.

    Args:
        truth: ``(H, W)`` integers.
        answer: ``(H, W)`` integers.

    Returns:
        ``truth``, ``answers`` and ``pixels``, each ``(N,)``: a row for each pair that occurs.

    >>> counts = count_pairs(np.array([[0, 8, 8]]), np.array([[0, 0, 3]]))
    >>> {name: array.tolist() for name, array in counts.items()}
    {'truth': [0, 8, 8], 'answers': [0, 0, 3], 'pixels': [1, 1, 1]}
    """
    low = min(int(truth.min()), int(answer.min()))
    width = max(int(truth.max()), int(answer.max())) - low + 1
    if width > MAX_COUNTED_RANGE:
        pairs, counts = np.unique(np.stack([truth.ravel(), answer.ravel()]), axis=1, return_counts=True)
        true_values, answered_values = pairs
    else:
        rows = truth.ravel().astype(np.int64) - low
        columns = answer.ravel().astype(np.int64) - low
        pixels = np.bincount(rows * width + columns)
        codes = np.flatnonzero(pixels)
        true_values = codes // width + low
        answered_values = codes % width + low
        counts = pixels[codes]
    return {
        "truth": true_values.astype(np.int64),
        "answers": answered_values.astype(np.int64),
        "pixels": counts.astype(np.int64),
    }
