"""Does it help: arms and seeds on a held-out split, with intervals.

The room is also its main function: ``domaingan.evaluate(data, arms=…)`` is :func:`domaingan.evaluation.api.evaluate`.
"""

import sys
from types import ModuleType
from typing import Any

from domaingan.evaluation.api import evaluate
from domaingan.evaluation.arms import Arm, parse_arms
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.split import Fold, make_folds

__all__ = ["Arm", "EvaluationConfig", "Fold", "evaluate", "make_folds", "parse_arms"]


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return evaluate(*arguments, **options)


# Importing a subpackage binds its name in the package, over any function of that name: so it must be both.
sys.modules[__name__].__class__ = _Room
