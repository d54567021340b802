"""Datasets seen another way: volumes as their slices, images on other grids."""
