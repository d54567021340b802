"""Trained baselines on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from domaingan.baselines.weights import load_model, load_weights, read_metadata, save_model
from domaingan.core.errors import DataError


def test_save_then_load_is_identity(tmp_path: Path) -> None:
    layer = torch.nn.Linear(3, 2)
    save_model(tmp_path / "a.safetensors", layer.state_dict(), "segmentation", {"patch": (64, 64)})
    state, metadata = load_model(tmp_path / "a.safetensors", "segmentation")
    other = torch.nn.Linear(3, 2)
    load_weights(other, state, tmp_path / "a.safetensors")
    assert torch.equal(other.weight, layer.weight) and metadata["patch"] == [64, 64]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(DataError, match="no such file"):
        read_metadata(path)
    path.write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be read"):
        read_metadata(path)
    layer = torch.nn.Linear(3, 2)
    save_model(path, layer.state_dict(), "detection", {})
    with pytest.raises(DataError, match="a model for detection; expected segmentation"):
        load_model(path, "segmentation")
    with pytest.raises(DataError, match="not the weights"):
        load_weights(torch.nn.Linear(4, 2), layer.state_dict(), path)
