"""Paste and relight as dictionary transforms of MONAI."""
