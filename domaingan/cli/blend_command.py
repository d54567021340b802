"""``domaingan blend``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.cli.blend_methods_help import METHOD_HELP
from domaingan.cli.blend_options import (
    BlendCommand,
    Level,
    Placement,
    check_bank_dims,
    make_blender,
    parse_region,
    parse_strength,
)
from domaingan.cli.open_data import open_data
from domaingan.cli.option_groups import CommonOptions, DataOptions, RunOptions, expand_options
from domaingan.cli.output import check_output_folder, print_result
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.augmentation import AugmentedDataset

NAME = "blend"
Command = BlendCommand


@expand_options
def command(
    data: o.Data,
    *,
    bank: Annotated[
        Path | None,
        typer.Option(
            "--bank",
            metavar="BANK",
            help="The crops or scenes to blend in: a folder that crops or sample wrote, or a folder of pictures, scans "
            "or crops with masks.",
        ),
    ] = None,
    out: o.OptionalOut = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.png", help="Write a picture of eight hosts before and after."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help=METHOD_HELP,
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    per_image: Annotated[
        int,
        typer.Option(
            "--per-image",
            min=1,
            help="Paste at most this many crops into an image or slice.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 3,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="VALUE",
            help="Use only crops of this class, or scenes of this look. Repeatable.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    placement: Annotated[
        Placement | None,
        typer.Option(
            "--placement",
            help="Where crops go in scans. uniform (default): anywhere in the body. prior: rather where the bank's "
            "crops of the class were found.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    atlas: Annotated[
        Path | None,
        typer.Option(
            "--atlas",
            metavar="FILE",
            help="Instead of --placement: a map of relative weights over the body's bounding box, as NIfTI, picture or "
            ".npy.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    overlap: Annotated[
        bool,
        typer.Option("--overlap", help="For scans: crops may cover labelled voxels.", rich_help_panel=o.WORK_PANEL),
    ] = False,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            help="For frames: the part of the image in which objects are placed, as shares of its width and height; "
            "0,0.5,1,1 is the lower half. 'region' in DATA's classes.json says the same, and 'ground': [CLASS, ..] "
            "there names the classes that objects stand on. Unless named, the bank says them.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    strength: Annotated[
        str | None,
        typer.Option(
            "--strength",
            metavar="LOW,HIGH",
            help="For scenes: how much of the look is taken, drawn from this range within 0 to 1. Unless given, 0.7,1.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    classic: Annotated[
        Level | None,
        typer.Option(
            "--classic",
            help="Apply classic augmentation, after blending or alone. --classic without a level is medium.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option(
            "--copies",
            metavar="N",
            min=1,
            help="Keep every sample as it is, and write N augmented copies beside it under new names. Unless given, "
            "nnU-Net's cases get one copy, and other samples are replaced by their augmented version.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option(
            "--fold",
            min=0,
            help="Blend only into the training cases of this fold, and only crops of these cases. The folds are those "
            "of splits_final.json beside the data, or else nnU-Net's own five.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="NAME|FILE.json",
            help="Blend only into this named split, and only crops of it. A .json file names nnU-Net's folds.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
    own_donors: Annotated[
        bool,
        typer.Option(
            "--own-donors",
            help="For scans: a subject's crops may go back into its own scans.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = False,
    strip_header_text: Annotated[
        bool,
        typer.Option(
            "--strip-header-text",
            help="Leave out the free text in the headers of scans, which may name people. inspect lists it.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Number of processes. Unless given, at most one a core.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    dims: o.Dims = None,
    source: DataOptions,
    run: RunOptions,
    common: CommonOptions,
) -> None:
    """Paste crops into the images of DATA, or give them the look of scenes.

    The result is a dataset in DATA's own layout, with masks and boxes.

    Crops stay on their side of the split. For nnU-Net,
    splits_final.json says which cases are trained on and which are validated.
    """  # fmt: skip
    from domaingan.augmentation import AugmentedDataset
    from domaingan.augmentation.offline.donors import plan_sides
    from domaingan.augmentation.offline.fingerprints import fingerprint_files
    from domaingan.bank_folders import open_bank
    from domaingan.cli.bank_summary import describe_resampling, find_folder_kind
    from domaingan.cli.blend_summary import describe_unplaced, summarise_blend
    from domaingan.cli.fold_notes import describe_sides

    if out is None and preview is None:
        raise DataError("neither --out nor --preview", expected="one of them, or both")
    if out is not None:
        check_output_folder(out, data, run.overwrite)
    dataset = open_data(data, source, common)
    strength_range = parse_strength(strength)
    places = {"placement": placement, "atlas": atlas, "overlap": overlap or None, "region": parse_region(region)}
    is_nnunet = dataset.schema.layout == "nnunet"
    sides = plan_sides(dataset, fold=fold, split=split, is_own_allowed=own_donors, has_folds=is_nnunet)
    blender = None
    if bank is not None:
        opened = open_bank(bank, find_folder_kind(method))
        check_bank_dims(opened, dims)
        sides.check_bank(opened)
        blender = make_blender(
            opened, dataset.schema, method, per_image, only or [], strength_range, places, sides.list_donors(opened)
        )
    if copies is None and is_nnunet:
        copies = 1
    augmented = AugmentedDataset(dataset, blender, classic, common.seed, sides, copies, strip_header_text)
    resampling = "" if blender is None else describe_resampling(blender.bank, dataset)
    if resampling:
        typer.echo(resampling, err=True)
    if preview is not None:
        write_preview(augmented, preview)
    if out is None:
        nothing = {"written": 0, "pasted": {}, "relit": {}, "problems": []}
        print_result({"preview": str(preview), **nothing}, common.json, f"{preview}")
        return
    settings = {
        "atlas_file": None if atlas is None else fingerprint_files([atlas]),
        "range": source.intensity_range,
        "data": data,
        "bank": bank,
        "method": method,
        "per_image": per_image,
        "only": only,
        "strength": strength,
        **places,
    }
    records_by_sample = _write_dataset(augmented, out, settings, workers, run)
    for line in [*describe_unplaced(augmented, records_by_sample), *describe_sides(augmented, out)]:
        typer.echo(line, err=True)
    result, message = summarise_blend(augmented, records_by_sample, out, preview)
    print_result(result, common.json, message)


def write_preview(augmented: AugmentedDataset, path: Path) -> None:
    """Write the picture of ``--preview``."""
    from domaingan.augmentation import draw_preview
    from domaingan.core.tiles import save_png

    save_png(draw_preview(augmented), path)


def _write_dataset(
    augmented: AugmentedDataset, out: Path, settings: dict[str, Any], workers: int | None, run: RunOptions
) -> dict[str, list[dict[str, Any]]]:
    """Write the augmented dataset.

    Args:
        augmented: makes the samples.
        out: the new folder.
        settings: what the samples follow from besides; a resumed run must have the same.
        workers: number of processes.
        run: whether an interrupted run is continued, or replaced.

    Returns:
        For each sample the records of what was done to it.
    """
    from domaingan.augmentation.offline.write_augmented import ProgressCallbacks, write_augmented_dataset
    from domaingan.core.progress_bar import ProgressBar

    schema = augmented.data.schema
    if augmented.kind == "relit" and augmented.blender is not None:
        conditions_of_looks = augmented.blender.bank.info.conditions
        conditions = dict.fromkeys([*schema.conditions, *conditions_of_looks])
        schema = replace(schema, conditions=tuple(conditions))
    with ProgressBar("augmenting") as progress:
        return write_augmented_dataset(
            augmented,
            schema,
            out,
            settings,
            workers=workers,
            resume=run.resume,
            overwrite=run.overwrite,
            callbacks=ProgressCallbacks(progress.say, progress.update),
        )
