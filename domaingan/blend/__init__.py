"""Blending what a bank holds into real images."""

from domaingan.blend.looks import FRAME_LOOKS
from domaingan.blend.paste import Paste
from domaingan.blend.relight import Relight, find_conditions_of_looks
from domaingan.blend.variation import Variation

__all__ = ["FRAME_LOOKS", "Paste", "Relight", "Variation", "find_conditions_of_looks"]
