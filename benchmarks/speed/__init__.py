"""How fast: ratios beside named peers, measured in turns in one run."""
