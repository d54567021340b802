"""Paste and relight as transforms of albumentations."""
