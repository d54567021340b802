"""Blending what a bank holds into real images."""

from domaingan.blend.looks import RELIGHTS
from domaingan.blend.paste import Paste
from domaingan.blend.relight import Relight, looks_named
from domaingan.blend.variation import Variation

__all__ = ["RELIGHTS", "Paste", "Relight", "Variation", "looks_named"]
