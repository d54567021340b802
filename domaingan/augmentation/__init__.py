"""Transforms for training pipelines: the classic augmentations per domain, and whole datasets augmented offline."""

from domaingan.augmentation.classic import LEVELS, Classic
from domaingan.augmentation.mixup import Interpolation
from domaingan.augmentation.offline.augmented_dataset import Offline
from domaingan.augmentation.offline.blend_preview import find_added, preview
from domaingan.augmentation.synthetic_weather import Weather

__all__ = ["LEVELS", "Classic", "Interpolation", "Offline", "Weather", "find_added", "preview"]
