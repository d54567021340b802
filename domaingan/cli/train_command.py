"""``domaingan train``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.bank_options import Condition, Masks, Target, build_bank
from domaingan.cli.open_data import apply_grid_options, open_data
from domaingan.cli.option_groups import CommonOptions, DataOptions, GridOptions, RunOptions, expand_options
from domaingan.cli.output import check_output_folder, print_result
from domaingan.core.errors import DataError

NAME = "train"
DEFAULT_STEPS = {2: 2000, 3: 1000}
"""Steps of a training, by dimensions."""

NETWORK_PANEL = "Networks and their training"


@expand_options
def command(
    data: o.Data,
    out: o.Out,
    *,
    target: Target = "crops",
    condition: Condition = None,
    masks: Masks = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            min=1,
            help="Steps of the training. Unless given, 2,000 in 2D and 1,000 in 3D.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = None,
    size: o.Size = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--given",
            metavar="mask | mask,ring | paste,mask | modality:NAME[,NAME]",
            help="The image that generation is conditioned on. mask: the generator makes the texture of a mask. "
            "mask,ring: it inpaints a new object into a host. paste,mask: it refines a real crop that was pasted into "
            "a host. modality: it makes the other channels from these, such as t1c from flair.",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            help="dcgan (default), resnet (the blocks of R3GAN), mlp, or unet (default to inpaint and refine).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    width: Annotated[
        int, typer.Option("--width", min=1, help="Channels of the widest resolution.", rich_help_panel=NETWORK_PANEL)
    ] = 32,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", min=1, help="Layers at each resolution; for mlp, layers in all.", rich_help_panel=NETWORK_PANEL
        ),
    ] = None,
    skip: Annotated[
        str | None,
        typer.Option(
            "--skip",
            help="Skip connections: none, residual, or multiscale (from generator to discriminator, as in MSG-GAN).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            help="minimax, nonsaturating, least-squares, hinge, wgan-gp or relativistic (default, as in R3GAN).",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            "--augment",
            metavar="P|ada",
            help="Probability of each augmentation of the discriminator's input. ada (default) adapts it to "
            "overfitting. To inpaint and refine the default is 0.3.",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=2,
            help="Crops in a step. Unless given, 64 in 2D and 16 in 3D; to inpaint and refine 16 and 8.",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = None,
    features: Annotated[
        str,
        typer.Option(
            "--features",
            help="Image features that KID is measured on: auto, random, timm:NAME[=FILE] or onnx:FILE:NODE.",
            rich_help_panel=o.WORK_PANEL,
        ),
    ] = "auto",
    name_subjects: Annotated[
        bool,
        typer.Option(
            "--name-subjects", help="List the subjects in the model card, too.", rich_help_panel=o.OUTPUT_PANEL
        ),
    ] = False,
    licence: Annotated[
        str,
        typer.Option(
            "--licence", help="Licence in the model card; usually that of the data.", rich_help_panel=o.OUTPUT_PANEL
        ),
    ] = "unknown",
    tensorboard: Annotated[
        bool,
        typer.Option("--tensorboard", help="Write TensorBoard events beside log.csv.", rich_help_panel=o.OUTPUT_PANEL),
    ] = False,
    device: o.Device = "auto",
    precision: o.Precision = "auto",
    grid: GridOptions,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Use only the samples of this split.", rich_help_panel=o.INPUT_PANEL),
    ] = None,
    source: DataOptions,
    run: RunOptions,
    common: CommonOptions,
) -> None:
    """Train a conditional GAN on what is rare in DATA: on objects, or on looks.

    OUT/samples.png shows what it generates while it learns,
    OUT/log.csv has the losses and the measures.

    Under torchrun it trains on several processes, GPUs or machines:
    torchrun --nproc-per-node 2 -m domaingan train …
    """
    from domaingan.core.progress_bar import ProgressBar
    from domaingan.gan import GAN
    from domaingan.gan.fabric import get_process_rank
    from domaingan.inpainting.windows import add_healthy_windows

    if not run.resume and get_process_rank() == 0:
        check_output_folder(out, data, run.overwrite)
    dataset = open_data(data, source, common)
    if split is not None:
        dataset = dataset.select_split(split)
    dataset = apply_grid_options(dataset, grid)
    with ProgressBar(f"cutting {target}") as progress:
        bank = build_bank(dataset, target, size, condition, masks, common.seed)
        if given is not None and "ring" in given:
            bank = add_healthy_windows(bank, dataset, seed=common.seed)
        gan = GAN.for_crops(
            bank, arch=arch, width=width, depth=depth, skip=skip, loss=loss, batch=batch,
            conditioning=_parse_conditioning(given, bank.info.channels), augment=_parse_augment(augment),
            licence=licence, name_subjects=name_subjects,
        )  # fmt: skip
        progress.start(f"training on {len(bank)} {target}")
        training = gan.fit(
            bank,
            steps=steps or DEFAULT_STEPS[bank.info.spatial_dims],
            out=out,
            resume=run.resume,
            overwrite=run.overwrite,
            device=device,
            precision=precision,
            seed=common.seed,
            progress=progress,
            features=features,
            tensorboard=tensorboard,
        )
    if get_process_rank():  # one of torchrun's processes prints the result
        return
    result = {
        "model": str(out),
        "steps": training.steps,
        "seconds": round(training.seconds, 1),
        "images_per_second": round(training.images_per_second, 1),
        bank.info.kind: len(bank),
        "conditions": bank.count_conditions(),
        "left_out": bank.info.left_out,
        "messages": list(training.messages),
    }
    speed = f"{training.seconds:.0f} s, {training.images_per_second:.0f} images/s"
    print_result(result, common.json, f"{gan} → {out} in {speed}; see {out}/samples.png")


def _parse_conditioning(text: str | None, channels: Sequence[str]) -> tuple[str, ...]:
    """Read ``mask``, ``mask,ring``, ``paste,mask`` or ``modality:NAME,NAME`` as the names that a GAN takes.

    Args:
        text: as it was given, or None.
        channels: of the bank.

    Raises:
        DataError: it is something else, or names a channel that the bank does not have.
    """
    if text is None:
        return ()
    parts = tuple(part.strip() for part in text.split(","))
    if set(parts) in ({"mask"}, {"mask", "ring"}, {"mask", "paste"}):
        return parts
    kind, _, names = text.partition(":")
    modalities = tuple(name for name in names.split(",") if name)
    if kind != "modality" or not modalities or not set(modalities) <= set(channels):
        raise DataError(
            f"--given {text}",
            expected=f"mask; mask,ring; paste,mask; or modality:NAME with one of {', '.join(channels)}",
        )
    return modalities


def _parse_augment(text: str | None) -> float | str | None:
    """Read a probability, or ``ada``; None stays None.

    Raises:
        DataError: it is something else.
    """
    if text is None or text == "ada":
        return text
    try:
        return float(text)
    except ValueError:
        raise DataError(f"--augment {text}", expected="a probability, or ada") from None
