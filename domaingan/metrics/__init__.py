"""How good predictions and generated images are: scores, statistics, fidelity."""
