"""What a bank is made of: the options of the commands that cut one from a dataset, and the cutting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from domaingan.cli.options import WORK
from domaingan.errors import DataError

if TYPE_CHECKING:
    from domaingan.bank import Bank
    from domaingan.sample import Dataset

Target = Annotated[
    str, typer.Option("--target", help="crops: objects with their masks; scenes: whole frames, for their look.")
]
Condition = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="NAME",
        help="Of crops: lesion (scans) or object (frames), the rarest class in a crop and the default, or a column of "
        "samples.csv. Of scenes: NAME[,NAME], columns of samples.csv; all unless given.",
        rich_help_panel=WORK,
    ),
]


def cut(dataset: Dataset, target: str, size: int | None, condition: str | None) -> Bank:
    """The crops or scenes of a dataset.

    Raises:
        DataError: there is no such target, or :func:`domaingan.cropping.crops` or :func:`domaingan.scenery.scenes`
            refuses.
    """
    from domaingan.cropping import crops
    from domaingan.scenery import scenes

    if target == "crops":
        return crops(dataset, size, condition)
    if target != "scenes":
        raise DataError(f"--target {target}", expected="crops or scenes")
    names = None if condition is None else [name for name in condition.split(",") if name]
    return scenes(dataset, size or 64, names)
