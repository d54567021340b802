"""The look of a scene given to an image: its colour statistics, its histogram or its low frequencies.

A look is a small class. It is shown the image at the scene's own resolution beside the scene, and changes the whole
image by what differs between those two: so small scenes and large frames meet on equal terms, and an image that has
the scene's look already stays what it is.
"""

from __future__ import annotations

from domaingan.blend.looks.fda import FDA
from domaingan.blend.looks.histogram import Histogram, Tones
from domaingan.blend.looks.look_input import Look, Seen, softened
from domaingan.blend.looks.reinhard import ClassColours, Reinhard
from domaingan.core.errors import DataError
from domaingan.data import Domain

Kinds = dict[str, type[Reinhard] | type[Histogram] | type[Tones] | type[FDA] | type[ClassColours]]

RELIGHTS: Kinds = {"reinhard": Reinhard, "histogram": Tones, "fda": FDA, "lut": ClassColours}
"""The looks of frames by name."""

OF_SCANS: Kinds = {"histogram": Histogram, "fda": FDA}
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
    known = RELIGHTS if domain.is_rgb else OF_SCANS
    name, _, beta = method.partition(":")
    if name not in (*known, MIX):
        kind = "" if domain.is_rgb else " of scans"
        raise DataError(f"no method {method!r} for scenes{kind}", expected=f"one of {', '.join([*known, MIX])}")
    if name == "lut" and not has_masks:
        raise DataError("scenes without masks", expected="a bank of labelled frames' scenes, for lut")
    if beta:
        return {method: FDA(_beta(name, beta))}
    chosen = known if name == MIX else [name]
    return {name: known[name]() for name in chosen if name != "lut" or has_masks}


def _beta(name: str, text: str) -> float:
    try:
        beta = float(text)
    except ValueError:
        beta = -1.0
    if name != "fda" or not 0 <= beta <= 0.5:
        raise DataError(f"method {name}:{text}", expected="fda:BETA, a number from 0 to 0.5")
    return beta


__all__ = ["MIX", "OF_SCANS", "RELIGHTS", "Look", "Seen", "Tones", "parse_looks", "softened"]
