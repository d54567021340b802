"""Transforms for training pipelines: the classic augmentations per domain."""

from domaingan.transforms.classic import Classic

__all__ = ["Classic"]
