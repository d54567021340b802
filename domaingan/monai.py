"""Paste and relight as dictionary transforms of MONAI (https://monai.io, 1.5 and later)::

    train = Compose(
        [
            LoadImaged(["image", "label"]),
            EnsureChannelFirstd(["image", "label"]),
            dg.monai.RandPasted(["image", "label"], "banks/lesions", prob=0.5),
            RandFlipd(["image", "label"], prob=0.5),
        ]
    ).set_random_state(0)

They do what :class:`domaingan.blend.Paste` and :class:`domaingan.blend.Relight` do.
"""

from domaingan.integrations.monai.monai_paste import RandPasteD, RandPasted, RandPasteDict
from domaingan.integrations.monai.monai_relight import RandRelightD, RandRelightd, RandRelightDict

__all__ = ["RandPasteD", "RandPasteDict", "RandPasted", "RandRelightD", "RandRelightDict", "RandRelightd"]
