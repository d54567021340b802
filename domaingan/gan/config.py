"""What a GAN is made of and was trained on: the config that a model folder stores."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from domaingan.banks import HEALTHY_VALUE
from domaingan.core.errors import DataError
from domaingan.data import StoredDomain
from domaingan.gan.crop_records import CropRecord

MODEL_FORMAT = 3

CROP_SIZES = (8, 16, 32, 64, 128, 256)
"""Edges of a crop that the networks are built for."""

MASK, RING, PASTE = "mask", "ring", "paste"
"""What may be given besides channels: the mask; the host around it (inpaint); a crop pasted into the host (refine)."""

Range = tuple[float, float]

MAX_SETTINGS = {
    "width": 2048,
    "latent": 65_536,
    "depth": 64,
    "batch": 1_000_000,
    "schedule": 10**12,
    "steps": 10**12,
    "seed": 2**63 - 1,
    "crops": 10**12,
}
"""The most that a number of a config may be: far more than serves, and little enough to be counted with."""

MAX_MASK_VALUE = 255
"""Masks are of bytes."""


class GANConfig(BaseModel):
    """Everything needed to build the networks, to go on training them and to draw a bank from them.

    Attributes:
        format: version of the model folder's format.
        spatial_dims: 2 or 3.
        size: edge of the generated crops, a power of two.
        channels: a name for each image channel.
        kind: ``crops`` or ``scenes``, as in :class:`domaingan.banks.BankInfo`; scenes have no masks.
        ground, ranges, percentiles: as in :class:`domaingan.banks.BankInfo`.
        classes: the masks' values by name.
        labels: the mask values that the crops hold, 0 (background) first; for scenes 0 alone.
        domain: ``scan`` or ``frame``.
        conditions: for each class condition its values.
        numbers: for each number condition the range of its values in the crops.
        given: the channels, and ``mask``, that the generator is shown instead of painting them; or ``mask`` and
            ``ring`` (inpaint) or ``paste`` (refine), see :mod:`domaingan.gan.inpainting`.
        image_range: for each image channel the scaled values that the networks see as -1 and 1.
        arch: a key of :data:`domaingan.gan.networks.ARCHITECTURES`.
        latent: length of the latent vector.
        width: channels of the networks at half the full size; twice that at each halving, at most eight times.
        depth: layers of each resolution (hidden layers of ``mlp``).
        skip: ``none``, ``residual`` (around each block) or ``multiscale`` (from generator to discriminator).
        loss: a key of :data:`domaingan.gan.training.losses.LOSSES`.
        diversity: weight of the wish that two latents give two insides, see
            :mod:`domaingan.gan.training.auxiliary_losses`.
        matching: weight of the wish that the discriminator's features are those of the real crop in the same host.
        residual: weight of the wish that little is added to what was pasted, see there.
        augment: probability of each augmentation of what the discriminator sees; with ``ada`` the one it starts from.
        ada: the overfitting r_t at which the probability is held, or None to leave it as it is.
        lr: Adam's learning rate of the generator, at the start and at the end of the schedule.
        lr_d: the same of the discriminator.
        beta1: Adam's β₁.
        beta2: Adam's β₂, at the start and at the end of the schedule.
        gamma: weight of the loss's gradient penalty, at the start and at the end of the schedule.
        ema: decay of the averaged generator, the one that is kept, at the start and at the end of the schedule.
        schedule: steps that the schedules take, each by half a cosine; constant from then on.
        batch: crops a step.
        precision: ``32`` or ``bf16-mixed``.
        steps: length of the training.
        seed: where every random draw of the training starts from.
        subjects: everyone whose crops were trained on.
        checksums: of the images the crops were cut from, as in :class:`domaingan.banks.BankInfo`.
        name_subjects: whether the model's card names them; it tells how many there were in any case.
        source: where the crops came from.
        licence: under which the model may be used, as its card says: that of the data decides.
        crops: how many there were.
        crops_sha256: checksum of the crops, so that a training is not resumed on others.
        templates: see :class:`CropRecord`; at most 2,000, spread over the crops.
        weights_sha256: checksum of ``weights.safetensors``; empty until the training has ended.
        kept_sha256: checksum of the folder of crops beside them, where there is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = MODEL_FORMAT
    spatial_dims: Literal[2, 3]
    size: int
    channels: tuple[str, ...]
    kind: Literal["crops", "scenes"] = "crops"
    ground: dict[str, dict[str, int]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    percentiles: dict[str, tuple[float, float]] = {}
    classes: dict[str, int]
    labels: tuple[int, ...]
    domain: StoredDomain
    conditions: dict[str, tuple[str, ...]]
    numbers: dict[str, Range] = {}
    given: tuple[str, ...] = ()
    image_range: tuple[Range, ...]
    arch: str = "dcgan"
    latent: int = 128
    width: int = 32
    depth: int = 1
    skip: Literal["none", "residual", "multiscale"] = "none"
    loss: str = "relativistic"
    diversity: float = 0.0
    matching: float = 0.0
    residual: float = 0.0
    augment: float = 0.0
    ada: float | None = 0.6
    lr: Range = (1e-3, 2e-4)
    lr_d: Range = (1e-3, 2e-4)
    beta1: float = 0.0
    beta2: Range = (0.9, 0.99)
    gamma: Range = (2.0, 0.2)
    ema: Range = (0.998, 0.998)
    schedule: int = 1000
    batch: int = 64
    precision: Literal["32", "bf16-mixed"] = "32"
    steps: int = 0
    seed: int = 0
    subjects: tuple[str, ...] = ()
    checksums: dict[str, str] = {}
    name_subjects: bool = False
    source: str = ""
    licence: str = "unknown"
    crops: int = 0
    crops_sha256: str = ""
    templates: tuple[CropRecord, ...] = ()
    weights_sha256: str = ""
    kept_sha256: str = ""

    @property
    def mask_channels(self) -> tuple[int, ...]:
        """The mask value of each mask channel; none for scenes, which have no masks."""
        return self.labels if self.kind == "crops" else ()

    @property
    def is_conditioning(self) -> tuple[bool, ...]:
        """For each channel of a stack, the image's and then the mask's, whether the generator is shown it."""
        return (*(name in self.given for name in self.channels), *[MASK in self.given] * len(self.mask_channels))

    @property
    def is_inpainting(self) -> bool:
        """Whether the generator paints into a host."""
        return RING in self.given or PASTE in self.given

    @property
    def healthy_codes(self) -> tuple[int, ...]:
        """For each class condition the code under which masks mark nothing, -2 where there is none."""
        own = self.domain.class_condition if self.is_inpainting else None
        return tuple(
            values.index(HEALTHY_VALUE) if name == own and HEALTHY_VALUE in values else -2
            for name, values in self.conditions.items()
        )

    @property
    def conditioning_channels(self) -> int:
        """How many channels the generator is shown: what is given, and of a host its channels and where to paint."""
        return sum(self.is_conditioning) + (len(self.channels) + 1 if self.is_inpainting else 0)

    @property
    def generated_channels(self) -> tuple[int, int]:
        """How many image and mask channels the generator paints."""
        images = sum(name not in self.given for name in self.channels)
        return images, 0 if MASK in self.given else len(self.mask_channels)

    def list_combinations(self) -> list[tuple[int, ...]]:
        """The condition codes that occur together in the crops, the commonest first; known ones if there are any."""
        codes, counts = np.unique(np.array([t.codes for t in self.templates]), axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        seen = [tuple(int(code) for code in codes[i]) for i in order]
        return [combination for combination in seen if min(combination, default=0) >= 0] or seen

    def name_values(self, codes: tuple[int, ...]) -> dict[str, str]:
        """Condition codes as names, unknown ones left out."""
        pairs = zip(self.conditions.items(), codes, strict=True)
        return {name: values[code] for (name, values), code in pairs if code >= 0}


def build_config(**fields: Any) -> GANConfig:
    """A checked config.

    Raises:
        DataError: a field is unknown, missing or impossible; the message names it.
    """
    version = fields.get("format", MODEL_FORMAT)
    if version != MODEL_FORMAT:  # before all else: what another version calls its fields is not known here
        newer = isinstance(version, int) and version > MODEL_FORMAT
        advice = "update domaingan" if newer else "train the model again"
        raise DataError(f"model format {version!r}", expected=f"{MODEL_FORMAT}: {advice}")
    try:
        config = GANConfig.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    _check_settings(config)
    return config


def _check_settings(config: GANConfig) -> None:
    if config.size not in CROP_SIZES:
        raise DataError(f"size {config.size}", expected=f"a power of two from {CROP_SIZES[0]} to {CROP_SIZES[-1]}")
    for name, most in MAX_SETTINGS.items():
        least = 0 if name in ("steps", "seed", "crops") else 1
        if not least <= getattr(config, name) <= most:
            raise DataError(f"{name} {_shorten(getattr(config, name))}", expected=f"{least} to {most:,}")
    shares = {"augment": (config.augment,), "ada": (config.ada or 0,), "beta1": (config.beta1,)}
    for name, values in (shares | {"beta2": config.beta2, "ema": config.ema}).items():
        below = name in ("beta1", "beta2", "ema")
        if not all(0 <= value <= 1 for value in values) or (below and max(values) == 1):
            said = "from 0 to below 1" if below else "from 0 to 1"
            raise DataError(f"{name} {values[0] if len(values) == 1 else values}", expected=said)
    _check_conditioning(config)
    for name in ("diversity", "matching", "residual"):
        if not 0 <= getattr(config, name) < math.inf:
            raise DataError(f"{name} {getattr(config, name)}", expected="at least 0")
    if not sum(config.generated_channels):
        raise DataError(f"given {', '.join(config.given)}", expected="something left to paint")
    _check_ranges(config)
    _check_labels(config)
    for template in config.templates:
        _check_crop_record(template, config)


def _check_labels(config: GANConfig) -> None:
    values = {**config.classes, **{f"label {label}": label for label in config.labels}}
    for name, value in values.items():
        if not 0 <= value <= MAX_MASK_VALUE:
            raise DataError(f"{name} of value {_shorten(value)}", expected=f"0 to {MAX_MASK_VALUE}")
    lists: dict[str, tuple[object, ...]] = {"channels": config.channels, "labels": config.labels}
    lists |= {f"condition {name}": values for name, values in config.conditions.items()}
    for name, members in lists.items():
        if not members or len(set(members)) < len(members):
            raise DataError(f"{name}: {len(members)} of them", expected="at least one, each once")


def _check_crop_record(record: CropRecord, config: GANConfig) -> None:
    sizes = [len(values) for values in config.conditions.values()]
    if len(record.codes) != len(sizes) or not all(-1 <= c < n for c, n in zip(record.codes, sizes, strict=True)):
        found = f"a template of conditions {_shorten(record.codes)}"
        raise DataError(found, expected=f"{len(sizes)} codes, each -1 or one of {_shorten(tuple(sizes))} values")
    if len(record.numbers) != len(config.numbers):
        raise DataError(f"a template of {len(record.numbers)} numbers", expected=f"{len(config.numbers)}")
    vectors = (record.spacing, record.extent, record.centre)
    if any(len(vector) != config.spatial_dims for vector in vectors):
        raise DataError("a template of other dimensions", expected=f"{config.spatial_dims} of each")
    if not all(0 < size < math.inf for size in record.spacing):
        raise DataError(f"a template of spacing {record.spacing}", expected="positive numbers")
    if not all(0 <= size < 2**31 for size in record.extent):
        raise DataError(f"a template of extent {_shorten(record.extent)}", expected="0 or more")
    numbers = (*record.centre, record.radius_mm, record.depth_mm, *record.numbers)
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise DataError("a template with what is no number", expected="finite numbers")
    if record.radius_mm < 0:
        raise DataError(f"a template of radius_mm {record.radius_mm:g}", expected="0 or more")


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _check_ranges(config: GANConfig) -> None:
    if len(config.image_range) != len(config.channels):
        raise DataError(f"{len(config.image_range)} ranges", expected=f"{len(config.channels)}, one a channel")
    for name in ("lr", "lr_d", "gamma"):
        if not all(0 <= value < math.inf for value in getattr(config, name)):
            raise DataError(f"{name} {getattr(config, name)}", expected="finite numbers of 0 or more")
    for low, high in (*config.image_range, *config.numbers.values()):
        if not -math.inf < low <= high < math.inf:
            raise DataError(f"a range of {low:g} to {high:g}", expected="two numbers, the smaller one first")


def _check_conditioning(config: GANConfig) -> None:
    if config.is_inpainting and config.kind == "crops":
        if set(config.given) not in ({MASK, RING}, {MASK, PASTE}):
            raise DataError(f"given {', '.join(config.given)}", expected=f"{MASK},{RING} or {PASTE},{MASK}")
        return
    unknown = [name for name in config.given if name not in (*config.channels, MASK)]
    if unknown or (MASK in config.given and config.kind != "crops"):
        known = [*config.channels, *([MASK] if config.kind == "crops" else [])]
        raise DataError(f"given {', '.join(unknown or [MASK])}", expected=f"some of {', '.join(known)}")


def list_differences(stored: GANConfig, requested: GANConfig) -> list[str]:
    """What two configs differ in, in words; its length and schedule and the result's checksums do not count."""
    found = []
    for name in GANConfig.model_fields:
        old, new = getattr(stored, name), getattr(requested, name)
        if name in ("steps", "schedule", "checksums", "weights_sha256", "kept_sha256") or old == new:
            continue
        short = name in ("templates", "crops_sha256") or len(f"{old}{new}") > 80
        found.append(f"other {name}" if short else f"{name} {new} instead of {old}")
    return found
