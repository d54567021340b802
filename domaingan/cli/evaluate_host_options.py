"""The options of ``domaingan evaluate`` about unlabelled images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.option_groups import OptionGroup


@dataclass(frozen=True)
class HostOptions(OptionGroup):
    """Unlabelled images that arms paste into, too.

    Attributes:
        hosts: another dataset, whose samples need no labels.
        hosts_teacher: whether a teacher guesses their objects.
    """

    hosts: Annotated[
        str | None,
        typer.Option(
            "--hosts",
            metavar="DATA4",
            help="Unlabelled images that every arm with a paste also pastes into and trains on. Those of somebody who "
            "is tested, and copies of what is labelled, are left out and counted. They are taken to hold no objects "
            "of their own, unless --hosts-teacher.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None
    hosts_teacher: Annotated[
        bool,
        typer.Option(
            "--hosts-teacher",
            help="Train a teacher in each fold, by classic on the training samples, that looks through the --hosts: "
            "where it suspects an object no loss is computed (for detection, the image is left out).",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = False
