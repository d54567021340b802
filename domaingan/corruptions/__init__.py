"""The named corruptions: degradations of pictures of any size, those of ImageNet-C among them."""

from domaingan.corruptions.apply import CORRUPTIONS, GROUPS, SEVERITIES, corrupt, expand_names
from domaingan.corruptions.base import Corruption

__all__ = ["CORRUPTIONS", "GROUPS", "SEVERITIES", "Corruption", "corrupt", "expand_names"]
