"""Transforms for training pipelines: the classic augmentations per domain, and whole datasets augmented offline."""

from domaingan.augmentation.classic import CLASSIC_LEVELS, Classic
from domaingan.augmentation.mixup import BatchMixing
from domaingan.augmentation.offline.augmented_dataset import AugmentedDataset
from domaingan.augmentation.offline.blend_preview import draw_preview, find_added
from domaingan.augmentation.synthetic_weather import Weather

__all__ = ["CLASSIC_LEVELS", "AugmentedDataset", "BatchMixing", "Classic", "Weather", "draw_preview", "find_added"]
