"""Paste and relight inside the pipelines of albumentations and MONAI."""
