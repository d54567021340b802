"""What a user can set of a GAN, and the defaults of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domaingan.core.errors import DataError
from domaingan.data import SCAN
from domaingan.gan.config import PASTE, RING, DataConfig, GANConfig, NetworkConfig, TrainingConfig
from domaingan.gan.config_checks import build_config, validate_part
from domaingan.gan.networks import ARCHITECTURES
from domaingan.gan.training.losses import LOSSES

BATCH_SIZES = {2: 64, 3: 16}
"""Default number of crops in a step, for 2D and for 3D."""

INPAINTING_DEFAULTS: dict[str, dict[str, Any]] = {
    RING: {"arch": "unet", "diversity": 1.0, "matching": 2.0, "augment": 0.3},
    PASTE: {"arch": "unet", "residual": 0.1, "augment": 0.3},
}
"""Defaults of generators that change a host.

Refine has no feature-matching loss: it must not become more like the object that was there before. It needs no
diversity-sensitive loss: pastes differ by themselves. Neither uses ADA: r_t says little about pairs of real and
generated crops in the same host, which even a discriminator that overfits can hardly tell apart.
"""

INPAINTING_BATCH_SIZES = {2: 16, 3: 8}
"""Default number of crops in a step for generators that change a host, for 2D and for 3D."""

DEFAULT_ARCH, DEFAULT_LOSS, DEFAULT_AUGMENT = "dcgan", "relativistic", "ada"
"""The best choice for 100 real crops and a small budget, see ``benchmarks/results/gan-quality.md``."""

ADA_TARGET = 0.6
"""Target of r_t in ADA; the value of Karras et al. 2020 (https://arxiv.org/abs/2006.06676)."""

SCHEDULED_SETTINGS = ("lr", "lr_d", "beta2", "gamma", "ema")
"""Settings with a value at the start and one at the end of the schedule."""

NETWORK_SETTINGS = tuple(NetworkConfig.model_fields)

RUN_FIELDS = ("precision", "steps", "seed")
"""Fields of a :class:`~domaingan.gan.config.TrainingConfig` that the call of ``fit`` sets."""

TRAINING_SETTINGS = tuple(name for name in TrainingConfig.model_fields if name not in RUN_FIELDS)

CARD_SETTINGS = ("licence", "name_subjects")

SETTING_NAMES = (*NETWORK_SETTINGS, *TRAINING_SETTINGS, *CARD_SETTINGS)
"""Everything that a user can set of a GAN."""


@dataclass(frozen=True)
class Settings:
    """What a user has set of a GAN, with the defaults of the rest.

    Attributes:
        network: how the networks are built.
        training: how they are trained; precision, steps and seed follow when a training begins.
        licence: the licence of the model, for its card.
        name_subjects: whether the card names the subjects.
    """

    network: NetworkConfig
    training: TrainingConfig
    licence: str = "unknown"
    name_subjects: bool = False


def with_defaults(**settings: Any) -> Settings:
    """Fill in the defaults, which depend on architecture, loss and conditioning.

    Args:
        **settings: any of :data:`SETTING_NAMES`. None stands for the default, but for ``ada``. ``augment`` may be
            ``"ada"``; a scheduled setting may be one number.

    Raises:
        DataError: a setting, the architecture or the loss is unknown, a value is of the wrong type, or the
            architecture cannot have this skip.
    """
    unknown = set(settings) - set(SETTING_NAMES)
    if unknown:
        raise DataError(f"no setting {', '.join(sorted(unknown))}", expected=f"some of {', '.join(SETTING_NAMES)}")
    chosen = {name: value for name, value in settings.items() if value is not None or name == "ada"}
    filled = _fill_in_inpainting(chosen)
    filled.setdefault("arch", DEFAULT_ARCH)
    filled.setdefault("loss", DEFAULT_LOSS)
    _check_choice("architecture", filled["arch"], list(ARCHITECTURES))
    _check_choice("loss", filled["loss"], list(LOSSES))
    _resolve_augmentation(filled)
    for name in SCHEDULED_SETTINGS:
        if isinstance(filled.get(name), (int, float)):
            filled[name] = (filled[name], filled[name])
    architecture = ARCHITECTURES[filled["arch"]]
    filled.setdefault("depth", architecture.depth)
    filled.setdefault("skip", architecture.skips[0])
    if filled["skip"] not in architecture.skips:
        expected = f"{' or '.join(architecture.skips)} for {filled['arch']}"
        raise DataError(f"arch {filled['arch']} with skip {filled['skip']}", expected=expected)
    filled = {**LOSSES[filled["loss"]].settings, **filled}
    network = {name: filled[name] for name in NETWORK_SETTINGS if name in filled}
    training = {name: filled[name] for name in TRAINING_SETTINGS if name in filled}
    card = {name: filled[name] for name in CARD_SETTINGS if name in filled}
    return Settings(validate_part(NetworkConfig, network), validate_part(TrainingConfig, training), **card)


def check_settings(settings: Settings, channels: list[str], classes: dict[str, int]) -> None:
    """Check settings before the crops of the training are known.

    Args:
        settings: what the user has set.
        channels: names of the image channels.
        classes: the masks' values by name.

    Raises:
        DataError: a value is impossible, or two do not go together.
    """
    data = {
        "domain": SCAN,
        "channels": channels,
        "image_range": [(0, 1)] * len(channels),
        "classes": classes,
        "labels": tuple({0, *classes.values()}),
        "conditions": {},
    }
    build_config(
        network=settings.network,
        training=settings.training,
        data=validate_part(DataConfig, data),
        provenance={"licence": settings.licence, "name_subjects": settings.name_subjects},
    )


def list_settings(config: GANConfig) -> dict[str, Any]:
    """Return the value of every setting in a config, as :func:`with_defaults` takes them."""
    settings: dict[str, Any] = {}
    for part, names in (
        (config.network, NETWORK_SETTINGS),
        (config.training, TRAINING_SETTINGS),
        (config.provenance, CARD_SETTINGS),
    ):
        settings |= {name: getattr(part, name) for name in names}
    return settings


def _fill_in_inpainting(chosen: dict[str, Any]) -> dict[str, Any]:
    """Add the defaults of inpaint or refine, and the default batch size."""
    conditioning = chosen.get("conditioning", ())
    defaults: dict[str, Any] = {}
    batch_sizes = BATCH_SIZES
    for name, inpainting_defaults in INPAINTING_DEFAULTS.items():
        if name in conditioning and not defaults:
            defaults, batch_sizes = dict(inpainting_defaults), INPAINTING_BATCH_SIZES
    if chosen.get("spatial_dims") in batch_sizes:
        defaults["batch"] = batch_sizes[chosen["spatial_dims"]]
    return {**defaults, **chosen}


def _check_choice(what: str, choice: object, known: list[str]) -> None:
    if choice not in known:
        raise DataError(f"no {what} {choice!r}", expected=f"one of {', '.join(known)}")


def _resolve_augmentation(settings: dict[str, Any]) -> None:
    """Turn ``augment="ada"`` into numbers, in place: it begins with 0 and follows ``ada``, or else the usual target."""
    settings.setdefault("ada", None)
    if settings.setdefault("augment", DEFAULT_AUGMENT) != "ada":
        return
    settings["augment"] = 0.0
    if settings["ada"] is None:
        settings["ada"] = ADA_TARGET
