"""Measure whether it helps: arms and seeds on a held-out split, with intervals."""

from domaingan.evaluation.api import evaluate
from domaingan.evaluation.arms import Arm, parse_arms
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold, make_folds

__all__ = ["Arm", "EvaluationConfig", "Fold", "evaluate", "make_folds", "parse_arms"]
