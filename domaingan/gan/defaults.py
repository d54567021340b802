"""What a user may set of a GAN, and what the rest is then."""

from __future__ import annotations

from typing import Any

from domaingan.core.errors import DataError
from domaingan.gan.config import PASTE, RING
from domaingan.gan.networks import ARCHITECTURES
from domaingan.gan.training.losses import LOSSES

BATCH_SIZES = {2: 64, 3: 16}
"""Crops a step, unless given."""

INPAINTING_DEFAULTS: dict[str, dict[str, Any]] = {
    RING: {"arch": "unet", "diversity": 1.0, "matching": 2.0, "augment": 0.3},
    PASTE: {"arch": "unet", "residual": 0.1, "augment": 0.3},
}
"""What a generator that paints into hosts has, unless given. One that starts from a paste must not be drawn towards the
object that was there, and pastes differ by themselves. r_t, by which ADA goes, says little of pairs: they are hard to
tell apart even for a discriminator that knows its crops by heart."""

INPAINTING_BATCH_SIZES = {2: 16, 3: 8}
"""The same of crops a step."""

DEFAULT_ARCH, DEFAULT_LOSS, DEFAULT_AUGMENT = "dcgan", "relativistic", "ada"
"""What served best on 100 real crops at a small budget, see ``benchmarks/results/gan-quality.md``."""

ADA_TARGET = 0.6
"""Of r_t; the value of Karras et al. 2020 (https://arxiv.org/abs/2006.06676)."""

SCHEDULED_SETTINGS = ("lr", "lr_d", "beta2", "gamma", "ema")
"""Settings with a value at the start and one at the end of the schedule."""

SETTING_NAMES = (
    "size", "spatial_dims", "arch", "width", "depth", "skip", "latent", "given", "loss", "augment", "ada", "beta1",
    *SCHEDULED_SETTINGS, "schedule", "batch", "licence", "name_subjects", "diversity", "matching", "residual",
)  # fmt: skip
"""The fields of a :class:`~domaingan.gan.config.GANConfig` that a user may set."""


def with_defaults(**settings: Any) -> dict[str, Any]:
    """The settings with those added that follow from architecture and loss; ``augment="ada"`` in numbers.

    Raises:
        DataError: a setting, the architecture or the loss is unknown, or the architecture cannot have this skip.
    """
    unknown = set(settings) - set(SETTING_NAMES)
    if unknown:
        raise DataError(f"no setting {', '.join(sorted(unknown))}", expected=f"some of {', '.join(SETTING_NAMES)}")
    settings = {name: value for name, value in settings.items() if value is not None or name == "ada"}
    hosted = [own for given, own in INPAINTING_DEFAULTS.items() if given in settings.get("given", ())]
    settings = {**(hosted[0] if hosted else {"arch": DEFAULT_ARCH}), **settings}
    arch, loss = settings["arch"], settings.setdefault("loss", DEFAULT_LOSS)
    for choice, names, what in ((arch, list(ARCHITECTURES), "architecture"), (loss, list(LOSSES), "loss")):
        if choice not in names:
            raise DataError(f"no {what} {choice!r}", expected=f"one of {', '.join(names)}")
    if settings.setdefault("augment", DEFAULT_AUGMENT) == "ada":
        settings |= {"augment": 0.0, "ada": ADA_TARGET}
    settings.setdefault("ada", None)
    for name in SCHEDULED_SETTINGS:
        if isinstance(settings.get(name), (int, float)):
            settings[name] = (settings[name], settings[name])
    architecture = ARCHITECTURES[arch]
    settings = {
        **LOSSES[loss].settings,
        "depth": architecture.depth,
        "skip": architecture.skips[0],
        "batch": (INPAINTING_BATCH_SIZES if hosted else BATCH_SIZES).get(settings["spatial_dims"]),
        **settings,
    }
    if settings["skip"] not in architecture.skips:
        known = " or ".join(architecture.skips)
        raise DataError(f"arch {arch} with skip {settings['skip']}", expected=f"{known} for {arch}")
    return settings
