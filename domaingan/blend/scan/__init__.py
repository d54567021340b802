"""Pasting into scans and slices."""
