"""Which of several readings of a detector's outputs is right: judged by what boxes must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.decode import Layout

MIN_BOX_SCORE = 0.05
"""Boxes below it are filler, unless nothing is surer."""

MAX_JUDGED_BOXES = 100
"""So many of the surest boxes of a picture are judged."""

ENOUGH_BOXES = 20
"""From so many boxes on no further picture is needed."""

MAX_OVERHANG = 0.05
"""A box may reach beyond the picture by this share of its side: detectors regress a little over the edge."""

MIN_VALID_SHARE = 0.5
"""A reading under which fewer of the boxes (by their scores) can be boxes is none."""

RunLayout = Callable[[Layout, int], tuple[Detections, tuple[int, int]]]
"""Decodes picture ``i`` with a layout: its boxes in the input's pixels, and the input's height and width."""


@dataclass(frozen=True)
class LayoutChoice:
    """The reading that was chosen.

    Attributes:
        layout: how the outputs are read.
        reason: why, in a sentence.
    """

    layout: Layout
    reason: str


@dataclass
class _Evidence:
    """Scores of the boxes met so far, and of those among them that can be boxes."""

    boxes: int = 0
    weight: float = 0.0
    valid_weight: float = 0.0

    @property
    def valid_share(self) -> float:
        """Share of the weight that is sound."""
        return self.valid_weight / self.weight if self.weight else 0.0


def choose_layout(
    candidates: Sequence[Layout], run: RunLayout, picture_count: int, *, path: str = "", is_certain: bool = False
) -> LayoutChoice:
    """Choose the reading under which most of the surer boxes are ordered, inside the picture and of a size.

    Args:
        candidates: the readings, the likeliest first: it wins where several fit as well.
        run: decodes a picture with a reading.
        pictures: number of pictures to look at.
        path: the model's file, for messages.
        sure: the user says how the outputs are read, so that nothing is refused.

    Returns:
        The reading with the reason for it.

    Raises:
        DataError: there are boxes, but under no reading can half of them be boxes.
    """
    evidence = [_Evidence() for _ in candidates]
    looked = 0
    for picture in range(picture_count):
        for layout, found in zip(candidates, evidence, strict=True):
            _add_evidence(found, *run(layout, picture))
        looked += 1
        if max(found.boxes for found in evidence) >= ENOUGH_BOXES:
            break
    shares = [round(found.valid_share, 2) for found in evidence]
    best = max(range(len(candidates)), key=lambda number: (shares[number], -number))
    frames = f"the first {looked} frames" if looked > 1 else "the first frame"
    if not any(found.weight for found in evidence):
        return LayoutChoice(
            candidates[0], f"Nothing is found in {frames}: how boxes are read follows from shapes alone"
        )
    if shares[best] < MIN_VALID_SHARE and not is_certain:
        share = _format_percent(shares[best])
        said = f"boxes that can be none: of those in {frames}, {candidates[best].describe()}, {share}"
        raise DataError(f"{said} are ordered and inside the picture", path=path, expected="boxes; --decode says how")
    return LayoutChoice(candidates[best], _explain_choice(candidates, evidence, best, frames))


def _explain_choice(candidates: Sequence[Layout], evidence: Sequence[_Evidence], best: int, frames: str) -> str:
    boxes = evidence[best].boxes
    share = _format_percent(evidence[best].valid_share)
    said = f"In {frames} {share} of {boxes} boxes (by score) are ordered, inside the picture and of a size"
    others = [number for number in range(len(candidates)) if number != best]
    others = [number for number in others if not _are_mirrored(candidates[number], candidates[best])]
    if not others:
        return f"{said}; no other reading fits the shapes"
    rival = max(others, key=lambda number: (evidence[number].valid_share, -number))
    other = candidates[rival].describe().removeprefix("read as ")
    tie = round(evidence[rival].valid_share, 2) == round(evidence[best].valid_share, 2)
    usual = ": the likelier one by the shapes was taken" if tie else ""
    return f"{said}; read as {other} it would be {_format_percent(evidence[rival].valid_share)}{usual}"


def _are_mirrored(one: Layout, other: Layout) -> bool:
    """Whether two readings differ in nothing but which of x and y comes first: in a square boxes cannot tell."""
    forms = {one.box_format.form, other.box_format.form}
    return forms == {"xyxy", "yxyx"} and one.box_format.is_relative == other.box_format.is_relative


def _format_percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _add_evidence(evidence: _Evidence, found: Detections, size: tuple[int, int]) -> None:
    """Count the surest boxes of a picture."""
    high = float(found.scores.max(initial=0))
    if not high > 0:
        return
    floor = MIN_BOX_SCORE if high >= MIN_BOX_SCORE else high / 2
    order = np.argsort(-found.scores, kind="stable")[:MAX_JUDGED_BOXES]
    order = order[found.scores[order] >= floor]
    scores = found.scores[order].astype(np.float64)
    evidence.boxes += len(order)
    evidence.weight += float(scores.sum())
    evidence.valid_weight += float(scores[are_valid_boxes(found.boxes[order], size)].sum())


def are_valid_boxes(boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which ``(N, 4)`` corner boxes can be boxes in a picture of ``size`` (height, width).

    Their ends lie behind their starts, a pixel or more apart; they are no larger than the picture; and they lie in it,
    but for a small overhang.

    >>> boxes = np.array([[2, 2, 9, 9], [9, 9, 2, 2], [0.1, 0.1, 0.9, 0.8], [5, 5, 99, 9]], np.float32)
    >>> are_valid_boxes(boxes, (40, 40))
    array([ True, False, False, False])
    """
    height, width = size
    spans = boxes[:, 2:] - boxes[:, :2]
    sides = np.array([width, height], np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        sized = ((spans >= 1) & (spans <= (1 + MAX_OVERHANG) * sides)).all(axis=1)
        started = (boxes[:, :2] >= -MAX_OVERHANG * sides).all(axis=1)
        ended = (boxes[:, 2:] <= (1 + MAX_OVERHANG) * sides).all(axis=1)
    finite = np.isfinite(boxes).all(axis=1)
    return np.asarray(sized & started & ended & finite, dtype=bool)


def as_picture_list(pictures: Iterable[NDArray[np.uint8]] | NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """A picture or several of them as a list."""
    return [pictures] if isinstance(pictures, np.ndarray) else list(pictures)
