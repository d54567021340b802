"""The look of a scene given to an image: its colour statistics, its histogram or its low frequencies.

A look is a small class. It is shown the image at the scene's own resolution beside the scene, and changes the whole
image by what differs between those two: so small scenes and large frames meet on equal terms, and an image that has
the scene's look already stays what it is.
"""

from __future__ import annotations

from domaingan.blend.looks.fda import FDA
from domaingan.blend.looks.histogram import HistogramLook, LightnessHistogram
from domaingan.blend.looks.look_input import Look, LookInput, soften_range
from domaingan.blend.looks.reinhard import Reinhard, ReinhardPerClass
from domaingan.core.errors import DataError
from domaingan.data import Domain

LookTypes = dict[
    str, type[Reinhard] | type[HistogramLook] | type[LightnessHistogram] | type[FDA] | type[ReinhardPerClass]
]

FRAME_LOOKS: LookTypes = {"reinhard": Reinhard, "histogram": LightnessHistogram, "fda": FDA, "lut": ReinhardPerClass}
"""The looks of frames by name."""

SCAN_LOOKS: LookTypes = {"histogram": HistogramLook, "fda": FDA}
"""Those of scans, which have neither colours nor classes."""

MIX = "mix"
"""One of the others each time, drawn at random."""


def parse_looks(method: str, domain: Domain, has_masks: bool) -> dict[str, Look]:
    """What a method's name stands for: one look, or of ``mix`` all there are for such scenes.

    Args:
        method: ``reinhard``, ``histogram``, ``fda``, ``lut`` or ``mix``; ``fda:0.01`` sets its β.
        domain: of the scenes.
        has_masks: whether the scenes have class masks, which ``lut`` needs.

    Raises:
        DataError: no such method for such scenes, or a β that is none.
    """
    known = FRAME_LOOKS if domain.is_rgb else SCAN_LOOKS
    name, _, beta = method.partition(":")
    if name not in (*known, MIX):
        kind = "" if domain.is_rgb else " of scans"
        raise DataError(f"no method {method!r} for scenes{kind}", expected=f"one of {', '.join([*known, MIX])}")
    if name == "lut" and not has_masks:
        raise DataError("scenes without masks", expected="a bank of labelled frames' scenes, for lut")
    if beta:
        return {method: FDA(_parse_beta(name, beta))}
    chosen = known if name == MIX else [name]
    return {name: known[name]() for name in chosen if name != "lut" or has_masks}


def _parse_beta(name: str, text: str) -> float:
    try:
        beta = float(text)
    except ValueError:
        beta = -1.0
    if name != "fda" or not 0 <= beta <= 0.5:
        raise DataError(f"method {name}:{text}", expected="fda:BETA, a number from 0 to 0.5")
    return beta


__all__ = ["FRAME_LOOKS", "MIX", "SCAN_LOOKS", "LightnessHistogram", "Look", "LookInput", "parse_looks", "soften_range"]
