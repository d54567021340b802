"""What a bank is made of: the options of the commands that cut one from a dataset, and the cutting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domaingan.cli.options import WORK_PANEL
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.data import Dataset

Target = Annotated[
    str, typer.Option("--target", help="crops: objects with their masks; scenes: whole frames, for their look.")
]
Condition = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="NAME[,NAME]",
        help="Of crops: lesion (scans) or object (frames), the rarest class in a crop and the default; a column of "
        "samples.csv; radius_mm, volume_mm3 or contrast, numbers measured on the crop. Of scenes: columns of "
        "samples.csv; all unless given. Several as NAME,NAME.",
        rich_help_panel=WORK_PANEL,
    ),
]


Masks = Annotated[
    str | None,
    typer.Option(
        "--masks",
        metavar="grabcut",
        help="Of frames whose objects have a box alone: grabcut cuts them out of it, a guess (crops shows it).",
        rich_help_panel=WORK_PANEL,
    ),
]


def build_bank(
    dataset: Dataset, target: str, size: int | None, condition: str | None, masks: str | None = None, seed: int = 0
) -> Bank:
    """The crops or scenes of a dataset.

    Raises:
        DataError: there is no such target, or :func:`domaingan.banks.crops.crops` or
            :func:`domaingan.banks.scenes.scenes` refuses.
    """
    from domaingan.banks.crops import crops
    from domaingan.banks.scenes import scenes

    names = None if condition is None else [name for name in condition.split(",") if name]
    if target == "crops":
        return crops(dataset, size, names, masks, seed)
    if masks is not None:
        raise DataError(f"--masks {masks} with --target {target}", expected="--target crops")
    if target != "scenes":
        raise DataError(f"--target {target}", expected="crops or scenes")
    return scenes(dataset, size, names)
