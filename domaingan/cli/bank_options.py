"""What a bank is made of: the options of the commands that cut a bank out of a dataset, and the call that does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domaingan.cli.options import WORK_PANEL
from domaingan.cli.parse_options import parse_names
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.data import Dataset

Target = Annotated[
    str,
    typer.Option("--target", help="crops: objects with their masks. scenes: whole frames or scans, for their look."),
]
Condition = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="NAME[,NAME]",
        help="What the crops or scenes are told apart by. For crops: lesion (scans) or object (frames), the rarest "
        "class in a crop, which is the default; a column of samples.csv; or radius_mm, volume_mm3 or contrast, numbers "
        "that are measured on the crop. For scenes: columns of samples.csv; all of them unless given.",
        rich_help_panel=WORK_PANEL,
    ),
]
Masks = Annotated[
    str | None,
    typer.Option(
        "--masks",
        metavar="grabcut",
        help="For frames whose objects have boxes only: estimate their masks by grabcut. crops shows the result.",
        rich_help_panel=WORK_PANEL,
    ),
]


def build_bank(
    dataset: Dataset, target: str, size: int | None, condition: str | None, masks: str | None = None, seed: int = 0
) -> Bank:
    """Cut the crops or the scenes out of a dataset.

    Args:
        dataset: labelled samples.
        target: ``crops`` or ``scenes``.
        size: edge of an entry in pixels; None for the default of the dimensions.
        condition: ``NAME[,NAME]``; None for the default of the target.
        masks: ``grabcut`` to estimate masks of objects that have boxes only.
        seed: of what is drawn.

    Raises:
        DataError: there is no such target, or :func:`domaingan.banks.crops.crops` or
            :func:`domaingan.banks.scenes.scenes` refuses.
    """
    from domaingan.banks.crops import crops
    from domaingan.banks.scenes import scenes

    names = parse_names(condition)
    if target == "crops":
        return crops(dataset, size, names, masks, seed)
    if masks is not None:
        raise DataError(f"--masks {masks} with --target {target}", expected="--target crops")
    if target != "scenes":
        raise DataError(f"--target {target}", expected="crops or scenes")
    return scenes(dataset, size, names)
