"""Paste and relight as MONAI's dictionary transforms; see :mod:`domaingan.integrations.monai_transforms`."""

from domaingan.integrations.monai_transforms import (
    RandPasteD,
    RandPasted,
    RandPasteDict,
    RandRelightD,
    RandRelightd,
    RandRelightDict,
)

__all__ = ["RandPasteD", "RandPasteDict", "RandPasted", "RandRelightD", "RandRelightDict", "RandRelightd"]
