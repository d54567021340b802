"""``domaingan train``."""

from __future__ import annotations

from typing import Annotated

import typer

from domaingan.cli import options as o
from domaingan.cli.targets import Condition, Target, cut

NAME = "train"
STEPS = {2: 2000, 3: 1000}


def command(
    data: o.Data,
    out: o.Out,
    target: Target = "crops",
    condition: Condition = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="2,000 in 2D, 1,000 in 3D.", rich_help_panel=o.WORK)
    ] = None,
    size: o.Size = None,
    arch: Annotated[str, typer.Option("--arch", help="The pair of networks.", rich_help_panel=o.WORK)] = "dcgan",
    width: Annotated[
        int, typer.Option("--width", min=1, help="Base width of the networks.", rich_help_panel=o.WORK)
    ] = 32,
    device: o.Device = "auto",
    precision: o.Precision = "auto",
    dims: o.Dims = None,
    spacing: o.Spacing = None,
    resize: o.Resize = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Only this named split.", rich_help_panel=o.INPUT)
    ] = None,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    skip_problems: o.Skip = False,
    seed: o.Seed = 0,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """Train a conditional GAN on what is rare in DATA: objects, or a look; watch OUT/samples.png as it learns."""
    from domaingan.cli.progress import Teller
    from domaingan.gan import GAN

    if not resume:
        o.claim(out, data, overwrite)
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems, verbose)
    dataset = o.spatial_view(dataset if split is None else dataset.split(split), dims, spacing, resize)
    with Teller(f"cutting {target}") as teller:
        bank = cut(dataset, target, size, condition)
        gan = GAN.for_crops(bank, arch=arch, width=width)
        teller.start(f"training on {len(bank)} {target}")
        fitted = gan.fit(
            bank,
            steps=steps or STEPS[bank.info.spatial_dims],
            out=out,
            resume=resume,
            overwrite=overwrite,
            device=device,
            precision=precision,
            seed=seed,
            progress=teller,
        )
    for message in fitted.messages:
        typer.echo(message, err=True)
    result = {
        "model": str(out),
        "steps": fitted.steps,
        "seconds": round(fitted.seconds, 1),
        "images_per_second": round(fitted.images_per_second, 1),
        bank.info.kind: len(bank),
        "conditions": bank.counts(),
        "left_out": bank.info.left_out,
    }
    said = f"{gan} → {out} in {fitted.seconds:.0f} s, {fitted.images_per_second:.0f} images/s; see {out}/samples.png"
    o.finish(result, json, said)
