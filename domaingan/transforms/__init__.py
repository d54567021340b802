"""Transforms for training pipelines: the classic augmentations per domain, and whole datasets augmented offline."""

from domaingan.transforms.classic import LEVELS, Classic
from domaingan.transforms.interpolation import Interpolation
from domaingan.transforms.offline import Offline
from domaingan.transforms.preview import find_added, preview
from domaingan.transforms.weather import Weather

__all__ = ["LEVELS", "Classic", "Interpolation", "Offline", "Weather", "find_added", "preview"]
