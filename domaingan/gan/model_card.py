"""``model_card.md``: what the model is, what it was trained on, what it is for, and what it is not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from domaingan.gan.config import PASTE, RING, GANConfig, Range

CARD_METRICS = {
    "kid": (
        "KID",
        "distance to real crops, held-out ones where there are at least 20; near 0, they cannot be told apart",
    ),
    "diversity": ("diversity", "difference between generated crops, as a share of that between real ones"),
    "r_v": ("r_v", "how much the discriminator overfits, from 0 to 1"),
    "r_t": ("r_t", "mean sign of the discriminator's scores of real crops; 0 is undecided, 1 is sure"),
}
"""Columns of the log whose last value is in the card, each with a name and an explanation."""

HUB_LICENCES = (
    "unknown", "apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "agpl-3.0", "openrail", "cc0-1.0", "cc-by-3.0",
    "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-4.0",
)  # fmt: skip
"""Licences that model hubs know by these names. Any other licence is ``other`` there, with its name beside it."""

MAX_NAMED_SUBJECTS = 40
"""At most this many subjects are named, if they are named at all. ``config.json`` has all of them."""

INPAINTING_NOTES = {
    RING: " It inpaints them into hosts: it gets a new mask and the host around it. The folder `crops` holds the"
    " masks of the crops it was trained on, which new masks are made of.",
    PASTE: " It refines real crops that were pasted into hosts, so that they fit. The folder `crops` holds the crops"
    " that it was trained on and starts from: whoever has this model has them.",
}

SKIP_NOTES = {
    "none": "",
    "residual": ", with a shortcut around each block",
    "multiscale": ", the discriminator seeing what is generated at every resolution",
}


def write_card(name: str, config: GANConfig, log: Sequence[dict[str, float]] = ()) -> str:
    """Write the card in Markdown, with the YAML header that model hubs read.

    Args:
        name: of the model.
        config: the model's.
        log: the rows of ``log.csv``.
    """
    data, provenance, training = config.data, config.provenance, config.training
    kind, subjects = data.kind, len(provenance.subjects) or "unknown"
    is_conditional = bool(config.network.conditioning)
    pipeline = "image-to-image" if is_conditional else "unconditional-image-generation"
    source = json.dumps(provenance.source, ensure_ascii=False) if provenance.source else f"({kind} in memory)"
    classes = ", ".join(f"{name} ({value})" for name, value in data.classes.items()) or "none"
    target = "these objects" if kind == "crops" else "objects under these looks"
    licence_note = ": whatever the data's licence allows" if provenance.licence == "unknown" else ""
    return f"""---
{_format_licence(provenance.licence)}
library_name: domaingan
pipeline_tag: {pipeline}
tags:
- gan
- data-augmentation
- synthetic-data
- {config.network.spatial_dims}d
- {data.domain}
---

# {name}

A conditional GAN that generates {_describe_output(config)}.{_describe_conditioning(config)}

![Real {kind} and generated ones](samples.png)

## Use

```python
import domaingan as dg

gan = dg.GAN.load("{name}")  # this folder; of a model hub, huggingface_hub.snapshot_download("USER/{name}")
bank = gan.sample({_format_arguments(config)})  # a bank of {kind}: bank[0].image, bank[0].mask
```

At a shell: `domaingan sample {name} --out BANK --n 100{" --hosts DATA" if is_conditional else ""}`.
Loading runs no code of the model's and unpickles nothing.

## Data

- source: {source}
- {kind}: {provenance.crop_count}
- subjects: {subjects}{_format_subjects(config)}
- channels: {", ".join(data.channels)}
- classes: {classes}

## Conditions

{_format_conditions(config)}
## Training

{_describe_networks(config)}. {training.steps} steps of {training.batch} {kind}, loss `{training.loss}`, learning rates
{_format_ends(training.lr)} and {_format_ends(training.lr_d)}, augmentation {_describe_augmentation(config)},
precision {training.precision}, seed {training.seed}. `log.csv` has the losses,
`config.json` every setting.

## Measured

{_format_metrics(log)}
## Intended use

Augmenting the training data of models that find or classify {target}. Whether it helps has to be measured
on subjects that neither this model nor that one was trained on; `config.json` lists this model's, so that domaingan can
tell.

## Limitations

- It knows {provenance.crop_count} {kind} of {subjects} subjects and nothing else: what is rare or missing among them is
  so among those it generates, and other scanners, cameras or populations are not covered.
- A generated {kind[:-1]} may resemble one it was trained on; it is not anonymous by being generated.
- Generated {kind} are no evidence about any person and not for diagnosis, and no model must be tested on them.

## Licence

{provenance.licence}{licence_note}
"""


def _format_licence(licence: str) -> str:
    """Write the lines of the header about the licence."""
    if licence.lower() in HUB_LICENCES:
        return f"license: {licence.lower()}"
    name = re.sub("[^a-z0-9.]+", "-", licence.lower()).strip("-.") or "unnamed"
    return f"license: other\nlicense_name: {name}"


def _describe_output(config: GANConfig) -> str:
    size = "×".join(map(str, config.network.shape))
    return f"crops of {size} with their masks" if config.data.kind == "crops" else f"scenes of {size}, for their look"


def _describe_conditioning(config: GANConfig) -> str:
    conditioning = config.network.conditioning
    if not conditioning:
        return ""
    if config.is_inpainting:
        return INPAINTING_NOTES[PASTE if PASTE in conditioning else RING]
    inputs = " and ".join(conditioning)
    return f" It is conditioned on {inputs} of real {config.data.kind}, its hosts, and generates the rest."


def _describe_networks(config: GANConfig) -> str:
    network = config.network
    layers = "layers" if network.depth > 1 else "layer"
    where = "" if network.arch == "mlp" else " at each resolution"
    return (
        f"Networks `{network.arch}`, width {network.width}, {network.depth} {layers}{where}{SKIP_NOTES[network.skip]}"
    )


def _describe_augmentation(config: GANConfig) -> str:
    training = config.training
    target = "" if training.ada is None else f" at first, held at r_t {training.ada:g}"
    return f"{training.augment:g}{target}"


def _format_arguments(config: GANConfig) -> str:
    """Write the arguments of a first call of ``sample``: the most frequent class, and hosts if they are needed."""
    arguments = ["100"]
    if config.is_inpainting:
        pasted = ", pasted=True" if PASTE in config.network.conditioning else ""
        arguments.append(f"hosts=dg.windows(scans, gan.crops, 100{pasted})")
    elif config.network.conditioning:
        arguments.append("hosts=real")
    if config.data.crop_records:
        values = config.name_values(config.list_combinations()[0])
        named = [f'{name}="{value}"' for name, value in values.items() if name.isidentifier()]
        arguments += named[:1]
    return ", ".join(arguments)


def _format_subjects(config: GANConfig) -> str:
    """List the subjects if the card is to name them. Cards are published and indexed by search engines."""
    subjects = config.provenance.subjects
    if not config.provenance.name_subjects or not subjects:
        return ""
    named = ", ".join(subjects[:MAX_NAMED_SUBJECTS])
    more = len(subjects) - MAX_NAMED_SUBJECTS
    return f" ({named} and {more} more, see config.json)" if more > 0 else f" ({named})"


def _format_conditions(config: GANConfig) -> str:
    lines = [f"- {name}: {', '.join(values)}\n" for name, values in config.data.conditions.items()]
    lines += [f"- {name}: {low:g} to {high:g}\n" for name, (low, high) in config.data.numbers.items()]
    lines += [f"- given: {name}\n" for name in config.network.conditioning]
    return "".join(lines) or "None.\n"


def _format_metrics(log: Sequence[dict[str, float]]) -> str:
    lines = []
    for column, (name, explanation) in CARD_METRICS.items():
        rows = [row for row in log if column in row]
        if not rows:
            continue
        last = rows[-1]
        has_error = column == "kid" and "kid_error" in last
        error = f" ± {last['kid_error']:.2g}" if has_error else ""
        lines.append(f"| {name} | {last[column]:.3g}{error} | {last['step']:.0f} | {explanation} |\n")
    if not lines:
        return "Nothing yet.\n"
    head = "| what | last value | at step | what it says |\n| --- | --- | --- | --- |\n"
    return head + "".join(lines)


def _format_ends(ends: Range) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"
