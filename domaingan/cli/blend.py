"""``domaingan blend``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.errors import DataError

if TYPE_CHECKING:
    from domaingan.bank import Bank
    from domaingan.blend import Paste, Relight
    from domaingan.cli.progress import Teller
    from domaingan.sample import Dataset, Sample
    from domaingan.transforms import Offline

NAME = "blend"
NAMELESS = {"pasted": "object", "relit": "scene"}
"""What entries without a condition are counted as."""


def command(
    data: o.Data,
    bank: Annotated[Path, typer.Option("--bank", help="Crops or scenes that crops or sample wrote, or pictures.")],
    out: o.MaybeOut = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.png", help="Host, crop and result of eight hosts, to look at first."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="Crops: feather (default of scans), soft (of frames) or alpha. Scenes: reinhard (default) or fda.",
            rich_help_panel=o.WORK,
        ),
    ] = None,
    per_image: Annotated[
        int,
        typer.Option("--per-image", min=1, help="At most so many crops an image (or slice).", rich_help_panel=o.WORK),
    ] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="VALUE", help="Only this class or look. Repeatable.", rich_help_panel=o.WORK),
    ] = None,
    classic: Annotated[
        bool, typer.Option("--classic", help="Then the classic augmentations.", rich_help_panel=o.WORK)
    ] = False,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    skip_problems: o.Skip = False,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Paste crops into the images of DATA, or give them the look of scenes; written in DATA's layout, masks and all."""
    from domaingan.adapters import open_bank
    from domaingan.transforms import Offline

    if out is None and preview is None:
        raise DataError("neither --out nor --preview", expected="one of them, or both")
    if out is not None:
        o.claim(out, data, overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose)
    blender = blender_for(open_bank(bank), dataset, method, per_image, only or [])
    augmented = Offline(dataset, blender, classic, seed)
    if preview is not None:
        draw_preview(augmented, preview)
    if out is None:
        nothing = {"written": 0, "pasted": {}, "relit": {}, "problems": []}
        o.finish({"preview": str(preview), **nothing}, json, f"{preview}")
        return
    result, said = _written(augmented, out, overwrite, preview)
    o.finish(result, json, said)


def draw_preview(augmented: Offline, path: Path) -> None:
    """Write the preview picture."""
    from domaingan.pictures import save_png
    from domaingan.transforms import preview

    save_png(preview(augmented), path)


def blender_for(
    bank: Bank, dataset: Dataset, method: str | None, per_image: int, only: Sequence[str]
) -> Paste | Relight:
    """What a bank is blended with: crops are pasted, scenes relight.

    Raises:
        DataError: a method or a value that the bank has not.
    """
    from domaingan.blend import Paste, Relight, looks_named

    if bank.info.kind == "scenes":
        return Relight(bank, method or "reinhard", only=looks_named(bank, only))
    return Paste(bank, method, (1, per_image), only, schema=dataset.schema)


def _written(augmented: Offline, out: Path, overwrite: bool, preview: Path | None) -> tuple[dict[str, Any], str]:
    """Write the blended set; what the command returns, and what it says."""
    from domaingan.adapters.writing import write_dataset
    from domaingan.cli.progress import Teller

    dataset, info = augmented.data, augmented.blender.bank.info
    kind = "relit" if info.kind == "scenes" else "pasted"
    done: dict[str, list[dict[str, Any]]] = {}
    with Teller("blending") as teller:
        samples = _noted(augmented, kind, done, teller)
        described = _with_conditions(dataset, info.conditions) if kind == "relit" else dataset
        write_dataset(samples, described, out, overwrite=overwrite, notes={f"{kind}.json": done})
    records = [record for sample in done.values() for record in sample]
    placed = [record for record in records if kind == "relit" or record["place"] is not None]
    counts = Counter(
        next((str(record[name]) for name in info.conditions if name in record), NAMELESS[kind]) for record in placed
    )
    unplaced = len(records) - len(placed)
    result = {
        "written": len(done),
        "pasted": {},
        "relit": {},
        kind: dict(counts),
        "unplaced": unplaced,
        "problems": [{"path": problem.path, "reason": problem.reason} for problem in dataset.problems],
        "out": str(out),
        "preview": None if preview is None else str(preview),
    }
    listed = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing"
    left = f"no room for {unplaced}" if kind == "pasted" else f"{len(done) - len(records)} left alone"
    return result, f"{len(done)} samples → {out}; {kind} {listed}; {left}"


def _with_conditions(dataset: Dataset, names: Iterable[str]) -> Dataset:
    """The dataset with the conditions, too, that looks bring along."""
    from dataclasses import replace

    from domaingan.sample import Dataset

    conditions = tuple(dict.fromkeys([*dataset.schema.conditions, *names]))
    schema = replace(dataset.schema, conditions=conditions)
    return Dataset(dataset.records, dataset.read, schema, dataset.root, dataset.problems)


def _noted(augmented: Offline, kind: str, done: dict[str, list[dict[str, Any]]], teller: Teller) -> Iterator[Sample]:
    """The augmented samples, what was done to them noted as they go by."""
    total = len(augmented.data)
    for number, sample in enumerate(augmented, start=1):
        record = sample.meta.get(kind) or []
        done[sample.name] = record if isinstance(record, list) else [record]
        teller.update(number, total)
        yield sample
