"""What goes wrong in front of and inside a camera: fifteen corruptions at five severities.

Noise, blur, weather and digital corruptions with the parameters of ImageNet-C (Hendrycks & Dietterich 2019,
arXiv:1903.12261), for images of any size and shape (as Michaelis et al. 2019, arXiv:1907.07484).

The room is also its main function: ``domaingan.corrupt(image, "fog", 3, seed=0)`` is :func:`corrupt`.
"""

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.corrupt.blur import BLUR
from domaingan.corrupt.digital import DIGITAL
from domaingan.corrupt.kind import SEVERITIES, Corruption, Pixels
from domaingan.corrupt.noise import NOISE
from domaingan.corrupt.weather import WEATHER
from domaingan.errors import DataError

__all__ = ["CORRUPTIONS", "GROUPS", "SEVERITIES", "Corruption", "check", "corrupt"]

CORRUPTIONS: dict[str, Corruption] = {**NOISE, **BLUR, **WEATHER, **DIGITAL}
"""Name → corruption with its table of severities, in the published order."""

GROUPS: dict[str, tuple[str, ...]] = {
    "noise": tuple(NOISE),
    "blur": tuple(BLUR),
    "weather": tuple(WEATHER),
    "digital": tuple(DIGITAL),
}
"""Group → names."""

_SMALLEST = 32


def corrupt(image: NDArray[Any], name: str, severity: int, seed: int = 0) -> NDArray[Any]:
    """A corrupted copy of an image: the same seed gives the same copy.

    Args:
        image: (3, H, W) float32 RGB in [0, 1], or (H, W, 3) uint8 RGB; both edges at least 32 pixels.
        name: one of :data:`CORRUPTIONS`.
        severity: 1 to 5.
        seed: of :func:`numpy.random.default_rng`.

    Returns:
        The copy, in the image's shape, type and range.

    Raises:
        DataError: an unknown name or severity, or an image of another shape or type.
    """
    if name not in CORRUPTIONS:
        raise DataError(f"no such corruption {name!r}", expected=", ".join(CORRUPTIONS))
    if severity not in SEVERITIES:
        raise DataError(f"severity {severity}", expected="1 to 5")
    whole = image.dtype == np.uint8
    axis = 2 if whole else 0
    good = image.ndim == 3 and image.shape[axis] == 3 and (whole or image.dtype == np.float32)
    if not good or min(*image.shape[:axis], *image.shape[axis + 1 :]) < _SMALLEST:
        raise DataError(
            f"an image of shape {image.shape}, {image.dtype}",
            expected=f"(3, H, W) float32 or (H, W, 3) uint8, edges of {_SMALLEST} pixels or more",
        )
    pixels: Pixels = (
        np.divide(image, 255, dtype=np.float32) if whole else np.ascontiguousarray(image.transpose(1, 2, 0))
    )
    out = CORRUPTIONS[name](pixels, severity, np.random.default_rng(seed))
    if whole:
        return np.rint(out * np.float32(255)).astype(image.dtype)
    return np.ascontiguousarray(out.transpose(2, 0, 1))


def check(text: str) -> tuple[str, ...]:
    """The names in a comma list of corruptions and groups, each once ("fog,noise"); "all" is all fifteen.

    Raises:
        DataError: an unknown name.

    >>> check("fog,noise")
    ('fog', 'gaussian_noise', 'shot_noise', 'impulse_noise')
    """
    names: dict[str, None] = {}
    for word in (part.strip() for part in text.split(",")):
        if word not in CORRUPTIONS and word not in GROUPS and word != "all":
            raise DataError(f"no such corruption {word!r}", expected=", ".join([*CORRUPTIONS, *GROUPS, "all"]))
        names.update(dict.fromkeys(CORRUPTIONS if word == "all" else GROUPS.get(word, (word,))))
    return tuple(names)


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> NDArray[Any]:
        return corrupt(*arguments, **options)


# Importing a subpackage binds its name in the package, over any function of that name: so it must be both.
sys.modules[__name__].__class__ = _Room
