"""Whole datasets, augmented on disk."""
