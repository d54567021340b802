"""What should be known of scans before lesions are pasted into them: where the body is, units, thin stacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from domaingan.data import Record, Sample, Schema
from domaingan.data.slice_axes import count_thin_slices
from domaingan.imaging.ranges import HOUNSFIELD_RANGE, find_absolute_channels


class BodyNotes:
    """Collects what each scan says about its body and its units. Frames are skipped.

    Args:
        schema: the dataset's.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.records: list[Record] = []
        self.masked_count = 0
        self.absolute_counts: Counter[str] = Counter()

    def add(self, record: Record, sample: Sample) -> None:
        """Count a scan.

        Args:
            record: of the scan.
            sample: the scan.
        """
        if not self.schema.domain.has_body:
            return
        self.records.append(record)
        if sample.foreground is not None:
            self.masked_count += 1
        for channel, is_absolute in zip(self.schema.channels, find_absolute_channels(sample), strict=True):
            if is_absolute:
                self.absolute_counts[channel] += 1

    def summarize(self) -> dict[str, Any]:
        """Summarize the scans that were counted.

        Returns:
            A dict of JSON's types: ``body`` {"masked" | "measured": samples}, ``ranges`` {channel: {range, samples}}
            and ``thin_slices`` (the number of slices of thin stacks, None where the stacks are thick). It is empty
            for frames.
        """
        if not self.schema.domain.has_body:
            return {}
        ranges = {}
        for channel in self.schema.channels:
            if self.absolute_counts[channel]:
                channel_range = list(self.schema.ranges.get(channel, HOUNSFIELD_RANGE))
                ranges[channel] = {"range": channel_range, "samples": self.absolute_counts[channel]}
        measured_count = len(self.records) - self.masked_count
        return {
            "body": {"masked": self.masked_count, "measured": measured_count},
            "ranges": ranges,
            "thin_slices": count_thin_slices(self.records),
        }


def describe_body(found: Mapping[str, Any]) -> list[str]:
    """Describe what a person should know before lesions are pasted into scans, in a line each.

    Args:
        found: the result of :func:`domaingan.adapters.inspect_dataset.inspect_dataset`.
    """
    lines = _describe_masks(found.get("body", {}))
    for channel, range_note in found.get("ranges", {}).items():
        low, high = range_note["range"]
        count = f"{range_note['samples']} of {found['samples']} samples"
        lines.append(f"{channel}: {low:g} to {high:g} is its range ({count}), by its values or as classes.json says")
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
