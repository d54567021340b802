"""The options that several commands share, and what they mean: written once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.data import Dataset

INPUT_PANEL, WORK_PANEL, OUTPUT_PANEL = "Which data", "How it works", "What comes out"

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A folder in a known layout, phantom:medical or phantom:driving.")
]
Layout = Annotated[
    str | None,
    typer.Option("--layout", help="nifti, nnunet, masks or coco; found out unless given.", rich_help_panel=INPUT_PANEL),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="NAME=VALUE[,VALUE]", help="Only these samples. Repeatable.", rich_help_panel=INPUT_PANEL
    ),
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit", metavar="NAME=VALUE:N", help="Only N of those, drawn by the seed.", rich_help_panel=INPUT_PANEL
    ),
]
SkipProblems = Annotated[
    bool,
    typer.Option(
        "--skip-problems", help="Go on without the files that inspect lists as problems.", rich_help_panel=INPUT_PANEL
    ),
]
Dims = Annotated[
    int | None,
    typer.Option(
        "--dims",
        min=2,
        max=3,
        help="2 treats volumes as slices; the data's own otherwise.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Spacing = Annotated[
    float | None,
    typer.Option("--spacing", metavar="MM", help="Work at this coarser grid (scans).", rich_help_panel=INPUT_PANEL),
]
Resize = Annotated[
    str | None, typer.Option("--resize", metavar="H,W", help="Work at this size (frames).", rich_help_panel=INPUT_PANEL)
]
IntensityRange = Annotated[
    str | None,
    typer.Option(
        "--range",
        metavar="LOW,HIGH",
        help="Of scans what is 0 and 1, such as -1000,1000 of a CT: the same in every scan. Otherwise percentiles of "
        "each; where values are Hounsfield units, that is found out.",
        rich_help_panel=INPUT_PANEL,
    ),
]
Size = Annotated[
    int | None,
    typer.Option("--size", help="Edge of a crop, a power of two: 64 in 2D, 32 in 3D.", rich_help_panel=WORK_PANEL),
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Every random draw follows from it.", rich_help_panel=WORK_PANEL)
]
Out = Annotated[
    Path, typer.Option("--out", help="Where the result goes; must not exist.", rich_help_panel=OUTPUT_PANEL)
]
OptionalOut = Annotated[
    Path | None, typer.Option("--out", help="Where the new dataset goes; must not exist.", rich_help_panel=OUTPUT_PANEL)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.", rich_help_panel=OUTPUT_PANEL)]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with what was interrupted at --out.", rich_help_panel=OUTPUT_PANEL)
]
Json = Annotated[
    bool, typer.Option("--json", help="The last line of stdout is one JSON object.", rich_help_panel=OUTPUT_PANEL)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.", rich_help_panel=OUTPUT_PANEL)]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", rich_help_panel=WORK_PANEL)]
Precision = Annotated[str, typer.Option("--precision", help="auto, 32 or bf16.", rich_help_panel=WORK_PANEL)]


def open_data(
    data: str,
    layout: str | None = None,
    where: list[str] | None = None,
    limit: list[str] | None = None,
    seed: int = 0,
    skip_problems: bool = False,
    verbose: bool = False,
    intensity_range: str | None = None,
    quiet: bool = False,
) -> Dataset:
    """The dataset that the shared options describe; what was left out, and where the body is known from, is said.

    With ``quiet`` it is not, as ``inspect`` lists it.

    Raises:
        DataError: nothing can be read there, a file has a problem, or a filter names nothing.
    """
    import numpy as np

    from domaingan.adapters import load
    from domaingan.imaging.ranges import with_ranges

    dataset = load(data, layout)
    if intensity_range is not None:
        dataset = with_ranges(dataset, parse_range(intensity_range))
    if dataset.problems and not skip_problems:
        first, more = dataset.problems[0], len(dataset.problems) - 1
        others = f"and {more} more problems, which inspect lists; " if more else ""
        raise DataError(f"{first.reason} ({others}--skip-problems goes on without)", path=first.path)
    if not len(dataset):
        raise DataError("no usable sample", path=data, expected="at least one: see domaingan inspect")
    dataset = dataset.where(**parse_conditions(where, "--where"))
    rng = np.random.default_rng(seed)
    for name, value, n in parse_limits(limit):
        dataset = dataset.limit(name, value, n, rng)
    if dataset.problems and not quiet:
        first = dataset.problems[0]
        n = len(dataset.problems)
        files = "1 file" if n == 1 else f"{n} files, first"
        print(f"left out: {files} {first.path}: {first.reason}", file=sys.stderr)
    masked = sum("foreground" in record.files for record in dataset.records)
    if masked and not quiet:
        said = f"{masked} of {len(dataset)} samples have a mask of the body (brainmask, bodymask), which is used"
        print(said, file=sys.stderr)
    if verbose:
        print(dataset, file=sys.stderr)
    return dataset


def check_output_folder(out: Path, data: str, overwrite: bool) -> None:
    """Refuse an output folder that is taken, and ever to write over the data that is read or a folder that holds it.

    Nor is it written among the samples of a folder: it would be read as one of them the next time.

    Raises:
        DataError: any of them.
    """
    from domaingan.core.files import refuse_existing_folder

    source, target = Path(data).resolve(), out.resolve()
    if source.exists() and (target == source or target in source.parents):
        raise DataError("holds the data that is read", path=out, expected="another folder")
    if source.is_dir() and target.parent == source and any(source.glob("*/*.nii*")) and not _is_nnunet_folder(source):
        raise DataError("among the folders of the subjects", path=out, expected=f"a folder outside of {data}")
    refuse_existing_folder(out, overwrite=overwrite)


def _is_nnunet_folder(folder: Path) -> bool:
    return (folder / "dataset.json").exists()


def parse_conditions(texts: list[str] | None, option: str) -> dict[str, list[str]]:
    """``NAME=VALUE[,VALUE]`` texts as a dict of lists."""
    found: dict[str, list[str]] = {}
    for text in texts or []:
        name, _, values = text.partition("=")
        if not name or not values:
            raise DataError(f"{option} {text}", expected="NAME=VALUE")
        found.setdefault(name, []).extend(value for value in values.split(",") if value)
    return found


def parse_limits(texts: list[str] | None) -> list[tuple[str, str, int]]:
    """``NAME=VALUE:N`` texts as column, value and number."""
    found = []
    for text in texts or []:
        name, _, rest = text.partition("=")
        value, _, count = rest.rpartition(":")
        if not (name and value and count.isdigit()):
            raise DataError(f"--limit {text}", expected="NAME=VALUE:N")
        found.append((name, value, int(count)))
    return found


def parse_range(text: str) -> tuple[float, float]:
    """``LOW,HIGH`` as two numbers.

    Raises:
        DataError: it is something else.
    """
    try:
        low, high = [float(part) for part in text.split(",")]
    except ValueError:
        raise DataError(f"--range {text}", expected="LOW,HIGH, such as -1000,1000") from None
    return low, high


def parse_height_width(text: str | None) -> tuple[int, int] | None:
    """``H,W`` as two numbers."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise DataError(f"--resize {text}", expected="H,W, two positive numbers")
    return int(parts[0]), int(parts[1])


def apply_grid_options(dataset: Dataset, dims: int | None, spacing: float | None, resize: str | None) -> Dataset:
    """The dataset on the grid that ``--dims``, ``--spacing`` and ``--resize`` ask for."""
    from domaingan.views.regrid import view

    return view(dataset, dims=dims, spacing=spacing, resize=parse_height_width(resize))


def print_result(result: dict[str, Any], as_json: bool, message: str) -> None:
    """End a command: the JSON line where asked for, else one line for a person."""
    import json

    print(json.dumps(result, ensure_ascii=False) if as_json else message, flush=True)
