"""``domaingan sample``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.errors import DataError

NAME = "sample"
SHOWN = 64


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that train wrote.")],
    out: o.Out,
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
    """Draw a bank of generated crops from MODEL."""
    from domaingan.files import claim_folder
    from domaingan.gan import GAN

    claim_folder(out, overwrite=overwrite)
    gan = GAN.load(model)
    if verbose:
        typer.echo(gan, err=True)
    bank = gan.sample(n, seed=seed, device=device, **_wanted(condition)).save(out, overwrite=overwrite)
    if grid is not None:
        from domaingan.pictures import contact_sheet, save_png, tile

        zoom = max(1, 96 // bank.size[0])
        tiles = [
            tile(c.image, c.mask, domain=bank.info.domain, zoom=zoom)
            for c in bank.take(range(min(n, SHOWN, len(bank))))
        ]
        names = [", ".join(c.condition.values()) for c in bank.take(range(len(tiles)))]
        save_png(contact_sheet(tiles, 8 if len(bank.info.channels) < 3 else 4, names), grid)
    result = {
        "bank": str(out),
        "n": len(bank),
        "conditions": bank.counts(),
        "left_out": bank.info.left_out,
        "grid": None if grid is None else str(grid),
    }
    left = "".join(f"; left out: {count} {why}" for why, count in bank.info.left_out.items())
    o.finish(result, json, f"{bank} → {out}{left}" + ("" if grid is None else f"; contact sheet {grid}"))


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
