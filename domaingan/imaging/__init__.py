"""Measures on one image or mask: body, intensity, regions, instances, horizon, shapes."""
