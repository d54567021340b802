"""What ``domaingan inspect`` says of a bank or a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MODEL_FIELDS = (
    "kind", "domain", "spatial_dims", "size", "channels", "classes", "conditions", "numbers", "conditioning", "arch",
    "width", "depth", "loss", "steps", "crop_count", "licence", "source",
)  # fmt: skip
"""What a model's config says that a person wants to know first."""


def inspect_folder(path: Path) -> dict[str, Any] | None:
    """Describe a bank or a model folder; None where it is neither.

    Args:
        path: a folder.

    Returns:
        Its facts by name, ``layout`` (``bank`` or ``model``) first.

    Raises:
        DataError: it is one of them, and damaged.
    """
    if (path / "bank.json").exists():
        return _describe_bank(path)
    if (path / "weights.safetensors").exists() and (path / "config.json").exists():
        return _describe_model(path)
    return None


def _describe_bank(path: Path) -> dict[str, Any]:
    from domaingan.banks import Bank

    bank = Bank.load(path)
    info = bank.info
    bound = int((bank.entries["host"] >= 0).sum())
    return {
        "layout": "bank",
        "n": len(bank),
        "kind": info.kind,
        "generated": info.generated,
        "domain": info.domain.name,
        "spatial_dims": info.spatial_dims,
        "size": list(bank.size),
        "channels": info.channels,
        "classes": info.classes,
        "conditions": bank.count_conditions(),
        "numbers": info.numbers,
        "subjects": len(bank.subjects),
        "bound_to_hosts": bound,
        "left_out": info.left_out,
        "source": info.source,
        "problems": [],
    }


def _describe_model(path: Path) -> dict[str, Any]:
    from domaingan.gan import GAN

    gan = GAN.load(path)  # refuses what is damaged
    assert gan.config is not None
    stored = gan.config.model_dump(mode="json")
    fields = stored["network"] | stored["training"] | stored["data"] | stored["provenance"]
    facts = {name: fields[name] for name in MODEL_FIELDS}
    return {"layout": "model", **facts, "subjects": len(gan.config.provenance.subjects), "problems": []}
