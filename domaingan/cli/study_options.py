"""The options of ``domaingan evaluate`` that say what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from domaingan.cli.option_groups import OptionGroup

STUDY_PANEL = "What is compared"
"""Title under which ``--help`` lists these options."""


@dataclass(frozen=True)
class StudyOptions(OptionGroup):
    """What is compared, and how often each arm is trained.

    Attributes:
        task: what the baseline learns.
        arms: names of the arms, joined by commas.
        seeds: number of trainings of each arm.
        sweep: ``KEY=VALUE,VALUE`` texts: modifiers of which several values are compared.
        curve: whether a learning curve is measured.
        aa: whether an arm is trained again with other seeds.
        headroom: whether it is measured what is short.
    """

    task: Annotated[
        str,
        typer.Option(
            "--task",
            help="segmentation, detection (boxes of scans are made from masks) or classification (by --label).",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = "segmentation"
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            help="The ways of making training data that are compared, as ARM,ARM,... An arm is none, or parts joined "
            "by +: classic (augmentation); copy-paste (real crops); deform-paste (real crops, deformed); gan "
            "(generated crops); inpaint (objects generated into hosts); refine (real crops made to fit their host); "
            "relight, reference-relight and weather (frames); as controls blur-paste (real crops, blurred) and "
            "shuffle-paste (real crops where they do not fit). @KEY=VALUE after it changes ratio (share of images "
            "pasted into), per-image (LOW-HIGH crops), the shares of people for crops, hosts or all (people), or "
            "repeat (1: the same with other seeds). Unless given: classic, copy-paste+classic, and refine+classic or "
            "the part that --bank is for.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = None
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            min=1,
            help="Number of trainings of each arm; with --folds or --sets, in each of them. A verdict needs five.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = 5
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            metavar="KEY=VALUE,VALUE,...",
            help="Also compare the arms with each value of a modifier, such as ratio=0,0.25,1 or per-image=1,1-5.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = None
    curve: Annotated[
        bool,
        typer.Option(
            "--curve",
            help="Also train copy-paste+classic on half of the people: the learning curve tells how many more people a "
            "difference is worth.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = False
    aa: Annotated[
        bool,
        typer.Option(
            "--aa",
            help="Also train an arm again with other seeds (copy-paste+classic where it is compared): so much is "
            "chance.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = False
    headroom: Annotated[
        bool,
        typer.Option(
            "--headroom",
            help="Ask what is short before any GAN is trained: crops, hosts, or objects in their own places. "
            "copy-paste+classic is trained with half and all of each. Unless --arms names others, nothing else is "
            "compared.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = False
