"""Pasting into frames."""
