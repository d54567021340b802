"""Blending methods by name, and what a crop can take over from its host before.

A method is a :class:`~domaingan.blend.methods.base.BlendMethod` in a file of its own. A new one gets one line in
:data:`METHODS`: then :class:`domaingan.blend.Paste`, saved pipelines, evaluations and ``domaingan blend --method`` know
it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from domaingan.blend.methods.alpha import Alpha
from domaingan.blend.methods.base import BlendMethod
from domaingan.blend.methods.feather import Feather
from domaingan.blend.methods.laplacian import Laplacian
from domaingan.blend.methods.matching import HistogramMatch, Match, NoiseMatch
from domaingan.blend.methods.poisson import Poisson
from domaingan.blend.methods.soft import Soft

METHODS: dict[str, Callable[[], BlendMethod]] = {
    "alpha": Alpha,
    "feather": Feather,
    "soft": Soft,
    "laplacian": Laplacian,
    "poisson": Poisson,
    "poisson-mixed": partial(Poisson, is_mixed=True),
}
"""The blending methods by name."""

MATCHES: dict[str, Callable[[], Match]] = {"histogram": HistogramMatch, "noise": NoiseMatch}
"""What a crop can take over from its host before it is mixed in, by name: ``feather+noise``."""
