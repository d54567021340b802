"""What scores the masks of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from domaingan.data import Schema
from domaingan.metrics.frame_counter import FrameCounter
from domaingan.metrics.measures import OPTIONAL_GROUPS, MeasureGroup
from domaingan.metrics.scan_counter import ScanCounter


def make_counter(schema: Schema, groups: Sequence[MeasureGroup] = OPTIONAL_GROUPS) -> ScanCounter | FrameCounter:
    """Make the counter that scores a domain's masks.

    Args:
        schema: of the data.
        groups: which measures are computed beside Dice or IoU, see :data:`domaingan.metrics.measures.OPTIONAL_GROUPS`.
    """
    return ScanCounter(schema, groups) if schema.domain.has_body else FrameCounter(schema, groups)
