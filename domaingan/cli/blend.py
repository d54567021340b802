"""``domaingan blend``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.errors import DataError

if TYPE_CHECKING:
    from domaingan.cli.progress import Teller
    from domaingan.sample import Sample
    from domaingan.transforms import Offline

NAME = "blend"


def command(
    data: o.Data,
    bank: Annotated[Path, typer.Option("--bank", help="What to paste: a folder that crops or sample wrote.")],
    out: o.MaybeOut = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.png", help="Host, crop and result of eight hosts, to look at first."),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="feather or alpha.", rich_help_panel=o.WORK)] = "feather",
    per_image: Annotated[
        int,
        typer.Option(
            "--per-image", min=1, help="At most so many an image (a slice, for a 2D bank).", rich_help_panel=o.WORK
        ),
    ] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CLASS", help="Only these classes. Repeatable.", rich_help_panel=o.WORK),
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
    """Paste crops from a bank into the images of DATA and write them in DATA's own layout, masks and all."""
    from domaingan.bank import Bank
    from domaingan.blend import Paste
    from domaingan.transforms import Offline

    if out is None and preview is None:
        raise DataError("neither --out nor --preview", expected="one of them, or both")
    if out is not None:
        o.claim(out, data, overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose)
    paste = Paste(Bank.load(bank), method, (1, per_image), only or (), classes=dataset.schema.classes)
    augmented = Offline(dataset, paste, classic, seed)
    if preview is not None:
        draw_preview(augmented, preview)
    if out is None:
        o.finish({"preview": str(preview), "written": 0, "pasted": {}, "problems": []}, json, f"{preview}")
        return
    result, said = _written(augmented, out, overwrite, preview)
    o.finish(result, json, said)


def draw_preview(augmented: Offline, path: Path) -> None:
    """Write the preview picture."""
    from domaingan.pictures import save_png
    from domaingan.transforms import preview

    save_png(preview(augmented), path)


def _written(augmented: Offline, out: Path, overwrite: bool, preview: Path | None) -> tuple[dict[str, Any], str]:
    """Write the blended set; what the command returns, and what it says."""
    from domaingan.adapters.writing import write_dataset
    from domaingan.cli.progress import Teller

    dataset = augmented.data
    pasted: dict[str, list[dict[str, Any]]] = {}
    with Teller("blending") as teller:
        samples = _noted(augmented, pasted, teller)
        write_dataset(samples, dataset, out, overwrite=overwrite, notes={"pasted.json": pasted})
    records = [record for sample in pasted.values() for record in sample]
    placed = [record for record in records if record["place"] is not None]
    names = list(augmented.paste.bank.info.conditions)
    counts = Counter(next((str(record[name]) for name in names if name in record), "object") for record in placed)
    unplaced = len(records) - len(placed)
    problems = [{"path": problem.path, "reason": problem.reason} for problem in dataset.problems]
    result = {
        "written": len(pasted),
        "pasted": dict(counts),
        "unplaced": unplaced,
        "problems": problems,
        "out": str(out),
        "preview": None if preview is None else str(preview),
    }
    listed = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing"
    return result, f"{len(pasted)} samples → {out}; pasted {listed}; no room for {unplaced}"


def _noted(augmented: Offline, pasted: dict[str, list[dict[str, Any]]], teller: Teller) -> Iterator[Sample]:
    """The augmented samples, their paste records noted as they go by."""
    total = len(augmented.data)
    for number, sample in enumerate(augmented, start=1):
        pasted[sample.name] = sample.meta.get("pasted", [])
        teller.update(number, total)
        yield sample
