"""``domaingan crops``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domaingan.cli import options as o
from domaingan.cli.bank_options import Condition, Masks, Target, build_bank
from domaingan.cli.bank_summary import describe_left_out, write_contact_sheet
from domaingan.cli.open_data import apply_grid_options, open_data
from domaingan.cli.option_groups import CommonOptions, DataOptions, GridOptions, expand_options
from domaingan.cli.output import check_output_folder, print_result

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.data import Dataset

NAME = "crops"


@expand_options
def command(
    data: o.Data,
    out: o.Out,
    *,
    target: Target = "crops",
    condition: Condition = None,
    masks: Masks = None,
    size: o.Size = None,
    grid: o.Grid = None,
    working_grid: GridOptions,
    source: DataOptions,
    overwrite: o.Overwrite = False,
    common: CommonOptions,
) -> None:
    """Cut the real crops, or the scenes, out of DATA and save them as a bank.

    Pasting real crops (copy-paste) or relighting with real scenes needs no GAN.

    Masks that were cut out of boxes are shown in OUT-masks.png,
    unless --grid names another file.
    """
    from domaingan.banks.find_objects import BOX_WITHOUT_MASK

    check_output_folder(out, data, overwrite)
    dataset = apply_grid_options(open_data(data, source, common), working_grid)
    bank = build_bank(dataset, target, size, condition, masks, common.seed)
    bank = bank.save(out, overwrite=overwrite)
    if masks is not None and grid is None:
        grid = out.with_name(f"{out.name}-masks.png")
    if grid is not None:
        write_contact_sheet(bank, grid)
    result = {
        "bank": str(out),
        "grid": None if grid is None else str(grid),
        "n": len(bank),
        "conditions": bank.count_conditions(),
        "subjects": list(bank.subjects),
        "left_out": bank.info.left_out,
        "notes": _list_pasting_notes(bank, dataset),
    }
    message = f"{bank} → {out}{describe_left_out(bank)}"
    if masks is None and BOX_WITHOUT_MASK in bank.info.left_out:
        message += " (--masks grabcut cuts them out of their boxes)"
    if grid is not None:
        message += f"; contact sheet {grid}"
    print_result(result, common.json, message)


def _list_pasting_notes(bank: Bank, dataset: Dataset) -> list[str]:
    """List what pasting these crops into such frames will have to guess."""
    if bank.info.kind != "crops" or not bank.info.domain.has_ground:
        return []
    from domaingan.blend import Paste

    return Paste(bank, schema=dataset.schema).notes
