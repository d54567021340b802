"""How a training runs: where it writes, and how often. Nothing here changes the weights that it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHECKPOINT_EVERY = 100
EVAL_EVERY = 500


@dataclass(frozen=True)
class TrainingRunOptions:
    """Where a training writes, and how often.

    Attributes:
        out: the model folder, or None to write nothing.
        resume: whether to continue the training that is there.
        overwrite: whether to replace the model that is there.
        checkpoint_every: steps between two checkpoints. There is always one after the last step.
        eval_every: steps between two measurements of KID and diversity; 0 for none.
        features: the features that these are measured on.
        tensorboard: whether rows of the log are written as TensorBoard events, too.
    """

    out: Path | None = None
    resume: bool = False
    overwrite: bool = False
    checkpoint_every: int = CHECKPOINT_EVERY
    eval_every: int = EVAL_EVERY
    features: str = "auto"
    tensorboard: bool = False
