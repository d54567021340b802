"""The corruptions by name, and the one function that applies them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domaingan.core.errors import DataError
from domaingan.corruptions.base import Corruption, Pixels
from domaingan.corruptions.blur import BLUR_CORRUPTIONS
from domaingan.corruptions.digital import DIGITAL_CORRUPTIONS
from domaingan.corruptions.noise import NOISE_CORRUPTIONS
from domaingan.corruptions.weather import WEATHER_CORRUPTIONS

_CORRUPTIONS_BY_GROUP: Final[dict[str, tuple[Corruption[Any], ...]]] = {
    "noise": NOISE_CORRUPTIONS,
    "blur": BLUR_CORRUPTIONS,
    "weather": WEATHER_CORRUPTIONS,
    "digital": DIGITAL_CORRUPTIONS,
}


def _collect_corruptions() -> dict[str, Corruption[Any]]:
    collected = {}
    for group in _CORRUPTIONS_BY_GROUP.values():
        for corruption in group:
            collected[corruption.name] = corruption
    return collected


def _collect_groups() -> dict[str, tuple[str, ...]]:
    groups = {}
    for name, members in _CORRUPTIONS_BY_GROUP.items():
        groups[name] = tuple(corruption.name for corruption in members)
    return groups


CORRUPTIONS: Final[dict[str, Corruption[Any]]] = _collect_corruptions()
"""The corruptions by name, those of ImageNet-C in its order."""

GROUPS: Final[dict[str, tuple[str, ...]]] = _collect_groups()
"""Names by group: noise, blur, weather, digital."""

SEVERITIES: Final = (1, 2, 3, 4, 5)

MIN_SIDE = 32
"""The smallest side, in pixels, for which the published radii make sense."""

MAX_CHANNELS = 4
"""The most channels that an image may have."""

RANGE_TOLERANCE = 1e-3
"""Float images may lie outside [0, 1] by this much."""


def corrupt(image: NDArray[Any], name: str, severity: int, seed: int | Sequence[int]) -> NDArray[Any]:
    """Corrupt a copy of an image, with the corruptions of ImageNet-C at their published strength.

    Hendrycks & Dietterich (2019), https://arxiv.org/abs/1903.12261; for pictures of any size as Michaelis et al.
    (2019), https://arxiv.org/abs/1907.07484, apply them to detection: lengths stay in pixels.

    Args:
        image: ``(C, H, W)`` floats in [0, 1], or ``(H, W, C)`` uint8; 1 to 4 channels, three are RGB, at least
            32 pixels a side. It is not changed.
        name: one of :data:`CORRUPTIONS`.
        severity: 1 (mild) to 5.
        seed: seed of every random draw; the same seed gives the same bytes. A sequence mixes several
            numbers: ``(seed, index)`` for the pictures of a data set.

    Returns:
        An array of the same shape, type and layout, in the same range.

    Raises:
        DataError: there is no such corruption or severity, or the image has another shape, type or range.

    >>> corrupt(np.full((40, 60, 3), 99, np.uint8), "fog", severity=3, seed=0).shape
    (40, 60, 3)
    """
    if name not in CORRUPTIONS:
        raise DataError(f"no corruption {name!r}", expected=f"one of {', '.join(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise DataError(f"no severity {severity!r}", expected="1, 2, 3, 4 or 5")
    _check_image(image)
    severity = int(severity)
    corruption = CORRUPTIONS[name]
    if image.dtype == np.uint8 and corruption.apply_bytes is not None:
        return corruption.apply_bytes(image, corruption.levels[severity - 1])
    corrupted = corruption(_to_pixels(image), severity, np.random.default_rng(seed))
    return _restore_image_format(image, np.clip(corrupted, 0, 1))


def expand_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Expand names of corruptions and groups.

    Args:
        names: a list, or a text with commas. The name of a group stands for all of its corruptions, and ``all`` for
            all there are.

    Returns:
        Names of corruptions, each once.

    Raises:
        DataError: one of them is no corruption, or there are none.

    >>> expand_names("fog, noise")
    ('fog', 'gaussian_noise', 'shot_noise', 'impulse_noise')
    """
    words = names.split(",") if isinstance(names, str) else list(names)
    groups = {**GROUPS, "all": tuple(CORRUPTIONS)}
    expanded: list[str] = []
    for word in words:
        word = word.strip()
        if word in groups:
            expanded += groups[word]
        elif word in CORRUPTIONS:
            expanded.append(word)
        else:
            raise DataError(f"no corruption {word!r}", expected=f"some of {', '.join(CORRUPTIONS)}")
    if not expanded:
        raise DataError("no corruptions", expected=f"some of {', '.join(CORRUPTIONS)}")
    return tuple(dict.fromkeys(expanded))


def _check_image(image: Any) -> None:
    """Refuse an image of another shape or type."""
    if not isinstance(image, np.ndarray):
        raise DataError(f"an image that is a {type(image).__name__}", expected="a NumPy array")
    is_float = np.issubdtype(image.dtype, np.floating)
    is_image = image.ndim == 3 and (is_float or image.dtype == np.uint8)
    if is_image:
        channels = image.shape[0 if is_float else -1]
        sides = image.shape[1:] if is_float else image.shape[:2]
        is_image = 1 <= channels <= MAX_CHANNELS and min(sides) >= MIN_SIDE
    if not is_image:
        expected = f"(C, H, W) floats or (H, W, C) uint8, 1 to 4 channels, at least {MIN_SIDE} pixels a side"
        raise DataError(f"an image {image.shape} of {image.dtype}", expected=expected)


def _to_pixels(image: NDArray[Any]) -> Pixels:
    """Copy an image to a new ``(H, W, C)`` array in [0, 1]."""
    if image.dtype == np.uint8:
        return np.divide(image, np.float32(255), dtype=np.float32)
    low, high = float(image.min()), float(image.max())
    is_in_range = low >= -RANGE_TOLERANCE and high <= 1 + RANGE_TOLERANCE  # false for NaN
    if not is_in_range:
        raise DataError(f"values from {low:g} to {high:g}", expected="an image in [0, 1]")
    channels_last = np.moveaxis(image, 0, -1)
    return np.array(channels_last.clip(0, 1), dtype=np.float32, order="C")


def _restore_image_format(original: NDArray[Any], pixels: Pixels) -> NDArray[Any]:
    """Bring pixels to the layout and the type of the original image."""
    if original.dtype == np.uint8:
        return np.rint(pixels * np.float32(255)).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0), dtype=original.dtype)
