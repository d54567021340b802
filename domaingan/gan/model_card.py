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
    "r_v": ("r_v", "how far the discriminator knows its crops by heart, from 0 to 1"),
    "r_t": ("r_t", "mean sign of the discriminator's scores of real crops; 0 is undecided, 1 is sure"),
}
"""The columns of the log that the card repeats, the last value of each, and what they say."""

HUB_LICENCES = (
    "unknown", "apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "agpl-3.0", "openrail", "cc0-1.0", "cc-by-3.0",
    "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-4.0",
)  # fmt: skip
"""Licences that model hubs know by these names; any other one is ``other`` there, with its name beside it."""

MAX_NAMED_SUBJECTS = 40
"""At most so many subjects are named, where they are at all; ``config.json`` has all of them."""

INPAINTING_DESCRIPTIONS = {
    RING: " It paints them into hosts: it is shown a new mask and the host around it. The folder `crops` holds the"
    " masks of the crops it was trained on, which new masks are made of.",
    PASTE: " It makes real crops that were pasted into hosts fit them. The folder `crops` holds those that it was"
    " trained on and starts from: whoever has this model has them.",
}
"""What is said of generators that paint into hosts."""

SKIP_NOTES = {
    "none": "",
    "residual": ", with a shortcut around each block",
    "multiscale": ", the discriminator seeing what is painted at every resolution",
}


def write_card(name: str, config: GANConfig, log: Sequence[dict[str, float]] = ()) -> str:
    """The card in Markdown, with the YAML header that model hubs read.

    Args:
        name: of the model.
        config: all there is to know of it.
        log: the rows of ``log.csv``.
    """
    return f"""---
{_format_licence(config.licence)}
library_name: domaingan
pipeline_tag: {"image-to-image" if config.given else "unconditional-image-generation"}
tags:
- gan
- data-augmentation
- synthetic-data
- {config.spatial_dims}d
- {config.domain}
---

# {name}

A conditional GAN that draws {_describe_output(config)}.{_describe_conditioning(config)}

![Real {config.kind} and generated ones](samples.png)

## Use

```python
import domaingan as dg
{"from domaingan.inpainting.windows import windows" + chr(10) if config.is_inpainting else ""}
gan = dg.GAN.load("{name}")  # this folder; of a model hub, huggingface_hub.snapshot_download("USER/{name}")
bank = gan.sample({_format_arguments(config)})  # a bank of {config.kind}: bank[0].image, bank[0].mask
```

At a shell: `domaingan sample {name} --out BANK --n 100{" --hosts DATA" if config.given else ""}`. Loading runs no code
of the model's and unpickles nothing.

## Data

- source: {json.dumps(config.source, ensure_ascii=False) if config.source else f"({config.kind} in memory)"}
- {config.kind}: {config.crops}
- subjects: {len(config.subjects) or "unknown"}{_format_subjects(config)}
- channels: {", ".join(config.channels)}
- classes: {", ".join(f"{name} ({value})" for name, value in config.classes.items()) or "none"}

## Conditions

{_format_conditions(config)}
## Training

Networks `{config.arch}`, width {config.width}, {config.depth} {"layers" if config.depth > 1 else "layer"}\
{"" if config.arch == "mlp" else " at each resolution"}{SKIP_NOTES[config.skip]}. {config.steps} steps of {config.batch}
{config.kind}, loss `{config.loss}`, learning rates {_show_ends(config.lr)} and {_show_ends(config.lr_d)}, augmentation
{config.augment:g}{f" at first, held at r_t {config.ada:g}" if config.ada is not None else ""}, precision \
{config.precision}, seed {config.seed}. `log.csv` has the course of it, `config.json` every setting.

## Measured

{_format_metrics(log)}
## Intended use

Augmenting the training data of models that find or classify {_name_target(config)}. Whether it helps has to be measured
on subjects that neither this model nor that one was trained on; `config.json` lists this model's, so that domaingan can
tell.

## Limitations

- It knows {config.crops} {config.kind} of {len(config.subjects) or "unknown"} subjects and nothing else: what is rare
  or missing among them is so among those it draws, and other scanners, cameras or populations are not covered.
- A generated {config.kind[:-1]} may resemble one it was trained on; it is not anonymous by being generated.
- Generated {config.kind} are no evidence about any person and not for diagnosis, and no model must be tested on them.

## Licence

{config.licence}{": whatever the data's licence allows" if config.licence == "unknown" else ""}
"""


def _format_licence(licence: str) -> str:
    """The header's lines about it."""
    if licence.lower() in HUB_LICENCES:
        return f"license: {licence.lower()}"
    return f"license: other\nlicense_name: {re.sub('[^a-z0-9.]+', '-', licence.lower()).strip('-.') or 'unnamed'}"


def _describe_output(config: GANConfig) -> str:
    size = "×".join([str(config.size)] * config.spatial_dims)
    return f"crops of {size} with their masks" if config.kind == "crops" else f"scenes of {size}, for their look"


def _describe_conditioning(config: GANConfig) -> str:
    if not config.given:
        return ""
    if config.is_inpainting:
        return INPAINTING_DESCRIPTIONS[PASTE if PASTE in config.given else RING]
    return f" It is shown {' and '.join(config.given)} of real {config.kind}, its hosts, and paints the rest."


def _format_arguments(config: GANConfig) -> str:
    """What a first call of ``sample`` is given: the commonest class, and hosts where they are needed."""
    codes = config.list_combinations()[:1] if config.templates else []
    wanted = [
        f'{name}="{value}"' for code in codes for name, value in config.name_values(code).items() if name.isidentifier()
    ]
    pasted = ", pasted=True" if PASTE in config.given else ""
    hosts = f"hosts=windows(scans, gan.crops, 100{pasted})" if config.is_inpainting else "hosts=real"
    return ", ".join(["100", *([hosts] if config.given else []), *wanted[:1]])


def _format_subjects(config: GANConfig) -> str:
    """The subjects' names, if the card is to tell them: a card is what people share and search engines read."""
    if not config.name_subjects or not config.subjects:
        return ""
    more = len(config.subjects) - MAX_NAMED_SUBJECTS
    named = ", ".join(config.subjects[:MAX_NAMED_SUBJECTS])
    return f" ({named} and {more} more, see config.json)" if more > 0 else f" ({named})"


def _format_conditions(config: GANConfig) -> str:
    lines = [f"- {name}: {', '.join(values)}\n" for name, values in config.conditions.items()]
    lines += [f"- {name}: {low:g} to {high:g}\n" for name, (low, high) in config.numbers.items()]
    lines += [f"- given: {name}\n" for name in config.given]
    return "".join(lines) or "None.\n"


def _format_metrics(log: Sequence[dict[str, float]]) -> str:
    lines = []
    for column, (name, meaning) in CARD_METRICS.items():
        rows = [row for row in log if column in row]
        if rows:
            error = f" ± {rows[-1]['kid_error']:.2g}" if column == "kid" and "kid_error" in rows[-1] else ""
            lines.append(f"| {name} | {rows[-1][column]:.3g}{error} | {rows[-1]['step']:.0f} | {meaning} |\n")
    head = "| what | last value | at step | what it says |\n| --- | --- | --- | --- |\n"
    return head + "".join(lines) if lines else "Nothing yet.\n"


def _show_ends(ends: Range) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


def _name_target(config: GANConfig) -> str:
    return "these objects" if config.kind == "crops" else "objects under these looks"
