"""What a GAN is made of and was trained on: the config that a model folder stores."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from domaingan.errors import DataError

FORMAT = 2

SIZES = (8, 16, 32, 64, 128, 256)
"""Edges of a crop that the networks are built for."""

MAX_TEMPLATES = 2000
OF_EACH_KIND = 20


class Template(BaseModel):
    """What one real crop knows besides its pixels; a generated entry borrows its spacing and place.

    Attributes:
        codes: for each condition the position of the crop's value (-1: unknown).
        spacing: mm a pixel, one number an axis.
        extent: shape of the sample it was cut from.
        centre: where the object lay in its image, relative to the foreground's box.
        radius_mm: radius of a disc or ball as large as the object.
        depth_mm: how far below the body's surface the object lay, of frames how far below the horizon its feet stood.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    codes: tuple[int, ...]
    spacing: tuple[float, ...]
    extent: tuple[int, ...]
    centre: tuple[float, ...]
    radius_mm: float
    depth_mm: float = 0.0


class GANConfig(BaseModel):
    """Everything needed to build the networks, to go on training them and to draw a bank from them.

    Attributes:
        format: version of the model folder's format.
        spatial_dims: 2 or 3.
        size: edge of the generated crops, a power of two.
        channels: a name for each image channel.
        kind: ``crops`` or ``scenes``, as in :class:`domaingan.bank.BankInfo`; scenes have no masks.
        ground: as in :class:`domaingan.bank.BankInfo`.
        classes: the masks' values by name.
        labels: the mask values that the crops hold, 0 (background) first; for scenes 0 alone.
        domain: ``scan`` or ``frame``.
        conditions: for each class condition its values.
        image_range: for each image channel the scaled values that the networks see as -1 and 1.
        arch: a key of :data:`domaingan.gan.networks.ARCHITECTURES`.
        latent: length of the latent vector.
        width: channels of the networks at half the full size; twice that at each halving, at most eight times.
        loss: a key of :data:`domaingan.gan.losses.LOSSES`.
        augment: probability of each augmentation of what the discriminator sees.
        lr: Adam's learning rates, of the generator and of the discriminator.
        betas: Adam's betas.
        batch: crops a step.
        ema: decay of the averaged generator, the one that is kept.
        precision: ``32`` or ``bf16-mixed``.
        steps: length of the training.
        seed: where every random draw of the training starts from.
        subjects: everyone whose crops were trained on.
        source: where the crops came from.
        crops: how many there were.
        crops_sha256: checksum of the crops, so that a training is not resumed on others.
        templates: see :class:`Template`; at most 2,000, spread over the crops.
        weights_sha256: checksum of ``weights.safetensors``; empty until the training has ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    spatial_dims: Literal[2, 3]
    size: int
    channels: tuple[str, ...]
    kind: Literal["crops", "scenes"] = "crops"
    ground: dict[str, dict[str, int]] = {}
    classes: dict[str, int]
    labels: tuple[int, ...]
    domain: Literal["scan", "frame"]
    conditions: dict[str, tuple[str, ...]]
    image_range: tuple[tuple[float, float], ...]
    arch: str = "dcgan"
    latent: int = 128
    width: int = 32
    loss: str = "nonsaturating"
    augment: float = 0.6
    lr: tuple[float, float] = (2e-4, 8e-4)
    betas: tuple[float, float] = (0.0, 0.9)
    batch: int = 64
    ema: float = 0.998
    precision: Literal["32", "bf16-mixed"] = "32"
    steps: int = 0
    seed: int = 0
    subjects: tuple[str, ...] = ()
    source: str = ""
    crops: int = 0
    crops_sha256: str = ""
    templates: tuple[Template, ...] = ()
    weights_sha256: str = ""

    @property
    def painted(self) -> int:
        """Channels that the generator paints: the image's and the mask's."""
        return len(self.channels) + len(self.mask_channels)

    @property
    def mask_channels(self) -> tuple[int, ...]:
        """The mask value of each mask channel; none for scenes, which have no masks."""
        return self.labels if self.kind == "crops" else ()

    def combinations(self) -> list[tuple[int, ...]]:
        """The condition codes that occur together in the crops, the commonest first; known ones if there are any."""
        codes, counts = np.unique(np.array([t.codes for t in self.templates]), axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        seen = [tuple(int(code) for code in codes[i]) for i in order]
        return [combination for combination in seen if min(combination, default=0) >= 0] or seen

    def named(self, codes: tuple[int, ...]) -> dict[str, str]:
        """Condition codes as names, unknown ones left out."""
        pairs = zip(self.conditions.items(), codes, strict=True)
        return {name: values[code] for (name, values), code in pairs if code >= 0}


def build_config(**fields: Any) -> GANConfig:
    """A checked config.

    Raises:
        DataError: a field is unknown, missing or impossible; the message names it.
    """
    if isinstance(fields.get("format"), int) and fields["format"] != FORMAT:
        advice = "update domaingan" if fields["format"] > FORMAT else "train the model again"
        raise DataError(f"model format {fields['format']}", expected=f"{FORMAT}: {advice}")
    try:
        config = GANConfig.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if config.size not in SIZES:
        raise DataError(f"size {config.size}", expected=f"a power of two from {SIZES[0]} to {SIZES[-1]}")
    for name in ("width", "latent", "batch"):
        if getattr(config, name) < 1:
            raise DataError(f"{name} {getattr(config, name)}", expected="at least 1")
    if not 0 <= config.augment <= 1 or not 0 <= config.ema < 1:
        raise DataError(f"augment {config.augment}, ema {config.ema}", expected="numbers from 0 to 1")
    if len(config.image_range) != len(config.channels):
        raise DataError(f"{len(config.image_range)} ranges", expected=f"{len(config.channels)}, one a channel")
    return config


def templates_of(entries: NDArray[Any], conditions: list[str]) -> tuple[Template, ...]:
    """The templates of a bank's entries; of more than 2,000 an even choice, with some of every kind."""
    chosen = np.linspace(0, len(entries) - 1, min(len(entries), MAX_TEMPLATES)).round().astype(int)
    if len(entries) > MAX_TEMPLATES and conditions:
        codes = np.stack([entries[f"condition:{name}"] for name in conditions], axis=1)
        kinds = np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)
        rare = [np.flatnonzero(kinds == kind)[:OF_EACH_KIND] for kind in range(kinds.max() + 1)]
        chosen = np.concatenate([chosen, *rare])
    return tuple(
        Template(
            codes=tuple(int(entry[f"condition:{name}"]) for name in conditions),
            spacing=tuple(round(float(s), 6) for s in entry["spacing"]),
            extent=tuple(int(n) for n in entry["extent"]),
            centre=tuple(round(float(c), 6) for c in entry["centre"]),
            radius_mm=round(float(entry["radius_mm"]), 6),
            depth_mm=round(float(entry["depth_mm"]), 6),
        )
        for entry in entries[np.unique(chosen)]
    )


def differences(stored: GANConfig, asked: GANConfig) -> list[str]:
    """What two configs differ in, in words; the length of the training and the checksum of the result do not count."""
    found = []
    for name in GANConfig.model_fields:
        old, new = getattr(stored, name), getattr(asked, name)
        if name in ("steps", "weights_sha256") or old == new:
            continue
        short = name in ("templates", "crops_sha256") or len(f"{old}{new}") > 80
        found.append(f"other {name}" if short else f"{name} {new} instead of {old}")
    return found
