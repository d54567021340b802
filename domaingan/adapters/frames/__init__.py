"""Frames on disk: picture files, and the layout ``masks``."""
