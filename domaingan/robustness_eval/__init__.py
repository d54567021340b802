"""How does a model hold up: anyone's detector or segmenter on corrupted frames.

The room is also its main function: ``domaingan.robustness(data, "onnx:detector.onnx")`` is
:func:`domaingan.robustness_eval.run_robustness.robustness`.
"""

import sys
from types import ModuleType
from typing import Any

from domaingan.robustness_eval.model_specs import open_model
from domaingan.robustness_eval.model_under_test import Answer, Model, Picture
from domaingan.robustness_eval.run_robustness import robustness

__all__ = ["Answer", "Model", "Picture", "open_model", "robustness"]


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        return robustness(*arguments, **options)


# Importing a subpackage binds its name in the package, over any function of that name: so it must be both.
sys.modules[__name__].__class__ = _Room
