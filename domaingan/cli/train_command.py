"""``domaingan train``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.bank_options import Condition, Masks, Target, build_bank
from domaingan.core.errors import DataError

NAME = "train"
DEFAULT_STEPS = {2: 2000, 3: 1000}
NETWORK_PANEL = "Networks and their training"


def command(
    data: o.Data,
    out: o.Out,
    target: Target = "crops",
    condition: Condition = None,
    masks: Masks = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="2,000 in 2D, 1,000 in 3D.", rich_help_panel=o.WORK_PANEL)
    ] = None,
    size: o.Size = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--given",
            metavar="mask | mask,ring | paste,mask | modality:NAME[,NAME]",
            help="What the generator is shown, not paints: the mask (mask to texture); mask and ring (inpaint: a new "
            "object into a host); paste and mask (refine: a real crop made to fit a host); or channels (flair to t1c).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            help="dcgan (default), resnet (R3GAN's blocks), mlp, or unet (default of inpaint and refine).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    width: Annotated[int, typer.Option("--width", min=1, help="Base width.", rich_help_panel=NETWORK_PANEL)] = 32,
    depth: Annotated[
        int | None,
        typer.Option("--depth", min=1, help="Layers at each resolution; of mlp all.", rich_help_panel=NETWORK_PANEL),
    ] = None,
    skip: Annotated[
        str | None,
        typer.Option(
            "--skip",
            help="none, residual, or multiscale (generator to discriminator, as in MSG-GAN).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            help="minimax, nonsaturating, least-squares, hinge, wgan-gp or relativistic (R3GAN's, the default).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            "--augment",
            metavar="P|ada",
            help="Probability of each augmentation of what the discriminator sees; ada, which adapts it to "
            "overfitting, unless given, and 0.3 of what is painted into hosts.",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=2,
            help="Crops a step: 64 in 2D, 16 in 3D (16 and 8 if into hosts).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    features: Annotated[
        str,
        typer.Option(
            "--features",
            help="What KID is measured on: auto, random, timm:NAME[=FILE] or onnx:FILE:NODE.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = "auto",
    name_subjects: Annotated[
        bool,
        typer.Option("--name-subjects", help="Name them in the model's card, too.", rich_help_panel=o.OUTPUT_PANEL),
    ] = False,
    licence: Annotated[
        str, typer.Option("--licence", help="For the model's card; usually the data's.", rich_help_panel=o.OUTPUT_PANEL)
    ] = "unknown",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Events beside log.csv.", rich_help_panel=o.OUTPUT_PANEL)
    ] = False,
    device: o.Device = "auto",
    precision: o.Precision = "auto",
    dims: o.Dims = None,
    spacing: o.Spacing = None,
    resize: o.Resize = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Only this named split.", rich_help_panel=o.INPUT_PANEL)
    ] = None,
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
    """Train a conditional GAN on what is rare in DATA: objects, or a look; watch OUT/samples.png as it learns.

    OUT/log.csv says how it goes. It trains on several processes, GPUs or machines under torchrun:
    torchrun --nproc-per-node 2 -m domaingan train …
    """
    from domaingan.cli.progress_bar import ProgressBar
    from domaingan.gan import GAN
    from domaingan.gan.devices import get_process_rank
    from domaingan.inpainting.windows import add_healthy_windows

    if not resume and get_process_rank() == 0:
        o.check_output_folder(out, data, overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose, units)
    dataset = o.apply_grid_options(dataset if split is None else dataset.select_split(split), dims, spacing, resize)
    with ProgressBar(f"cutting {target}") as teller:
        bank = build_bank(dataset, target, size, condition, masks, seed)
        if given is not None and "ring" in given:
            bank = add_healthy_windows(bank, dataset, seed=seed)
        gan = GAN.for_crops(
            bank, arch=arch, width=width, depth=depth, skip=skip, loss=loss, batch=batch,
            given=_parse_conditioning(given, bank.info.channels), augment=_parse_augment(augment), licence=licence,
            name_subjects=name_subjects,
        )  # fmt: skip
        teller.start(f"training on {len(bank)} {target}")
        fitted = gan.fit(
            bank,
            steps=steps or DEFAULT_STEPS[bank.info.spatial_dims],
            out=out,
            resume=resume,
            overwrite=overwrite,
            device=device,
            precision=precision,
            seed=seed,
            progress=teller,
            features=features,
            tensorboard=tensorboard,
        )
    if get_process_rank():  # one of torchrun's processes tells how it went
        return
    result = {
        "model": str(out),
        "steps": fitted.steps,
        "seconds": round(fitted.seconds, 1),
        "images_per_second": round(fitted.images_per_second, 1),
        bank.info.kind: len(bank),
        "conditions": bank.count_conditions(),
        "left_out": bank.info.left_out,
        "messages": list(fitted.messages),
    }
    said = f"{gan} → {out} in {fitted.seconds:.0f} s, {fitted.images_per_second:.0f} images/s; see {out}/samples.png"
    o.print_result(result, json, said)


def _parse_conditioning(text: str | None, channels: Sequence[str]) -> tuple[str, ...]:
    """``mask`` or ``modality:NAME,NAME`` as the names that a GAN takes."""
    if text is None:
        return ()
    kind, _, names = text.partition(":")
    parts = tuple(part.strip() for part in text.split(","))
    if set(parts) in ({"mask"}, {"mask", "ring"}, {"mask", "paste"}):
        return parts
    chosen = tuple(name for name in names.split(",") if name)
    if kind != "modality" or not chosen or not set(chosen) <= set(channels):
        raise DataError(
            f"--given {text}",
            expected=f"mask; mask,ring; paste,mask; or modality:NAME with one of {', '.join(channels)}",
        )
    return chosen


def _parse_augment(text: str | None) -> float | str | None:
    try:
        return text if text is None or text == "ada" else float(text)
    except ValueError:
        raise DataError(f"--augment {text}", expected="a probability, or ada") from None
