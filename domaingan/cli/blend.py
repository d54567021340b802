"""``domaingan blend``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from domaingan.cli import options as o

NAME = "blend"


def command(
    data: o.Data,
    bank: Annotated[Path, typer.Option("--bank", help="What to paste: a folder that crops or sample wrote.")],
    out: o.Out,
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
    from domaingan.adapters.writing import write_dataset
    from domaingan.bank import Bank
    from domaingan.blend import Paste
    from domaingan.cli.progress import Teller
    from domaingan.files import claim_folder
    from domaingan.transforms import Offline

    claim_folder(out, overwrite=overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems)
    paste = Paste(Bank.load(bank), method, (1, per_image), only or (), classes=dataset.schema.classes)
    augmented = Offline(dataset, paste, classic, seed)
    pasted: dict[str, list[dict[str, Any]]] = {}
    with Teller("blending") as teller:
        samples = _noted(augmented, pasted, teller)
        write_dataset(samples, dataset, out, overwrite=overwrite, notes={"pasted.json": pasted})
    counts: Counter[str] = Counter()
    unplaced = 0
    for record in (record for records in pasted.values() for record in records):
        if record["place"] is None:
            unplaced += 1
        else:
            counts[next((str(record[name]) for name in paste.bank.info.conditions if name in record), "object")] += 1
    problems = [{"path": problem.path, "reason": problem.reason} for problem in dataset.problems]
    result = {
        "written": len(pasted),
        "pasted": dict(counts),
        "unplaced": unplaced,
        "problems": problems,
        "out": str(out),
    }
    listed = ", ".join(f"{n} {name}" for name, n in counts.items()) or "nothing"
    o.finish(result, json, f"{len(pasted)} samples → {out}; pasted {listed}; no room for {unplaced}")


def _noted(augmented: Any, pasted: dict[str, list[dict[str, Any]]], teller: Any) -> Any:
    """The augmented samples, their paste records noted as they go by."""
    total = len(augmented.data)
    for number, sample in enumerate(augmented, start=1):
        pasted[sample.name] = sample.meta.get("pasted", [])
        teller.update(number, total)
        yield sample
