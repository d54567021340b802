"""``domaingan sample``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.cli.bank_summary import describe_left_out, write_contact_sheet
from domaingan.cli.open_data import apply_grid_options, open_data
from domaingan.cli.option_groups import CommonOptions, DataOptions, GridOptions, expand_options
from domaingan.cli.output import print_result
from domaingan.cli.sampling_conditions import parse_condition_values, split_ends
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.gan import GAN, GANConfig

NAME = "sample"


@expand_options
def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that train wrote.")],
    *,
    out: o.OptionalOut = None,
    n: Annotated[
        int, typer.Option("--n", min=1, help="Number of crops or scenes.", rich_help_panel=o.WORK_PANEL)
    ] = 500,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            metavar="NAME=VALUE",
            help="What is generated. Unless given, all values evenly. Repeatable. NAME=A:0.7,B:0.3 is a distribution. "
            "For a number NAME=4 or NAME=3..6; NAME=0.5..1.5x multiplies that of a real crop.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    hosts: Annotated[
        str | None,
        typer.Option(
            "--hosts",
            metavar="DATA",
            help="For a model that was trained with --given: the dataset, labelled or healthy, to generate into or to "
            "take the conditioning images from; or a bank that crops wrote.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(
            "--truncation",
            metavar="T",
            help="Draw latents only up to this size, about 1: more typical and less varied.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    reject: Annotated[
        float,
        typer.Option(
            "--reject",
            metavar="SHARE",
            help="Generate this share again: what the discriminator scores lowest.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 0.0,
    grid: o.Grid = None,
    interpolate: Annotated[
        Path | None,
        typer.Option(
            "--interpolate",
            metavar="FILE.png",
            help="Write strips from one latent to another. With --condition NAME=A,B or NAME=3..6 from one value to "
            "the other.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(
            "--onnx",
            metavar="FILE.onnx",
            help="Write the generator as an ONNX file, for programs without PyTorch. Needs the extra onnx.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = None,
    device: o.Device = "auto",
    overwrite: o.Overwrite = False,
    common: CommonOptions,
) -> None:
    """Generate crops or scenes with MODEL and save them as a bank.

    --grid and --interpolate write pictures of what the model generates,
    --onnx exports its generator.
    """
    from domaingan.core.files import refuse_existing_folder
    from domaingan.gan import GAN

    if not any((out, grid, interpolate, onnx)):
        raise DataError("nothing to write", expected="--out, --grid, --interpolate or --onnx, or several of them")
    if out is not None:
        refuse_existing_folder(out, overwrite=overwrite)
    gan = GAN.load(model)
    if common.verbose:
        typer.echo(gan, err=True)
    sampling: dict[str, Any] = {"seed": common.seed, "device": device, "truncation": truncation}
    sampling["hosts"] = None if hosts is None else _open_hosts(hosts, gan, n, common.seed)
    result: dict[str, Any] = {"bank": None, "grid": None, "interpolate": None, "onnx": None}
    messages: list[str] = []
    if onnx is not None:
        result["onnx"] = str(gan.export(onnx))
        messages.append(f"generator → {onnx}")
    conditions = parse_condition_values(condition, _get_config(gan).data.numbers)
    if interpolate is not None:
        _write_strips(gan, conditions, interpolate, sampling)
        result["interpolate"] = str(interpolate)
        messages.append(f"strips → {interpolate}")
    if out is not None or grid is not None:
        bank = gan.sample(n, reject=reject, **sampling, **conditions)
        messages.append(_write_bank(bank, out, grid, overwrite, result))
    print_result(result, common.json, "; ".join(messages))


def _write_bank(bank: Bank, out: Path | None, grid: Path | None, overwrite: bool, result: dict[str, Any]) -> str:
    """Write a bank and its contact sheet where they are asked for.

    Args:
        bank: what was generated.
        out: folder of the bank, or None.
        grid: file of the contact sheet, or None.
        overwrite: whether an existing folder is replaced.
        result: of the command; what was written is added to it.

    Returns:
        A line for a person.
    """
    if out is not None:
        bank = bank.save(out, overwrite=overwrite)
    if grid is not None:
        write_contact_sheet(bank, grid)
    result["bank"] = None if out is None else str(out)
    result["n"] = len(bank)
    result["conditions"] = bank.count_conditions()
    result["left_out"] = bank.info.left_out
    result["grid"] = None if grid is None else str(grid)
    folder = "" if out is None else f" → {out}"
    sheet = "" if grid is None else f"; contact sheet {grid}"
    return f"{bank}{folder}{describe_left_out(bank)}{sheet}"


def _open_hosts(data: str, gan: GAN, n: int, seed: int) -> Bank:
    """Open what a model is conditioned on.

    Args:
        data: a bank's folder, or a dataset.
        gan: the model.
        n: number of places in the hosts.
        seed: of the places.

    Returns:
        The bank itself; of a dataset places in its samples, for a model that inpaints or refines, and crops for another
        one. The crops are cut by the model's conditions as far as the dataset has them.
    """
    from domaingan.banks import CLASS_CONDITIONS, Bank
    from domaingan.banks.crop_conditions import MEASURED_CONDITIONS
    from domaingan.cli.bank_options import build_bank
    from domaingan.inpainting.windows import sample_windows

    if (Path(data) / "bank.json").is_file():
        return Bank.load(data)
    config = _get_config(gan)
    dataset = open_data(data, DataOptions(), CommonOptions())
    dataset = apply_grid_options(dataset, GridOptions(dims=config.network.spatial_dims))
    if gan.crops is not None:
        is_pasted = "paste" in config.network.conditioning
        return sample_windows(dataset, gan.crops, n, seed, pasted=is_pasted, reshaped=True)
    available = (*dataset.schema.conditions, *CLASS_CONDITIONS, *MEASURED_CONDITIONS)
    names = [name for name in (*config.data.conditions, *config.data.numbers) if name in available]
    return build_bank(dataset, config.data.kind, config.network.size, ",".join(names) or None)


def _get_config(gan: GAN) -> GANConfig:
    assert gan.config is not None  # it was loaded
    return gan.config


def _write_strips(gan: GAN, conditions: dict[str, Any], path: Path, sampling: dict[str, Any]) -> None:
    """Write strips between the two values that each condition has, or between two latents where none has two."""
    from domaingan.core.tiles import save_png

    start, end = split_ends(conditions)
    save_png(gan.interpolate(start=start, end=end, **sampling).draw_picture(), path)
