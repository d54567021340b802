"""What is said of scans: where the body is known from, in which units they are, and how thin the stacks are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from domaingan.data import Record, Sample, Schema
from domaingan.data.slice_axes import count_thin_slices
from domaingan.imaging.ranges import HOUNSFIELD_RANGE, find_absolute_channels


class BodyNotes:
    """Collects what each scan says, and what follows from it for pasting.

    Args:
        schema: of the scans.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.records: list[Record] = []
        self.masked_count = 0
        self.absolute_counts: Counter[str] = Counter()

    def add(self, record: Record, sample: Sample) -> None:
        """Count a scan; frames are left out."""
        if not self.schema.domain.has_body:
            return
        self.records.append(record)
        self.masked_count += sample.foreground is not None
        channels = zip(self.schema.channels, find_absolute_channels(sample), strict=True)
        self.absolute_counts.update(name for name, is_absolute in channels if is_absolute)

    def summarize(self) -> dict[str, Any]:
        """Return what was found, in JSON's types.

        Returns:
            Of scans ``body`` {masked, measured: samples}, ``ranges`` {channel: {range, samples}} and ``thin_slices``
            (their number, None where there are enough); nothing of frames.
        """
        if not self.schema.domain.has_body:
            return {}
        ranges = {
            name: {"range": list(self.schema.ranges.get(name, HOUNSFIELD_RANGE)), "samples": self.absolute_counts[name]}
            for name in self.schema.channels
            if self.absolute_counts[name]
        }
        measured = len(self.records) - self.masked_count
        return {
            "body": {"masked": self.masked_count, "measured": measured},
            "ranges": ranges,
            "thin_slices": count_thin_slices(self.records),
        }


def describe_body(found: Mapping[str, Any]) -> list[str]:
    """Describe in a line each what a person should know before pasting into these scans.

    Args:
        found: as of :func:`domaingan.adapters.inspect_dataset.inspect`.
    """
    lines = _describe_masks(found.get("body", {}))
    for name, one in found.get("ranges", {}).items():
        low, high = one["range"]
        count = f"{one['samples']} of {found['samples']} samples"
        lines.append(f"{name}: {low:g} to {high:g} is its range ({count}), by its values or as classes.json says")
    if found.get("thin_slices") is not None:
        lines.append(f"{found['thin_slices']} slices: try --dims 2")
    return lines


def _describe_masks(body: Mapping[str, int]) -> list[str]:
    lines = []
    if body.get("masked"):
        lines.append(f"{body['masked']} samples have a mask of the body (brainmask, bodymask), which is used")
    if body.get("measured"):
        lines.append(
            f"the body of {body['measured']} samples is measured and all of it counts, so that lesions may be pasted "
            "beside the jaw or into ventricles; a brainmask beside the scans (layout nifti) or --atlas says where not"
        )
    return lines
