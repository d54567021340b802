"""The config of a GAN: its networks, its training, the crops it was trained on, and where these came from.

A model folder stores it as ``config.json``. Use
:func:`domaingan.gan.config_checks.build_config` to get a config that is checked.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from domaingan.banks import HEALTHY_VALUE
from domaingan.data import StoredDomain
from domaingan.gan.crop_records import TrainingCropRecord

MODEL_FORMAT = 4

MASK, RING, PASTE = "mask", "ring", "paste"
"""Names in ``conditioning`` besides those of image channels.

``mask``: the object's mask. ``ring``: the host around the mask (inpaint). ``paste``: a real crop that was pasted into
the host (refine).
"""

Range = tuple[float, float]


class _ConfigPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkConfig(_ConfigPart):
    """How generator and discriminator are built.

    Attributes:
        spatial_dims: 2 or 3.
        size: edge of the generated crops in pixels, a power of two from 8 to 256.
        arch: a key of :data:`domaingan.gan.networks.ARCHITECTURES`.
        latent: length of the latent vector.
        width: channels of the networks at half of the full size. The number doubles at each halving of the size, up to
            eight times the width.
        depth: layers of each resolution (hidden layers of ``mlp``).
        skip: ``none``, ``residual`` (around each block) or ``multiscale`` (from generator to discriminator).
        conditioning: what the generator gets as input instead of generating it: image channels by name and ``mask``;
            or ``mask`` and ``ring`` (inpaint); or ``paste`` and ``mask`` (refine). See
            :mod:`domaingan.gan.inpainting`.
    """

    spatial_dims: Literal[2, 3]
    size: int
    arch: str = "dcgan"
    latent: int = 128
    width: int = 32
    depth: int = 1
    skip: Literal["none", "residual", "multiscale"] = "none"
    conditioning: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of a crop."""
        return (self.size,) * self.spatial_dims

    @property
    def unit_axes(self) -> tuple[int, ...]:
        """One axis of length 1 for each spatial axis: for values that are the same at all pixels."""
        return (1,) * self.spatial_dims


class TrainingConfig(_ConfigPart):
    """How the networks are trained.

    A pair of numbers is the value at the start and at the end of the schedule.

    Attributes:
        loss: a key of :data:`domaingan.gan.training.losses.LOSSES`.
        diversity: weight of the diversity-sensitive loss, see :mod:`domaingan.gan.training.auxiliary_losses`.
        matching: weight of the feature-matching loss, see there.
        residual: weight of the loss on what is added to a paste, see there.
        augment: probability of each augmentation of the discriminator's input. With ``ada`` it is the first value.
        ada: the value of r_t at which the augmentation probability is held, or None for a constant probability.
        lr: Adam's learning rate of the generator.
        lr_d: Adam's learning rate of the discriminator.
        beta1: Adam's β₁.
        beta2: Adam's β₂.
        gamma: weight of the loss's gradient penalty.
        ema: decay of the averaged generator, which is the one that is saved.
        schedule: length of the schedules in steps. Each follows half a cosine, and is constant afterwards.
        batch: crops in each step.
        precision: ``32`` or ``bf16-mixed``.
        steps: length of the training in steps.
        seed: seed of all random draws of the training.
    """

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


class DataConfig(_ConfigPart):
    """What the crops of the training hold.

    Attributes:
        domain: whether they are from scans or frames.
        kind: ``crops`` or ``scenes``, as in :class:`domaingan.banks.BankInfo`. Scenes have no masks.
        channels: a name for each image channel.
        image_range: for each image channel the scaled values that the networks see as -1 and 1.
        classes: the masks' values by name.
        labels: the mask values that occur in the crops, 0 (background) first. For scenes it is 0 alone.
        conditions: for each class condition its values.
        numbers: for each number condition the smallest and largest value in the crops.
        supporting_classes, ranges, percentiles: as in :class:`domaingan.banks.BankInfo`.
        crop_records: see :class:`~domaingan.gan.crop_records.TrainingCropRecord`. At most about 2,000, spread over the
            crops.
    """

    domain: StoredDomain
    kind: Literal["crops", "scenes"] = "crops"
    channels: tuple[str, ...]
    image_range: tuple[Range, ...]
    classes: dict[str, int]
    labels: tuple[int, ...]
    conditions: dict[str, tuple[str, ...]]
    numbers: dict[str, Range] = {}
    supporting_classes: dict[str, dict[str, int]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    percentiles: dict[str, tuple[float, float]] = {}
    crop_records: tuple[TrainingCropRecord, ...] = ()


class Provenance(_ConfigPart):
    """Where the crops came from, who may use the model, and the checksums of its files.

    Attributes:
        source: where the crops came from.
        crop_count: how many crops there were.
        crops_sha256: checksum of the crops, so that a training is not resumed with others.
        subjects: all subjects whose crops were trained on.
        checksums: of the images that the crops were cut from, as in :class:`domaingan.banks.BankInfo`.
        licence: the licence of the model, which depends on the licence of the data.
        name_subjects: whether the model card names the subjects. It gives their number in any case.
        weights_sha256: checksum of ``weights.safetensors``. Empty until the training has ended.
        reference_sha256: checksum of the model folder's bank of crops, if it has one.
    """

    source: str = ""
    crop_count: int = 0
    crops_sha256: str = ""
    subjects: tuple[str, ...] = ()
    checksums: dict[str, str] = {}
    licence: str = "unknown"
    name_subjects: bool = False
    weights_sha256: str = ""
    reference_sha256: str = ""


class GANConfig(_ConfigPart):
    """Everything that is needed to build the networks, to continue their training and to sample from them.

    Attributes:
        format: version of the model folder's format.
        network: how the networks are built.
        training: how they are trained.
        data: what the crops of the training hold.
        provenance: where the crops came from.
    """

    format: int = MODEL_FORMAT
    network: NetworkConfig
    training: TrainingConfig
    data: DataConfig
    provenance: Provenance = Provenance()

    @property
    def mask_channels(self) -> tuple[int, ...]:
        """The mask value of each mask channel. Scenes have no mask channels."""
        return self.data.labels if self.data.kind == "crops" else ()

    @property
    def is_conditioning(self) -> tuple[bool, ...]:
        """For each channel of a stack (first the image's, then the mask's), whether it is input of the generator."""
        images = [name in self.network.conditioning for name in self.data.channels]
        masks = [MASK in self.network.conditioning] * len(self.mask_channels)
        return (*images, *masks)

    @property
    def is_inpainting(self) -> bool:
        """Whether the generator changes a host: inpaint or refine."""
        return RING in self.network.conditioning or PASTE in self.network.conditioning

    @property
    def healthy_codes(self) -> tuple[int, ...]:
        """For each class condition the code of ``healthy``, whose masks are empty; -2 where there is no such code."""
        object_condition = self.data.domain.class_condition if self.is_inpainting else None
        codes = []
        for name, values in self.data.conditions.items():
            has_healthy = name == object_condition and HEALTHY_VALUE in values
            codes.append(values.index(HEALTHY_VALUE) if has_healthy else -2)
        return tuple(codes)

    @property
    def conditioning_channels(self) -> int:
        """Number of channels of the generator's conditioning image.

        These are the channels and masks of ``conditioning``. For inpaint and refine also the host's channels and the
        blend weight.
        """
        host_channels = len(self.data.channels) + 1 if self.is_inpainting else 0
        return sum(self.is_conditioning) + host_channels

    @property
    def generated_channels(self) -> tuple[int, int]:
        """Numbers of image channels and of mask channels that the generator outputs."""
        images = sum(name not in self.network.conditioning for name in self.data.channels)
        masks = 0 if MASK in self.network.conditioning else len(self.mask_channels)
        return images, masks

    def list_combinations(self) -> list[tuple[int, ...]]:
        """List the combinations of condition codes that occur in the crops, the most frequent first.

        Returns:
            One tuple for each combination. Combinations with an unknown value are left out if there are any others.
        """
        every = np.array([record.codes for record in self.data.crop_records])
        codes, counts = np.unique(every, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        combinations = [tuple(row) for row in codes[order].tolist()]
        complete = [combination for combination in combinations if min(combination, default=0) >= 0]
        return complete or combinations

    def name_values(self, codes: tuple[int, ...]) -> dict[str, str]:
        """Return the value of each class condition for its code; unknown values (-1) are left out.

        Args:
            codes: one code for each class condition, in the order of ``data.conditions``.
        """
        named = {}
        for (name, values), code in zip(self.data.conditions.items(), codes, strict=True):
            if code >= 0:
                named[name] = values[code]
        return named

    def with_changes(self, part: str, **fields: Any) -> GANConfig:
        """Return this config with other values of some fields of one part. The values are not checked.

        Args:
            part: ``network``, ``training``, ``data`` or ``provenance``.
            **fields: the new values.
        """
        changed = getattr(self, part).model_copy(update=fields)
        return self.model_copy(update={part: changed})


CONFIG_PARTS: dict[str, type[_ConfigPart]] = {
    "network": NetworkConfig,
    "training": TrainingConfig,
    "data": DataConfig,
    "provenance": Provenance,
}
"""The parts of a :class:`GANConfig` by name."""


def list_differences(stored: GANConfig, requested: GANConfig) -> list[str]:
    """Describe in words how two configs differ.

    The length of training and schedule may differ, and so may the checksums of what a training writes.
    """
    may_differ = ("steps", "schedule", "checksums", "weights_sha256", "reference_sha256")
    differences = []
    for part, model in CONFIG_PARTS.items():
        old_part, new_part = getattr(stored, part), getattr(requested, part)
        for name in model.model_fields:
            old, new = getattr(old_part, name), getattr(new_part, name)
            if name in may_differ or old == new:
                continue
            is_long = name in ("crop_records", "crops_sha256") or len(f"{old}{new}") > 80
            differences.append(f"other {name}" if is_long else f"{name} {new} instead of {old}")
    return differences
