"""``domaingan sample``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domaingan.cli import options as o
from domaingan.core.errors import DataError

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.gan import GAN, GANConfig

NAME = "sample"
STRIP_ROWS, STRIP_STEPS = 4, 8


def command(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder that train wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the bank goes; must not exist.", rich_help_panel=o.OUTPUT_PANEL)
    ] = None,
    n: Annotated[int, typer.Option("--n", min=1, help="How many.", rich_help_panel=o.WORK_PANEL)] = 500,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            metavar="NAME=VALUE",
            help="What to draw; all values evenly unless given. Repeatable; NAME=A:0.7,B:0.3 is a distribution. Of a "
            "number NAME=4 or NAME=3..6; NAME=0.5..1.5x is that of a real crop times a factor.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    hosts: Annotated[
        str | None,
        typer.Option(
            "--hosts",
            metavar="DATA",
            help="For a model trained with --given: a dataset to paint into (labelled or healthy), or to take what is "
            "given from; or a bank that crops made.",
            rich_help_panel=o.INPUT_PANEL,
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(
            "--truncation", metavar="T", help="About 1: more typical, less varied.", rich_help_panel=o.WORK_PANEL
        ),
    ] = None,
    reject: Annotated[
        float,
        typer.Option(
            "--reject",
            metavar="SHARE",
            help="Draw this share again: what the discriminator scores lowest.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = 0.0,
    grid: Annotated[
        Path | None,
        typer.Option(
            "--grid", metavar="FILE.png", help="A contact sheet with mask outlines.", rich_help_panel=o.OUTPUT_PANEL
        ),
    ] = None,
    interpolate: Annotated[
        Path | None,
        typer.Option(
            "--interpolate",
            metavar="FILE.png",
            help="Strips from one latent to another; with --condition NAME=A,B or NAME=3..6 from the one to the other.",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(
            "--onnx",
            metavar="FILE.onnx",
            help="The generator as an ONNX file, for programs without PyTorch (needs the extra onnx).",
            rich_help_panel=o.OUTPUT_PANEL,
        ),
    ] = None,
    device: o.Device = "auto",
    seed: o.Seed = 0,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Draw a bank of generated crops or scenes from MODEL, look at what it draws, or take its generator elsewhere."""
    from domaingan.core.files import refuse_existing_folder
    from domaingan.gan import GAN

    if not any((out, grid, interpolate, onnx)):
        raise DataError("nothing to write", expected="--out, --grid, --interpolate or --onnx, or several of them")
    if out is not None:
        refuse_existing_folder(out, overwrite=overwrite)
    gan = GAN.load(model)
    if verbose:
        typer.echo(gan, err=True)
    drawn: dict[str, Any] = {"seed": seed, "device": device, "truncation": truncation}
    drawn["hosts"] = None if hosts is None else _open_hosts(hosts, gan, n, seed)
    result: dict[str, Any] = {"bank": None, "grid": None, "interpolate": None, "onnx": None}
    said: list[str] = []
    if onnx is not None:
        result["onnx"] = str(gan.export(onnx))
        said.append(f"generator → {onnx}")
    if interpolate is not None:
        _write_strips(gan, condition, interpolate, drawn)
        result["interpolate"] = str(interpolate)
        said.append(f"strips → {interpolate}")
    if out is not None or grid is not None:
        bank = gan.sample(n, reject=reject, **drawn, **_parse_condition_values(condition, gan))
        said.append(_write_bank(bank, out, grid, overwrite, result))
    o.print_result(result, json, "; ".join(said))


def _write_bank(bank: Bank, out: Path | None, grid: Path | None, overwrite: bool, result: dict[str, Any]) -> str:
    """Write a bank and its picture where they are wanted, note it in the result, and say so."""
    from domaingan.core.tiles import save_png
    from domaingan.report.show import draw_bank

    if out is not None:
        bank = bank.save(out, overwrite=overwrite)
    if grid is not None:
        save_png(draw_bank(bank), grid)
    result |= {
        "bank": None if out is None else str(out),
        "n": len(bank),
        "conditions": bank.count_conditions(),
        "left_out": bank.info.left_out,
        "grid": None if grid is None else str(grid),
    }
    left = "".join(f"; left out: {count} {why}" for why, count in bank.info.left_out.items())
    return f"{bank}{'' if out is None else f' → {out}'}{left}{'' if grid is None else f'; contact sheet {grid}'}"


def _open_hosts(data: str, gan: GAN, n: int, seed: int) -> Bank:
    """A bank folder; places in a dataset for a model that paints into hosts; or the crops of a dataset.

    They are cut as the model's were as far as the dataset knows the conditions.
    """
    from domaingan.banks import CLASS_CONDITIONS, Bank
    from domaingan.banks.crops import MEASURED_CONDITIONS
    from domaingan.cli.bank_options import build_bank
    from domaingan.inpainting.windows import sample_windows

    if (Path(data) / "bank.json").is_file():
        return Bank.load(data)
    config = _get_config(gan)
    dataset = o.apply_grid_options(o.open_data(data), config.spatial_dims, None, None)
    if gan.crops is not None:
        return sample_windows(dataset, gan.crops, n, seed, pasted="paste" in config.given, reshaped=True)
    known = (*dataset.schema.conditions, *CLASS_CONDITIONS, *MEASURED_CONDITIONS)
    names = [name for name in (*config.conditions, *config.numbers) if name in known]
    return build_bank(dataset, config.kind, config.size, ",".join(names) or None)


def _get_config(gan: GAN) -> GANConfig:
    assert gan.config is not None  # it was loaded
    return gan.config


def _write_strips(gan: GAN, texts: list[str] | None, path: Path, sampling_options: dict[str, Any]) -> None:
    """Strips between the two values that each condition has, or between two latents where none has two."""
    from domaingan.core.tiles import save_png

    start: dict[str, Any] = {}
    end: dict[str, Any] = {}
    for name, values in _parse_condition_values(texts, gan).items():
        ends = [values] if isinstance(values, (str, float)) else list(values)
        if isinstance(values, dict) or len(ends) > 2:
            raise DataError(f"--condition {name} for --interpolate", expected=f"{name}=FROM,TO, or one value")
        start[name] = ends[0]
        if len(ends) == 2:
            end[name] = ends[1]
    save_png(
        gan.interpolate(STRIP_STEPS, start=start, end=end, rows=STRIP_ROWS, **sampling_options).draw_picture(), path
    )


def _parse_condition_values(texts: list[str] | None, gan: GAN) -> dict[str, Any]:
    """``lesion=a``, ``lesion=a,b``, ``lesion=a:0.7,b:0.3``, ``radius_mm=4`` or ``radius_mm=3..6`` as Python."""
    wanted: dict[str, Any] = {}
    for name, values in o.parse_conditions(texts, "--condition").items():
        if name in _get_config(gan).numbers:
            wanted[name] = _parse_number(name, values)
            continue
        weighted = [value.rpartition(":") for value in values]
        if all(colon for _, colon, _ in weighted):
            try:
                wanted[name] = {value: float(weight) for value, _, weight in weighted}
            except ValueError:
                raise DataError(f"--condition {name}={','.join(values)}", expected="NAME=VALUE:WEIGHT,…") from None
        else:
            wanted[name] = values[0] if len(values) == 1 else values
    return wanted


def _parse_number(name: str, values: list[str]) -> float | tuple[float, float]:
    from domaingan.gan.sampling.sample_conditions import Multiple

    text = ",".join(values)
    low, dots, high = text.removesuffix("x").partition("..")
    try:
        if text.endswith("x"):
            return Multiple(float(low), float(high or low))
        return (float(low), float(high)) if dots else float(low)
    except ValueError:
        raise DataError(f"--condition {name}={text}", expected="a number, LOW..HIGH, or LOW..HIGHx") from None
