"""The named corruptions: the 15 degradations of ImageNet-C for pictures of any size."""

from domaingan.corruptions.apply import CORRUPTIONS, GROUPS, SEVERITIES, corrupt, expand_names
from domaingan.corruptions.base import Corruption

__all__ = ["CORRUPTIONS", "GROUPS", "SEVERITIES", "Corruption", "corrupt", "expand_names"]
