"""``domaingan sample``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.errors import DataError

if TYPE_CHECKING:
    from domaingan.bank import Bank

NAME = "sample"
SHOWN = 64


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that train wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the bank goes; must not exist.", rich_help_panel=o.OUTPUT)
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="How many.", rich_help_panel=o.WORK)] = 500,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            metavar="NAME=VALUE",
            help="What to draw; all values evenly unless given. Repeatable; NAME=A:0.7,B:0.3 is a distribution.",
            rich_help_panel=o.WORK,
        ),
    ] = None,
    grid: Annotated[
        Path | None, typer.Option("--grid", metavar="FILE.png", help="A contact sheet with mask outlines.")
    ] = None,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Draw a bank of generated crops or scenes from MODEL."""
    from domaingan.files import claim_folder
    from domaingan.gan import GAN

    if out is None and grid is None:
        raise DataError("neither --out nor --grid", expected="one of them, or both")
    if out is not None:
        claim_folder(out, overwrite=overwrite)
    gan = GAN.load(model)
    if verbose:
        typer.echo(gan, err=True)
    bank = gan.sample(n, seed=seed, device=device, **_wanted(condition))
    if out is not None:
        bank = bank.save(out, overwrite=overwrite)
    if grid is not None:
        _draw_grid(bank, grid)
    result = {
        "bank": None if out is None else str(out),
        "n": len(bank),
        "conditions": bank.counts(),
        "left_out": bank.info.left_out,
        "grid": None if grid is None else str(grid),
    }
    left = "".join(f"; left out: {count} {why}" for why, count in bank.info.left_out.items())
    where = ("" if out is None else f" → {out}") + left + ("" if grid is None else f"; contact sheet {grid}")
    o.finish(result, json, f"{bank}{where}")


def _draw_grid(bank: Bank, path: Path) -> None:
    """The bank's first entries, with the outlines of their masks; frames and single channels eight in a row."""
    from domaingan.pictures import contact_sheet, save_png, tile

    shown = bank.take(range(min(SHOWN, len(bank))))
    domain, zoom = bank.info.domain, max(1, 96 // bank.size[0])
    tiles = [tile(c.image, c.mask, domain=domain, zoom=zoom) for c in shown]
    names = [", ".join(c.condition.values()) for c in shown]
    columns = 8 if domain == "frame" or len(bank.info.channels) < 3 else 4
    save_png(contact_sheet(tiles, columns, names), path)


def _wanted(pairs: list[str] | None) -> dict[str, Any]:
    """``lesion=a``, ``lesion=a,b`` or ``lesion=a:0.7,b:0.3`` as what :meth:`domaingan.gan.GAN.sample` takes."""
    wanted: dict[str, Any] = {}
    for name, values in o.conditions(pairs, "--condition").items():
        weighted = [value.rpartition(":") for value in values]
        if all(colon for _, colon, _ in weighted):
            try:
                wanted[name] = {value: float(weight) for value, _, weight in weighted}
            except ValueError:
                raise DataError(f"--condition {name}={','.join(values)}", expected="NAME=VALUE:WEIGHT,…") from None
        else:
            wanted[name] = values[0] if len(values) == 1 else values
    return wanted
