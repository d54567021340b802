"""The cells of :mod:`paste_outcome`: ways to paste that differ from a base in one setting each."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields
from typing import Any

from domaingan import Paste
from domaingan.augmentation import Classic
from domaingan.banks import Bank
from domaingan.baselines.training_augmentation import PASTE_SHARE, TrainingAugmentation
from domaingan.blend.variation import Variation
from domaingan.data import Schema


@dataclass(frozen=True)
class PasteCell:
    """One way to paste: what differs from :data:`BASE`, whose every setting is written out so that it stays the same.

    Attributes:
        paste: arguments of :class:`domaingan.Paste`.
        variation: fields of :class:`domaingan.blend.variation.Variation`.
        share: share of the images that are pasted into; 0 for the classic pipeline alone.
    """

    paste: dict[str, Any] = field(default_factory=dict)
    variation: dict[str, Any] = field(default_factory=dict)
    share: float = PASTE_SHARE

    def list_missing(self) -> list[str]:
        """The settings that the installed package does not take."""
        return [name for name in (*self.paste, *self.variation) if name not in PASTE_SETTINGS | VARIATION_SETTINGS]

    def settings(self) -> dict[str, Any]:
        """What it does, written out."""
        if not self.share:
            return {"share": 0.0}
        given = BASE_CELL.paste | self.paste | BASE_CELL.variation | self.variation
        return {name: value for name, value in given.items() if name in PASTE_SETTINGS | VARIATION_SETTINGS} | {
            "share": self.share
        }

    def make_augmentation(self, bank: Bank, schema: Schema) -> TrainingAugmentation:
        """The arm."""
        classic, settings = Classic(schema.spatial_dims, schema.domain), self.settings()
        if not self.share:
            return TrainingAugmentation(classic=classic)
        variation = Variation(**{name: value for name, value in settings.items() if name in VARIATION_SETTINGS})
        paste = {name: value for name, value in settings.items() if name in PASTE_SETTINGS}
        made = Paste(bank, variation=variation, schema=schema, **paste)
        return TrainingAugmentation({"copy-paste": made}, classic=classic, paste_share=self.share)


PASTE_SETTINGS = set(inspect.signature(Paste).parameters) - {"bank", "variation", "schema"}
VARIATION_SETTINGS = {one.name for one in fields(Variation)}

BASE_CELL = PasteCell(
    {"method": "feather", "per_image": (1, 3), "placement": "uniform"},
    {
        **{"flip": True, "rotate": 180.0, "scale": (0.8, 1.25), "contrast": (1.0, 1.0)},
        **{"elastic": 0.0, "width": None, "order": 3},
    },
)

CELLS = {
    "classic": PasteCell(share=0.0),
    "base": PasteCell(),
    "poisson": PasteCell({"method": "poisson"}),
    "feather-noise": PasteCell({"method": "feather+noise"}),
    "poisson-noise": PasteCell({"method": "poisson+noise"}),
    "contrast": PasteCell(variation={"contrast": (0.5, 1.5)}),
    "one": PasteCell({"per_image": (1, 1)}),
    "one-to-five": PasteCell({"per_image": (1, 5)}),
    "prior": PasteCell({"placement": "prior"}),
    "elastic": PasteCell(variation={"elastic": 0.3}),
    "every-image": PasteCell(share=1.0),
    "width": PasteCell(variation={"width": (1, 5)}),
}
"""The table's rows, by name."""
