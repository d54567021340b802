"""Blending what a bank holds into real images."""

from domaingan.blend.paste import Paste
from domaingan.blend.variation import Variation

__all__ = ["Paste", "Variation"]
