"""What the command line says of folds and donors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domaingan.augmentation import AugmentedDataset


def describe_sides(augmented: AugmentedDataset, out: Path) -> list[str]:
    """What is to be said of folds and donors once a set is written, a line each.

    Args:
        augmented: what was written.
        out: its folder.
    """
    from domaingan.augmentation.offline.nnunet_folds import SPLITS_JSON
    from domaingan.core.reading import read_json

    lines = []
    if alone := augmented.samples_without_donors:
        shown = ", ".join(alone[:3]) + (", …" if len(alone) > 3 else "")
        lines.append(
            f"{len(alone)} samples ({shown}) got nothing: nobody else who may give to them has anything "
            "(--own-donors takes their own; --fold makes the side larger)"
        )
    sides, blender = augmented.sides, augmented.blender
    mixed = [] if sides is None or blender is None or sides.splits else sides.find_mixed_sides(blender.bank)
    if mixed:
        named = " and ".join(side or "no split" for side in mixed)
        lines.append(f"what is blended knows subjects of {named}: a score of one trained on the other measures memory")
    splits = out / SPLITS_JSON
    if augmented.copies is None or not splits.is_file():
        return lines
    trained = {name for split in read_json(splits) for name in split["train"]}
    copies = [job.name for job in augmented.jobs if job.copy]
    if unused := [name for name in copies if name not in trained]:
        lines.append(f"{len(unused)} of {len(copies)} copies are in no fold: each validates some of their donors")
    lines.append(f"{splits} belongs into nnUNet_preprocessed/DATASET: nnU-Net's own folds would mix copies and hosts")
    return lines
