"""The options that several commands share: each is written once, as the type of a command's parameter.

Options that belong together stand in the groups of :mod:`domaingan.cli.option_groups`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

INPUT_PANEL = "Which data"
WORK_PANEL = "How it works"
OUTPUT_PANEL = "What comes out"
"""Titles under which ``--help`` lists the options."""

# ------------------------------------------------------------------ which data

Data = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A folder in a supported layout, phantom:medical or phantom:driving."),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="nifti, nnunet, coco, kitti, voc, yolo or masks. Detected unless given.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE[,VALUE]",
        help="Use only the samples with these values. Repeatable.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE:N",
        help="Use only N of the samples with this value, drawn by the seed.",
        rich_help_panel=INPUT_PANEL,
    ),
]
SkipProblems = Annotated[
    bool,
    typer.Option(
        "--skip-problems", help="Leave out the files that inspect lists as problems.", rich_help_panel=INPUT_PANEL
    ),
]
IntensityRange = Annotated[
    str | None,
    typer.Option(
        "--range",
        metavar="LOW,HIGH",
        help="For scans: the intensities that become 0 and 1, the same in every scan, such as -1000,1000 for CT. "
        "Unless given, percentiles of each scan; Hounsfield units are detected.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Dims = Annotated[
    int | None,
    typer.Option(
        "--dims",
        min=2,
        max=3,
        help="2 treats volumes as slices. Unless given, the data's own dimensions.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Spacing = Annotated[
    float | None,
    typer.Option(
        "--spacing",
        metavar="MM",
        help="For scans: work at this coarser spacing, in mm.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        "--resize",
        metavar="H,W",
        help="For frames: work at this height and width, in pixels.",
        rich_help_panel=INPUT_PANEL,
    ),
]

# ------------------------------------------------------------------ how it works

Size = Annotated[
    int | None,
    typer.Option(
        "--size",
        help="Edge of a crop in pixels, a power of two. Unless given, 64 in 2D and 32 in 3D.",
        rich_help_panel=WORK_PANEL,
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", min=0, help="Every random draw follows from this number.", rich_help_panel=WORK_PANEL),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", rich_help_panel=WORK_PANEL)]
Precision = Annotated[str, typer.Option("--precision", help="auto, 32 or bf16.", rich_help_panel=WORK_PANEL)]

# ------------------------------------------------------------------ what comes out

Out = Annotated[
    Path, typer.Option("--out", help="Folder for the result. It must not exist.", rich_help_panel=OUTPUT_PANEL)
]
OptionalOut = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the result. It must not exist.", rich_help_panel=OUTPUT_PANEL),
]
Grid = Annotated[
    Path | None,
    typer.Option(
        "--grid", metavar="FILE.png", help="Write a contact sheet with mask outlines.", rich_help_panel=OUTPUT_PANEL
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.", rich_help_panel=OUTPUT_PANEL)]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue what was interrupted at --out.", rich_help_panel=OUTPUT_PANEL)
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.", rich_help_panel=OUTPUT_PANEL)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print more details.", rich_help_panel=OUTPUT_PANEL)]
