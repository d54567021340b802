"""Backbones of the baselines for frames: timm models, with ImageNet weights where there are any."""

from __future__ import annotations

from dataclasses import dataclass

from domaingan.core.timm_weights import WEIGHT_PACKAGES, TimmModel


@dataclass(frozen=True)
class Backbone(TimmModel):
    """A timm model as the baselines' encoder."""

    def describe(self) -> str:
        """What it is and where its weights come from, for a report."""
        text = f"The baselines' encoder is timm's {self.name} with {self.weights_source}"
        if self.has_weights:
            return f"{text}."
        return f"{text} (the extra domaingan[pretrained] brings ImageNet weights for {', '.join(WEIGHT_PACKAGES)})."
