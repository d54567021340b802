"""What ``domaingan blend`` says of folds and donors at its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domaingan.augmentation import AugmentedDataset


def describe_sides(augmented: AugmentedDataset, out: Path) -> list[str]:
    """Describe what folds and donors mean for the set that was written, a line each.

    Args:
        augmented: what was written.
        out: its folder.
    """
    return [*_describe_missing_donors(augmented), *_describe_mixed_sides(augmented), *_describe_folds(augmented, out)]


def _describe_missing_donors(augmented: AugmentedDataset) -> list[str]:
    names = augmented.samples_without_donors
    if not names:
        return []
    shown = ", ".join(names[:3])
    if len(names) > 3:
        shown += ", …"
    return [
        f"{len(names)} samples ({shown}) got nothing: nobody else who may give to them has anything "
        "(--own-donors takes their own; --fold makes the side larger)"
    ]


def _describe_mixed_sides(augmented: AugmentedDataset) -> list[str]:
    """Warn where generated entries were learnt from subjects of several sides."""
    sides, blender = augmented.sides, augmented.blender
    if sides is None or blender is None or sides.splits:
        return []
    mixed = sides.find_mixed_sides(blender.bank)
    if not mixed:
        return []
    named = " and ".join(side or "no split" for side in mixed)
    return [f"what is blended knows subjects of {named}: a score of one trained on the other measures memory"]


def _describe_folds(augmented: AugmentedDataset, out: Path) -> list[str]:
    """Say which copies are in no fold, and where nnU-Net looks for its folds."""
    from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON
    from domaingan.core.reading import read_json

    splits = out / SPLITS_JSON
    if augmented.copies is None or not splits.is_file():
        return []
    trained = {name for split in read_json(splits) for name in split["train"]}
    copies = [job.name for job in augmented.jobs if job.copy]
    unused = [name for name in copies if name not in trained]
    lines = []
    if unused:
        lines.append(f"{len(unused)} of {len(copies)} copies are in no fold: each validates some of their donors")
    lines.append(f"{splits} belongs into nnUNet_preprocessed/DATASET: nnU-Net's own folds would mix copies and hosts")
    return lines
