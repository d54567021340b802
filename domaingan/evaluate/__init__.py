"""Does it help: arms and seeds on a held-out split, with intervals.

The room is also its main function: ``domaingan.evaluate(data, arms=…)`` is :func:`domaingan.evaluate.api.evaluate`.
"""

import sys
from types import ModuleType
from typing import Any

from domaingan.evaluate.api import evaluate
from domaingan.evaluate.arms import Arm, parse_arms
from domaingan.evaluate.config import EvaluationConfig
from domaingan.evaluate.split import Fold, folds

__all__ = ["Arm", "EvaluationConfig", "Fold", "evaluate", "folds", "parse_arms"]


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return evaluate(*arguments, **options)


# Importing a subpackage binds its name in the package, over any function of that name: so it must be both.
sys.modules[__name__].__class__ = _Room
