"""Choose among the layouts that fit a detector's outputs, by what boxes must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.metrics.detections import Detections
from domaingan.robustness_eval.onnx_detector.layout import Layout

MIN_BOX_SCORE = 0.05
"""Boxes with a lower score are filler, unless no box has a higher one."""

MAX_JUDGED_BOXES = 100
"""In each picture only the boxes with the highest scores are judged, at most this many."""

ENOUGH_BOXES = 20
"""Once this many boxes were judged, no further picture is needed."""

MAX_OVERHANG = 0.05
"""A box may reach beyond the picture by this share of its side: detectors regress a little over the edge."""

MIN_VALID_SHARE = 0.5
"""A layout is refused if a smaller share of its boxes (weighted by score) can be boxes."""

RunLayout = Callable[[Layout, int], tuple[Detections, tuple[int, int]]]
"""Decodes picture ``i`` with a layout: its boxes in pixels of the input, and the input's height and width."""


@dataclass(frozen=True)
class LayoutChoice:
    """The layout that was chosen.

    Attributes:
        layout: how the outputs are read.
        reason: why, in a sentence.
    """

    layout: Layout
    reason: str


@dataclass
class _Evidence:
    """Sums of scores: of all judged boxes, and of those that can be boxes."""

    boxes: int = 0
    weight: float = 0.0
    valid_weight: float = 0.0

    @property
    def valid_share(self) -> float:
        """The share of the weight that belongs to possible boxes."""
        return self.valid_weight / self.weight if self.weight else 0.0

    @property
    def percent(self) -> str:
        """The valid share as text."""
        return f"{100 * self.valid_share:.0f} %"


def choose_layout(
    candidates: Sequence[Layout], run: RunLayout, picture_count: int, *, path: str = "", is_certain: bool = False
) -> LayoutChoice:
    """Choose the layout under which most boxes are ordered, inside the picture and of a possible size.

    Args:
        candidates: the layouts, the likeliest first: it wins where several fit equally well.
        run: decodes a picture with a layout.
        picture_count: the number of pictures to look at.
        path: the model's file, for messages.
        is_certain: the user says how the outputs are read, so nothing is refused.

    Returns:
        The layout with the reason for it.

    Raises:
        DataError: there are boxes, but under no layout can half of them be boxes.
    """
    evidence = [_Evidence() for _ in candidates]
    judged_pictures = 0
    for picture in range(picture_count):
        for layout, found in zip(candidates, evidence, strict=True):
            detections, size = run(layout, picture)
            _add_evidence(found, detections, size)
        judged_pictures += 1
        if max(found.boxes for found in evidence) >= ENOUGH_BOXES:
            break
    shares = [round(found.valid_share, 2) for found in evidence]
    best = shares.index(max(shares))
    frames = f"the first {judged_pictures} frames" if judged_pictures > 1 else "the first frame"
    if not any(found.weight for found in evidence):
        reason = f"Nothing is found in {frames}: how boxes are read follows from shapes alone"
        return LayoutChoice(candidates[0], reason)
    if shares[best] < MIN_VALID_SHARE and not is_certain:
        share = f"{100 * shares[best]:.0f} %"
        boxes = f"boxes that cannot be boxes: of those in {frames}, {candidates[best].describe()}, {share}"
        raise DataError(f"{boxes} are ordered and inside the picture", path=path, expected="boxes; --decode says how")
    return LayoutChoice(candidates[best], _explain_choice(candidates, evidence, best, frames))


def _explain_choice(candidates: Sequence[Layout], evidence: Sequence[_Evidence], best: int, frames: str) -> str:
    """Say how many boxes are possible with the chosen layout, and with the best of the others."""
    chosen = evidence[best]
    reason = f"In {frames} {chosen.percent} of {chosen.boxes} boxes (by score) are ordered, inside the picture "
    reason += "and of a size"
    others = []
    for number, candidate in enumerate(candidates):
        if number != best and not _are_mirrored(candidate, candidates[best]):
            others.append(number)
    if not others:
        return f"{reason}; no other reading fits the shapes"
    other_shares = [evidence[number].valid_share for number in others]
    rival = others[other_shares.index(max(other_shares))]
    rival_layout = candidates[rival].describe().removeprefix("read as ")
    reason += f"; read as {rival_layout} it would be {evidence[rival].percent}"
    if round(evidence[rival].valid_share, 2) == round(chosen.valid_share, 2):
        reason += ": the likelier one by the shapes was taken"
    return reason


def _are_mirrored(one: Layout, other: Layout) -> bool:
    """Whether two layouts differ only in which of x and y comes first: boxes in a square cannot tell them apart."""
    forms = {one.box_format.form, other.box_format.form}
    return forms == {"xyxy", "yxyx"} and one.box_format.is_relative == other.box_format.is_relative


def _add_evidence(evidence: _Evidence, found: Detections, size: tuple[int, int]) -> None:
    """Count the boxes of a picture with the highest scores."""
    highest = float(found.scores.max(initial=0))
    if not highest > 0:
        return
    min_score = MIN_BOX_SCORE if highest >= MIN_BOX_SCORE else highest / 2
    order = np.argsort(-found.scores, kind="stable")[:MAX_JUDGED_BOXES]
    order = order[found.scores[order] >= min_score]
    scores = found.scores[order].astype(np.float64)
    is_valid = are_valid_boxes(found.boxes[order], size)
    evidence.boxes += len(order)
    evidence.weight += float(scores.sum())
    evidence.valid_weight += float(scores[is_valid].sum())


def are_valid_boxes(boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which corner boxes can be boxes in a picture.

    They end at least a pixel behind their start, they are no larger than the picture, and they lie in it, but for a
    small overhang (:data:`MAX_OVERHANG`).

    Args:
        boxes: ``(N, 4)`` xyxy boxes in pixels.
        size: height and width of the picture, in pixels.

    Returns:
        ``(N,)`` booleans.

    >>> boxes = np.array([[2, 2, 9, 9], [9, 9, 2, 2], [0.1, 0.1, 0.9, 0.8], [5, 5, 99, 9]], np.float32)
    >>> are_valid_boxes(boxes, (40, 40))
    array([ True, False, False, False])
    """
    height, width = size
    starts = boxes[:, :2]
    ends = boxes[:, 2:]
    sides = np.array([width, height], np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        spans = ends - starts
        has_size = ((spans >= 1) & (spans <= (1 + MAX_OVERHANG) * sides)).all(axis=1)
        starts_inside = (starts >= -MAX_OVERHANG * sides).all(axis=1)
        ends_inside = (ends <= (1 + MAX_OVERHANG) * sides).all(axis=1)
    is_finite = np.isfinite(boxes).all(axis=1)
    return np.asarray(has_size & starts_inside & ends_inside & is_finite, dtype=bool)
