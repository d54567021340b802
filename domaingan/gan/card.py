"""``model_card.md``: what the model is, what it was trained on and what it is for."""

from __future__ import annotations

import json
from collections.abc import Sequence

from domaingan.gan.config import GANConfig, Range

MEASURED = {
    "kid": "KID (see the log for what it was measured against)",
    "kid_error": "its standard error",
    "diversity": "diversity, as a share of the real crops'",
    "r_v": "r_v, how far the discriminator knows its crops by heart",
}
"""The columns of the log that the card repeats, the last value of each."""


def card(name: str, config: GANConfig, log: Sequence[dict[str, float]] = ()) -> str:
    """The card in Markdown, with the YAML header that model hubs read.

    Args:
        name: of the model.
        config: all there is to know of it.
        log: the rows of ``log.csv``.
    """
    size = "×".join([str(config.size)] * config.spatial_dims)
    return f"""---
license: unknown
library_name: domaingan
pipeline_tag: unconditional-image-generation
tags: [gan, data-augmentation, {"3d" if config.spatial_dims == 3 else "2d"}, {config.domain}]
---

# {name}

A conditional GAN ({config.arch}, width {config.width}, depth {config.depth}) that draws {_what(config, size)}.

![Real {config.kind} and generated ones](samples.png)

## Data

- source: {json.dumps(config.source) if config.source else f"({config.kind} in memory)"}
- {config.kind}: {config.crops}
- subjects: {len(config.subjects)} ({", ".join(config.subjects) or "unknown"})
- channels: {", ".join(config.channels)}
- classes: {", ".join(f"{name} ({value})" for name, value in config.classes.items()) or "none"}

## Conditions

{_conditions(config)}
## Training

{config.steps} steps of {config.batch} {config.kind}, loss `{config.loss}`, learning rates {_ends(config.lr)} and
{_ends(config.lr_d)}, augmentation {config.augment:g}{f" held at r_t {config.ada:g}" if config.ada is not None else ""},
precision {config.precision}, seed {config.seed}. `log.csv` has the course of it.

## Measured

{_measured(log)}
## Intended use

Augmenting the training data of models that find or classify {_of_what(config)}.
Generated {config.kind} are no evidence about any person, are not for diagnosis, and must not be tested on:
a model trained with them may not be tested on the subjects named above.

## Licence

unknown: inherits the data's
"""


def _conditions(config: GANConfig) -> str:
    lines = [f"- {name}: {', '.join(values)}\n" for name, values in config.conditions.items()]
    lines += [f"- {name}: {low:g} to {high:g}\n" for name, (low, high) in config.numbers.items()]
    lines += [f"- given: {name}\n" for name in config.given]
    return "".join(lines) or "None.\n"


def _measured(log: Sequence[dict[str, float]]) -> str:
    lines = []
    for column, text in MEASURED.items():
        values = [row[column] for row in log if column in row]
        lines += [f"- {text}: {values[-1]:.4g}\n"] if values else []
    return "".join(lines) or "Nothing yet.\n"


def _ends(ends: Range) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


def _what(config: GANConfig, size: str) -> str:
    return f"crops of {size} with their masks" if config.kind == "crops" else f"scenes of {size}, for their look"


def _of_what(config: GANConfig) -> str:
    return "these objects" if config.kind == "crops" else "objects under these looks"
