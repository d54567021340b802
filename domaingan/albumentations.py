"""Paste and relight as transforms of albumentations; see :mod:`domaingan.integrations.albumentations`."""

from domaingan.integrations.albumentations.albumentations_transforms import Paste, Relight

__all__ = ["Paste", "Relight"]
