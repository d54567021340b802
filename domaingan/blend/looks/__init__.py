"""The look of a scene given to an image: its colour statistics, its histogram or its low frequencies.

A look is a small class (:class:`~domaingan.blend.looks.look_input.Look`). It gets the image, the same image at the
scene's resolution, and the scene. It changes the whole image by what differs between the last two. So small scenes and
large frames are compared at one resolution, and an image that has the scene's look already stays as it is.

To add a look, write it in a file of its own and name it in :data:`FRAME_LOOKS` or :data:`SCAN_LOOKS`.
"""

from __future__ import annotations

from collections.abc import Callable

from domaingan.blend.looks.fda import FDA
from domaingan.blend.looks.histogram import HistogramLook, LightnessHistogram
from domaingan.blend.looks.look_input import Look, LookInput, soften_range
from domaingan.blend.looks.reinhard import Reinhard, ReinhardPerClass
from domaingan.core.errors import DataError
from domaingan.data import Domain

LookTypes = dict[str, Callable[[], Look]]

PER_CLASS = "reinhard-per-class"
"""The look that needs class masks of hosts and scenes."""

FRAME_LOOKS: LookTypes = {
    "reinhard": Reinhard,
    "histogram": LightnessHistogram,
    "fda": FDA,
    PER_CLASS: ReinhardPerClass,
}
"""The looks of frames by name."""

SCAN_LOOKS: LookTypes = {"histogram": HistogramLook, "fda": FDA}
"""The looks of scans, which have neither colours nor classes, by name."""

MIX = "mix"
"""One of the other looks each time, drawn at random."""

RENAMED_LOOKS = {"lut": PER_CLASS}
"""Names of release 0.1, and what the looks are called now."""


def is_look_name(method: str) -> bool:
    """Whether a method's name, such as ``fda:0.01``, is that of a look; former names are, too."""
    name = method.partition(":")[0]
    return name in (*FRAME_LOOKS, *SCAN_LOOKS, MIX, *RENAMED_LOOKS)


def parse_looks(method: str, domain: Domain, has_masks: bool) -> dict[str, Look]:
    """Build what a method's name stands for: one look, or for ``mix`` all that such scenes can give.

    Args:
        method: ``reinhard``, ``histogram``, ``fda``, ``reinhard-per-class`` or ``mix``. ``fda:0.01`` sets its β.
        domain: of the scenes.
        has_masks: whether the scenes have class masks, which ``reinhard-per-class`` needs.

    Returns:
        The looks by name.

    Raises:
        DataError: there is no such method for such scenes, or β is no number from 0 to 0.5.
    """
    known = FRAME_LOOKS if domain.is_rgb else SCAN_LOOKS
    name, _, beta = method.partition(":")
    if name in RENAMED_LOOKS:
        raise DataError(f"method {name!r}, which has a new name", expected=RENAMED_LOOKS[name])
    if name not in (*known, MIX):
        scenes = "scenes" if domain.is_rgb else "scenes of scans"
        raise DataError(f"no method {method!r} for {scenes}", expected=f"one of {', '.join([*known, MIX])}")
    if name == PER_CLASS and not has_masks:
        raise DataError("scenes without masks", expected=f"a bank of labelled frames' scenes, for {PER_CLASS}")
    if beta:
        return {method: FDA(_parse_beta(name, beta))}
    names = [name]
    if name == MIX:
        names = [look for look in known if look != PER_CLASS or has_masks]
    return {look: known[look]() for look in names}


def _parse_beta(name: str, text: str) -> float:
    """Read the β of ``fda:BETA``."""
    try:
        beta = float(text)
    except ValueError:
        beta = -1.0
    if name != "fda" or not 0 <= beta <= 0.5:
        raise DataError(f"method {name}:{text}", expected="fda:BETA, a number from 0 to 0.5")
    return beta


__all__ = [
    "FRAME_LOOKS",
    "MIX",
    "PER_CLASS",
    "SCAN_LOOKS",
    "LightnessHistogram",
    "Look",
    "LookInput",
    "is_look_name",
    "parse_looks",
    "soften_range",
]
