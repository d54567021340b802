"""What ``domaingan blend`` says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domaingan.augmentation import AugmentedDataset

BlendRecord = Mapping[str, Any]
"""What was done to a sample: one paste, or one relight."""

DEFAULT_COUNT_NAMES = {"pasted": "object", "relit": "scene"}
"""What entries of a bank without conditions are counted as."""


def summarise_blend(
    augmented: AugmentedDataset,
    records_by_sample: Mapping[str, Sequence[BlendRecord]],
    out: Path,
    preview: Path | None,
) -> tuple[dict[str, Any], str]:
    """Summarise what was written.

    Args:
        augmented: what was written.
        records_by_sample: for each sample the records of what was done to it.
        out: its folder.
        preview: the picture that was written besides, if any.

    Returns:
        The result of the command, and the line for a person.
    """
    kind, blender = augmented.kind, augmented.blender
    records = [record for records in records_by_sample.values() for record in records]
    placed = [record for record in records if kind == "relit" or record["place"] is not None]
    n_unplaced = len(records) - len(placed)
    problems = [{"path": problem.path, "reason": problem.reason} for problem in augmented.data.problems]
    result = {
        "written": len(records_by_sample),
        "pasted": {},
        "relit": {},
        "unplaced": n_unplaced,
        "classic": augmented.classic,
        "notes": list(getattr(blender, "notes", [])),
        "problems": problems,
        "without_donors": len(augmented.samples_without_donors),
        "out": str(out),
        "preview": None if preview is None else str(preview),
    }
    message = f"{len(records_by_sample)} samples → {out}"
    if blender is not None:
        counts = _count_values(placed, list(blender.bank.info.conditions), DEFAULT_COUNT_NAMES[kind])
        result[kind] = counts
        listed = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing"
        n_untouched = len(records_by_sample) - len(records)
        rest = f"no room for {n_unplaced}" if kind == "pasted" else f"{n_untouched} left alone"
        message += f"; {kind} {listed}; {rest}"
    if augmented.classic:
        message += f"; classic, {augmented.classic}"
    return result, message


def _count_values(records: Iterable[BlendRecord], conditions: Sequence[str], default: str) -> dict[str, int]:
    """Count the records by the value of the first condition that each has."""
    counts: Counter[str] = Counter()
    for record in records:
        values = [str(record[name]) for name in conditions if name in record]
        counts[values[0] if values else default] += 1
    return dict(counts)


def describe_unplaced(augmented: AugmentedDataset, records_by_sample: Mapping[str, Sequence[BlendRecord]]) -> list[str]:
    """Describe why most crops, or crops in most hosts, found no place.

    Args:
        augmented: what was written.
        records_by_sample: for each sample the records of its pastes.

    Returns:
        One line, or none where most crops found a place.
    """
    from domaingan.augmentation.offline.unplaced import find_likeliest_reason

    if augmented.kind != "pasted" or augmented.blender is None:
        return []
    n_crops = n_missed = n_hosts = n_empty = 0
    for records in records_by_sample.values():
        if not records:
            continue
        missed = [record for record in records if record["place"] is None]
        n_crops += len(records)
        n_missed += len(missed)
        n_hosts += 1
        n_empty += len(missed) == len(records)
    if n_missed * 2 <= n_crops and n_empty * 2 <= n_hosts:
        return []
    reason = find_likeliest_reason(augmented.blender.bank, augmented.data)
    found = f"{n_missed} of {n_crops} crops found no place, none in {n_empty} of {n_hosts} hosts"
    return [f"warning: {found}: {reason}"]
