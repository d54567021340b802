"""Evaluation with a trainer of the user's own: datasets are exported, and what it predicted is scored."""
