"""Paste and relight as transforms of albumentations (https://albumentations.ai, 2.0)::

    train = A.Compose(
        [dg.albumentations.Paste("banks/people", classes="data/classes.json"), A.HorizontalFlip()],
        bbox_params=A.BboxParams("coco", label_fields=["category"]),
        seed=0,
    )
    train(image=image, mask=mask, bboxes=boxes, category=names)

They do what :class:`domaingan.blend.Paste` and :class:`domaingan.blend.Relight` do. ``A.load`` and ``A.from_dict`` know
them once this module has been imported.
"""

from domaingan.integrations.albumentations.albumentations_paste import Paste
from domaingan.integrations.albumentations.albumentations_relight import Relight

__all__ = ["Paste", "Relight"]
