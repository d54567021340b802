"""``domaingan blend``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from typer.core import TyperCommand

from domaingan.cli import options as o
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.augmentation import AugmentedDataset
    from domaingan.banks import Bank
    from domaingan.blend import Paste, Relight
    from domaingan.data import Dataset

NAME = "blend"
DEFAULT_COUNT_NAMES = {"pasted": "object", "relit": "scene"}
"""What entries without a condition are counted as."""

Level = Literal["light", "medium", "strong"]
Placement = Literal["uniform", "prior"]


class Command(TyperCommand):
    """Lets ``--classic`` stand alone, for ``--classic medium``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Complete the arguments, then parse them."""
        following = [*args[1:], ""][: len(args)]
        alone = [
            one == "--classic" and next_one not in get_args(Level)
            for one, next_one in zip(args, following, strict=True)
        ]
        given = [word for one, add in zip(args, alone, strict=True) for word in ([one, "medium"] if add else [one])]
        parsed: list[str] = super().parse_args(ctx, given)
        return parsed


def command(
    data: o.Data,
    bank: Annotated[
        Path | None,
        typer.Option("--bank", help="What crops or sample wrote; or pictures, scans or crops with masks."),
    ] = None,
    out: o.OptionalOut = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.png", help="Eight hosts before and after, to look at first."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="Crops: feather (default of scans), soft (of frames), alpha, laplacian, poisson or poisson-mixed; "
            "with +noise or +histogram they take those of the host first. Scenes: reinhard (default of frames), "
            "histogram (of scans), fda, fda:BETA, lut (class by class) or mix.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    per_image: Annotated[
        int,
        typer.Option(
            "--per-image", min=1, help="At most so many crops an image (or slice).", rich_help_panel=o.WORK_PANEL
        ),
    ] = 3,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="VALUE", help="Only this class or look. Repeatable.", rich_help_panel=o.WORK_PANEL
        ),
    ] = None,
    placement: Annotated[
        Placement | None,
        typer.Option(
            "--placement",
            help="Where in scans: uniform, anywhere in the body, or prior, rather where crops of the class were found.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    atlas: Annotated[
        Path | None,
        typer.Option(
            "--atlas",
            metavar="FILE",
            help="Instead a map of relative weights over the body's box: NIfTI, picture or .npy.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    overlap: Annotated[
        bool, typer.Option("--overlap", help="In scans also onto what is labelled.", rich_help_panel=o.WORK_PANEL)
    ] = False,
    region: Annotated[
        str | None,
        typer.Option(
            "--region",
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            help="Where in frames objects must stand, in shares: 0,0.5,1,1 is the lower half. Like 'region' in DATA's "
            "classes.json, where 'ground': [CLASS, ..] names what they stand on; learned where neither is named.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    strength: Annotated[
        str | None,
        typer.Option(
            "--strength",
            metavar="LOW,HIGH",
            help="Of scenes' looks, 0 to 1: 0.7,1 unless given.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    classic: Annotated[
        Level | None,
        typer.Option(
            "--classic",
            help="Classic augmentation, after the bank's or alone; medium unless said.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option(
            "--copies",
            metavar="N",
            min=1,
            help="Every sample as it is, and N augmented copies beside it under names of their own. Unless given one "
            "copy of nnU-Net's cases, and of others one in each sample's place.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option(
            "--fold",
            min=0,
            help="Blend into the training side of this fold alone, with crops of that side alone. The folds are those "
            "of splits_final.json beside the data, else nnU-Net's own five.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="NAME|FILE.json",
            help="Blend into this named split alone, with crops of it alone; or nnU-Net's folds in a file.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
    own_donors: Annotated[
        bool,
        typer.Option("--own-donors", help="Into scans also crops of the same subject.", rich_help_panel=o.WORK_PANEL),
    ] = False,
    strip_header_text: Annotated[
        bool,
        typer.Option(
            "--strip-header-text",
            help="Leave out free text in the headers of scans, which may name people; inspect tells of it.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Processes; one a core at most.", rich_help_panel=o.WORK_PANEL),
    ] = None,
    dims: o.Dims = None,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    skip_problems: o.SkipProblems = False,
    units: o.IntensityRange = None,
    seed: o.Seed = 0,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Paste crops into the images of DATA, give them the look of scenes, or augment them in the classic way.

    The set that comes out is in DATA's own layout, masks and all. Crops stay on their side of the split: of nnU-Net's
    cases a splits_final.json says who is trained on and validated. Where it was interrupted, --resume goes on.
    """
    from domaingan.augmentation import AugmentedDataset
    from domaingan.augmentation.offline.donors import plan_sides
    from domaingan.augmentation.offline.fingerprints import fingerprint_files
    from domaingan.bank_folders import open_bank
    from domaingan.cli.bank_summary import describe_resampling, find_folder_kind
    from domaingan.cli.fold_options import describe_sides

    if out is None and preview is None:
        raise DataError("neither --out nor --preview", expected="one of them, or both")
    if out is not None:
        o.check_output_folder(out, data, overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose, units)
    looks = parse_strength(strength)
    spots = {"placement": placement, "atlas": atlas, "overlap": overlap or None, "region": parse_region(region)}
    is_nnunet = dataset.schema.layout == "nnunet"
    sides = plan_sides(dataset, fold=fold, split=split, is_own_allowed=own_donors, has_folds=is_nnunet)
    blender = None
    if bank is not None:
        opened = open_bank(bank, find_folder_kind(method))
        check_bank_dims(opened, dims)
        sides.check_bank(opened)
        blender = make_blender(opened, dataset, method, per_image, only or [], looks, spots, sides.list_donors(opened))
    copies = 1 if copies is None and is_nnunet else copies
    augmented = AugmentedDataset(dataset, blender, classic, seed, sides, copies, strip_header_text)
    if blender is not None and (said := describe_resampling(blender.bank, dataset)):
        typer.echo(said, err=True)
    if preview is not None:
        write_preview(augmented, preview)
    if out is None:
        nothing = {"written": 0, "pasted": {}, "relit": {}, "problems": []}
        o.print_result({"preview": str(preview), **nothing}, json, f"{preview}")
        return
    asked: dict[str, Any] = {"atlas_file": None if atlas is None else fingerprint_files([atlas]), "range": units}
    asked |= {"data": data, "bank": bank, "method": method, "per_image": per_image, "only": only, "strength": strength}
    done = _write_dataset(augmented, out, asked | spots, workers=workers, resume=resume, overwrite=overwrite)
    result, said = _summarise(augmented, done, out, preview)
    for line in [*describe_unplaced(augmented, done), *describe_sides(augmented, out)]:
        typer.echo(line, err=True)
    o.print_result(result, json, said)


def check_bank_dims(bank: Bank, dims: int | None) -> None:
    """Refuse a bank of other dimensions than were asked for.

    Raises:
        DataError: it is one.
    """
    if dims is not None and bank.info.spatial_dims != dims:
        expected = f"a {dims}D one, as domaingan crops --dims {dims} makes it"
        raise DataError(f"a {bank.info.spatial_dims}D bank", path=bank.path, expected=expected)


def describe_unplaced(
    augmented: AugmentedDataset, records_by_sample: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[str]:
    """Say why most crops, or crops in most hosts, found no place; nothing where they did.

    Args:
        augmented: what was written.
        done: for each sample that was written the records of its pastes.
    """
    from domaingan.augmentation.offline.unplaced import find_likeliest_reason

    if augmented.kind != "pasted" or augmented.blender is None:
        return []
    tried = [records for records in records_by_sample.values() if records]
    records = [record for one in tried for record in one]
    missed = sum(record["place"] is None for record in records)
    empty = sum(all(record["place"] is None for record in one) for one in tried)
    if missed * 2 <= len(records) and empty * 2 <= len(tried):
        return []
    reason = find_likeliest_reason(augmented.blender.bank, augmented.data)
    return [
        f"warning: {missed} of {len(records)} crops found no place, none in {empty} of {len(tried)} hosts: {reason}"
    ]


def parse_region(text: str | None) -> list[float] | None:
    """``LEFT,TOP,RIGHT,BOTTOM`` as four numbers.

    Raises:
        DataError: it is not.
    """
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise DataError(f"--region {text}", expected="LEFT,TOP,RIGHT,BOTTOM, four shares from 0 to 1")
    return numbers


def write_preview(augmented: AugmentedDataset, path: Path) -> None:
    """Write the preview picture."""
    from domaingan.augmentation import draw_preview
    from domaingan.core.tiles import save_png

    save_png(draw_preview(augmented), path)


def parse_strength(text: str | None) -> tuple[float, float]:
    """``LOW,HIGH``, or one number for both, as two numbers.

    Raises:
        DataError: it is neither.
    """
    if text is None:
        return (0.7, 1.0)
    try:
        parts = [float(part) for part in text.split(",")]
        low, high = parts if len(parts) == 2 else parts * 2
    except ValueError:
        raise DataError(f"--strength {text}", expected="LOW,HIGH, two numbers from 0 to 1") from None
    return low, high


def make_blender(
    bank: Bank,
    dataset: Dataset,
    method: str | None,
    per_image: int,
    only: Sequence[str],
    strength: tuple[float, float],
    placement_options: Mapping[str, Any],
    donors: Sequence[str] | None = None,
) -> Paste | Relight:
    """What a bank is blended with: crops are pasted, scenes relight.

    Args:
        bank, dataset: what is blended into what.
        method, per_image, only, strength: as :class:`domaingan.blend.Paste` and :class:`domaingan.blend.Relight`.
        spots: ``placement``, ``atlas``, ``overlap`` and ``region`` of a paste, None where they are not given.
        donors: subjects whose crops are pasted; everyone's unless given.

    Raises:
        DataError: a method or a value that the bank has not, or places for scenes.
    """
    from domaingan.blend import Paste, Relight, find_conditions_of_looks

    given = {name: value for name, value in placement_options.items() if value is not None}
    if bank.info.kind == "scenes":
        if given:
            raise DataError(f"--{next(iter(given))}", path=bank.path, expected="crops: scenes have no place")
        return Relight(bank, method, strength, find_conditions_of_looks(bank, only), schema=dataset.schema)
    return Paste(bank, method, (1, per_image), only, schema=dataset.schema, donors=donors, **given)


def _write_dataset(
    augmented: AugmentedDataset, out: Path, settings: dict[str, Any], **options: Any
) -> dict[str, list[dict[str, Any]]]:
    """Write the set; what was done to each sample."""
    from domaingan.augmentation.offline.write_augmented import ProgressCallbacks, write_augmented_dataset
    from domaingan.cli.progress_bar import ProgressBar

    schema = augmented.data.schema
    if augmented.kind == "relit" and augmented.blender is not None:
        brought = augmented.blender.bank.info.conditions  # by the looks
        schema = replace(schema, conditions=tuple(dict.fromkeys([*schema.conditions, *brought])))
    with ProgressBar("augmenting") as teller:
        return write_augmented_dataset(
            augmented, schema, out, settings, callbacks=ProgressCallbacks(teller.say, teller.update), **options
        )


def _summarise(
    augmented: AugmentedDataset, records_by_sample: dict[str, list[dict[str, Any]]], out: Path, preview: Path | None
) -> tuple[dict[str, Any], str]:
    """What the command returns, and what it says."""
    kind, blender = augmented.kind, augmented.blender
    names = [] if blender is None else list(blender.bank.info.conditions)
    records = [record for sample in records_by_sample.values() for record in sample]
    placed = [record for record in records if kind == "relit" or record["place"] is not None]
    counts = Counter(
        next((str(record[name]) for name in names if name in record), DEFAULT_COUNT_NAMES[kind]) for record in placed
    )
    result = {
        "written": len(records_by_sample),
        "pasted": {},
        "relit": {},
        "unplaced": len(records) - len(placed),
        "classic": augmented.classic,
        "notes": list(getattr(blender, "notes", [])),
        "problems": [{"path": problem.path, "reason": problem.reason} for problem in augmented.data.problems],
        "without_donors": len(augmented.samples_without_donors),
        "out": str(out),
        "preview": None if preview is None else str(preview),
    }
    said = f"{len(records_by_sample)} samples → {out}"
    if blender is not None:
        result[kind] = dict(counts)
        listed = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing"
        left = (
            f"no room for {result['unplaced']}"
            if kind == "pasted"
            else f"{len(records_by_sample) - len(records)} left alone"
        )
        said += f"; {kind} {listed}; {left}"
    return result, said + (f"; classic, {augmented.classic}" if augmented.classic else "")
