"""``domaingan crops``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.bank_options import Condition, Masks, Target, build_bank

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.data import Dataset

NAME = "crops"


def command(
    data: o.Data,
    out: o.Out,
    target: Target = "crops",
    condition: Condition = None,
    masks: Masks = None,
    size: o.Size = None,
    grid: Annotated[
        Path | None,
        typer.Option(
            "--grid", metavar="FILE.png", help="A contact sheet with mask outlines.", rich_help_panel=o.OUTPUT_PANEL
        ),
    ] = None,
    dims: o.Dims = None,
    spacing: o.Spacing = None,
    resize: o.Resize = None,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    skip_problems: o.SkipProblems = False,
    units: o.IntensityRange = None,
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """The real crops of DATA, or its scenes, as a bank: pasting or relighting with them (copy-paste) needs no GAN.

    Masks that were cut out of boxes are shown in OUT-masks.png, beside the bank, unless --grid names another file.
    """
    from domaingan.banks.find_objects import BOX_WITHOUT_MASK

    o.check_output_folder(out, data, overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose, units)
    dataset = o.apply_grid_options(dataset, dims, spacing, resize)
    bank = build_bank(dataset, target, size, condition, masks, seed).save(out, overwrite=overwrite)
    if masks is not None and grid is None:
        grid = out.with_name(f"{out.name}-masks.png")
    if grid is not None:
        from domaingan.core.tiles import save_png
        from domaingan.report.show import draw_bank

        save_png(draw_bank(bank), grid)
    result = {
        "bank": str(out),
        "grid": None if grid is None else str(grid),
        "n": len(bank),
        "conditions": bank.count_conditions(),
        "subjects": list(bank.subjects),
        "left_out": bank.info.left_out,
        "notes": _list_pasting_notes(bank, dataset),
    }
    left = "".join(f"; left out: {n} {why}" for why, n in bank.info.left_out.items())
    if masks is None and BOX_WITHOUT_MASK in bank.info.left_out:
        left += " (--masks grabcut cuts them out of their boxes)"
    o.print_result(result, json, f"{bank} → {out}{left}{'' if grid is None else f'; contact sheet {grid}'}")


def _list_pasting_notes(bank: Bank, dataset: Dataset) -> list[str]:
    """What pasting these crops into such images will have to guess."""
    if bank.info.kind != "crops" or not bank.info.domain.has_ground:
        return []
    from domaingan.blend import Paste

    return Paste(bank, schema=dataset.schema).notes
