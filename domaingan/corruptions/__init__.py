"""The named corruptions: the 15 degradations of ImageNet-C for pictures of any size.

The room is also its main function: ``domaingan.corrupt(image, "fog", severity=3, seed=0)`` is
:func:`domaingan.corruptions.apply.corrupt`.
"""

import sys
from types import ModuleType
from typing import Any

from domaingan.corruptions.apply import CORRUPTIONS, GROUPS, SEVERITIES, corrupt, expand_names
from domaingan.corruptions.base import Corruption

__all__ = ["CORRUPTIONS", "GROUPS", "SEVERITIES", "Corruption", "corrupt", "expand_names"]


class _Room(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return corrupt(*arguments, **options)


# Importing a subpackage binds its name in the package, over any function of that name: so it must be both.
sys.modules[__name__].__class__ = _Room
