"""Timings, quality and outcome tables beside named peers: ``python -m benchmarks.speed.poisson_speed``."""
