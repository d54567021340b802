"""Relight as a dictionary transform of MONAI."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan import blend
from domaingan.banks import Bank
from domaingan.blend.looks import PER_CLASS
from domaingan.blend.relight import LookSelection
from domaingan.integrations.bank_and_classes import Classes, make_schema, open_bank_of_kind
from domaingan.integrations.host_images import relight_host
from domaingan.integrations.monai.image_metadata import read_image_info
from domaingan.integrations.monai.seeded_transform import SeededMapTransform
from domaingan.integrations.monai.tensors import add_record, convert_like, make_sample


class RandRelightd(SeededMapTransform):
    """Give frames or scans the look of scenes from a bank; all images of a call get the look of the same scene.

    Args:
        keys: of images ``(C, *spatial)``: frames (RGB, uint8 or floats in [0, 1]) or scans in any unit.
        bank: scenes, the folder they are in, or a folder of pictures, scans or labelled frames.
        method, strength, only: as in :class:`domaingan.blend.Relight`.
        classes: names of the label's values, for ``reinhard-per-class``, as in
            :class:`~domaingan.integrations.monai.monai_paste.RandPasted`; the bank's own unless given.
        label_key: of the label ``(1, *spatial)`` of class values; it is only read. ``reinhard-per-class`` needs it.
        meta_key: key in the data of a dictionary with more about the host: ``foreground`` and ``range`` of a scan, and
            ``condition``, a dictionary. A host that has the look already is left alone.
        prob: share of the images that are relit.
        allow_missing_keys: leave out the keys that are not there.

    Tensors, ``MetaTensor`` and arrays come back as they came. A ``MetaTensor`` then has ``meta["relit"]``, a JSON
    record of what was done. In scans nothing outside of the body changes.

    Raises:
        DataError: as :class:`domaingan.blend.Relight`, and for images and labels that do not fit.
    """

    __module__ = "domaingan.monai"  # pickled pipelines hold this name

    def __init__(
        self,
        keys: Sequence[Hashable] | Hashable,
        bank: Bank | str | Path,
        method: str | None = None,
        strength: float | Sequence[float] = (0.7, 1.0),
        only: LookSelection = None,
        classes: Classes = None,
        label_key: Hashable | None = None,
        meta_key: str = "meta",
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.bank = open_bank_of_kind(bank, "scenes")
        self.schema = make_schema(classes, self.bank)
        self.relight = blend.Relight(self.bank, method, strength, only, schema=self.schema)
        self.label_key, self.meta_key = label_key, meta_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Give all images the look of one scene, or leave them as they are.

        Args:
            data: with the images under ``keys``; it is not changed.

        Returns:
            A copy of the data with the new images.
        """
        result = dict(data)
        missing = self.find_missing_keys(result)
        present = [key for key in self.keys if key not in missing]
        if not present:
            return result
        self.start_item(result[present[0]])
        label = None
        if self.label_key is not None and PER_CLASS in self.relight.looks:
            label = data.get(self.label_key)
        for key in present:
            image = result[key]
            if not self._do_transform:
                result[key] = add_record(image, image, "relit", None)
                continue
            host_info = read_image_info(image, data, self.meta_key, self.bank.info.spatial_dims)
            host = make_sample(image, label, host_info, self.schema, self.bank.info, is_changed=False)
            after = relight_host(self.relight, host, self.seed)
            assert after.relight_result is not None
            new_image = convert_like(after.image, image)
            result[key] = add_record(new_image, image, "relit", after.relight_result.to_dict())
        return result


RandRelightD = RandRelightDict = RandRelightd
"""Names by which MONAI calls its dictionary transforms, too."""
