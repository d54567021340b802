"""Build a config and check what the types of its fields cannot: limits of numbers, and what goes together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from domaingan.core.errors import DataError
from domaingan.gan.config import (
    MASK,
    MODEL_FORMAT,
    PASTE,
    RING,
    DataConfig,
    GANConfig,
    NetworkConfig,
    TrainingConfig,
)
from domaingan.gan.crop_records import TrainingCropRecord

CROP_SIZES = (8, 16, 32, 64, 128, 256)
"""Edges of crops, in pixels, that the networks are built for."""

NETWORK_LIMITS = {"width": (1, 2048), "latent": (1, 65_536), "depth": (1, 64)}

TRAINING_LIMITS = {
    "batch": (1, 1_000_000),
    "schedule": (1, 10**12),
    "steps": (0, 10**12),
    "seed": (0, 2**63 - 1),
}
"""Smallest and largest value of a setting: more than anyone needs, and small enough to calculate with."""

MAX_CROP_COUNT = 10**12

MAX_MASK_VALUE = 255
"""Masks are stored as bytes."""

MAX_SHOWN_CHARACTERS = 40
"""A longer value is cut in a message."""

_Part = TypeVar("_Part", bound=BaseModel)


def build_config(**fields: Any) -> GANConfig:
    """Build a config and check it.

    Args:
        **fields: the fields of :class:`GANConfig`; its parts as objects or as dictionaries.

    Raises:
        DataError: a field is unknown, missing or impossible, or the format is another one.
    """
    version = fields.get("format", MODEL_FORMAT)
    if version != MODEL_FORMAT:  # first of all: fields of another version have other names
        is_newer = isinstance(version, int) and version > MODEL_FORMAT
        advice = "update domaingan" if is_newer else "train the model again"
        raise DataError(f"model format {version!r}", expected=f"{MODEL_FORMAT}: {advice}")
    config = validate_part(GANConfig, fields)
    check_config(config)
    return config


def validate_part(model: type[_Part], fields: dict[str, Any]) -> _Part:
    """Build a config, or one part of it, from fields of the right types.

    Raises:
        DataError: a field is unknown, missing or of another type; the message names it.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise DataError(f"{field}: {first['msg']}") from None


def check_config(config: GANConfig) -> None:
    """Check the values of a config, one part after the other.

    Raises:
        DataError: a value is impossible, or two do not go together.
    """
    _check_network(config.network)
    _check_training(config.training)
    _check_number("crops", config.provenance.crop_count, 0, MAX_CROP_COUNT)
    _check_conditioning(config)
    if not sum(config.generated_channels):
        raise DataError(f"given {', '.join(config.network.conditioning)}", expected="something left to paint")
    _check_data(config.data)
    for record in config.data.crop_records:
        _check_crop_record(record, config)


def _check_network(network: NetworkConfig) -> None:
    if network.size not in CROP_SIZES:
        expected = f"a power of two from {CROP_SIZES[0]} to {CROP_SIZES[-1]}"
        raise DataError(f"size {network.size}", expected=expected)
    for name, (least, most) in NETWORK_LIMITS.items():
        _check_number(name, getattr(network, name), least, most)


def _check_training(training: TrainingConfig) -> None:
    for name, (least, most) in TRAINING_LIMITS.items():
        _check_number(name, getattr(training, name), least, most)
    for name, share in (("augment", training.augment), ("ada", training.ada or 0.0)):
        if not 0 <= share <= 1:
            raise DataError(f"{name} {share}", expected="from 0 to 1")
    if not 0 <= training.beta1 < 1:
        raise DataError(f"beta1 {training.beta1}", expected="from 0 to below 1")
    for name in ("beta2", "ema"):
        ends = getattr(training, name)
        if not all(0 <= end < 1 for end in ends):
            raise DataError(f"{name} {ends}", expected="from 0 to below 1")
    _check_weights(training)


def _check_weights(training: TrainingConfig) -> None:
    """Check the weights of losses and the learning rates."""
    for name in ("diversity", "matching", "residual"):
        weight = getattr(training, name)
        if not 0 <= weight < math.inf:
            raise DataError(f"{name} {weight}", expected="at least 0")
    for name in ("lr", "lr_d", "gamma"):
        ends = getattr(training, name)
        if not all(0 <= end < math.inf for end in ends):
            raise DataError(f"{name} {ends}", expected="finite numbers of 0 or more")


def _check_number(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise DataError(f"{name} {_shorten(value)}", expected=f"{least} to {most:,}")


def _check_conditioning(config: GANConfig) -> None:
    conditioning, is_crops = config.network.conditioning, config.data.kind == "crops"
    if config.is_inpainting and is_crops:
        if set(conditioning) not in ({MASK, RING}, {MASK, PASTE}):
            expected = f"{MASK},{RING} or {PASTE},{MASK}"
            raise DataError(f"given {', '.join(conditioning)}", expected=expected)
        return
    known = [*config.data.channels, *([MASK] if is_crops else [])]
    unknown = [name for name in conditioning if name not in known]
    if unknown:
        raise DataError(f"given {', '.join(unknown)}", expected=f"some of {', '.join(known)}")


def _check_data(data: DataConfig) -> None:
    if len(data.image_range) != len(data.channels):
        raise DataError(f"{len(data.image_range)} ranges", expected=f"{len(data.channels)}, one a channel")
    for low, high in (*data.image_range, *data.numbers.values()):
        if not -math.inf < low <= high < math.inf:
            raise DataError(f"a range of {low:g} to {high:g}", expected="two numbers, the smaller one first")
    for name, value in data.classes.items():
        _check_mask_value(name, value)
    for value in data.labels:
        _check_mask_value(f"label {value}", value)
    _check_distinct("channels", data.channels)
    _check_distinct("labels", data.labels)
    for name, values in data.conditions.items():
        _check_distinct(f"condition {name}", values)


def _check_mask_value(name: str, value: int) -> None:
    if not 0 <= value <= MAX_MASK_VALUE:
        raise DataError(f"{name} of value {_shorten(value)}", expected=f"0 to {MAX_MASK_VALUE}")


def _check_distinct(name: str, values: Iterable[object]) -> None:
    listed = list(values)
    if not listed or len(set(listed)) < len(listed):
        raise DataError(f"{name}: {len(listed)} of them", expected="at least one, each once")


def _check_crop_record(record: TrainingCropRecord, config: GANConfig) -> None:
    _check_codes(record.codes, [len(values) for values in config.data.conditions.values()])
    if len(record.numbers) != len(config.data.numbers):
        raise DataError(f"a crop record of {len(record.numbers)} numbers", expected=f"{len(config.data.numbers)}")
    vectors = (record.spacing, record.source_size, record.centre)
    if any(len(vector) != config.network.spatial_dims for vector in vectors):
        raise DataError("a crop record of other dimensions", expected=f"{config.network.spatial_dims} of each")
    if not all(0 < edge < math.inf for edge in record.spacing):
        raise DataError(f"a crop record of spacing {record.spacing}", expected="positive numbers")
    if not all(0 <= edge < 2**31 for edge in record.source_size):
        raise DataError(f"a crop record of source_size {_shorten(record.source_size)}", expected="0 or more")
    numbers = (*record.centre, record.radius_mm, record.depth, *record.numbers)
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise DataError("a crop record with what is no number", expected="finite numbers")
    if record.radius_mm < 0:
        raise DataError(f"a crop record of radius_mm {record.radius_mm:g}", expected="0 or more")


def _check_codes(codes: tuple[int, ...], value_counts: list[int]) -> None:
    is_valid = len(codes) == len(value_counts)
    if is_valid:
        is_valid = all(-1 <= code < count for code, count in zip(codes, value_counts, strict=True))
    if not is_valid:
        counts = _shorten(tuple(value_counts))
        expected = f"{len(value_counts)} codes, each -1 or one of {counts} values"
        raise DataError(f"a crop record of conditions {_shorten(codes)}", expected=expected)


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[: MAX_SHOWN_CHARACTERS - 3]}…"
