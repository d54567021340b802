"""Features of ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import domaingan.metrics.fidelity.onnx_features as room
from domaingan.core.errors import DataError
from domaingan.metrics.fidelity.features import make_extractor

onnx = pytest.importorskip("onnx")


class Tiny(nn.Module):
    def __init__(self, channels: int = 3, dims: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = (nn.Conv2d if dims == 2 else nn.Conv3d)(channels, 4, 3, padding=1)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(x).relu().flatten(2).mean(2))


def exported(path: Path, network: Tiny, shape: tuple[int, ...], *, free: bool = False) -> Path:
    names = {0: "n", 2: "h", 3: "w"} if free else {0: "n"}
    with torch.no_grad():
        torch.onnx.export(
            network.eval(),
            (torch.rand(shape),),
            str(path),
            input_names=["x"],
            output_names=["scores"],
            dynamo=False,
            dynamic_axes={"x": names, "scores": {0: "n"}} if shape[0] > 1 else None,
        )
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return exported(tmp_path / "tiny.onnx", Tiny(), (2, 3, 16, 16))


def relu_of(path: Path) -> str:
    return next(node.output[0] for node in onnx.load(str(path)).graph.node if node.op_type == "Relu")


def test_an_output(tiny: Path, rng: np.random.Generator) -> None:
    images = rng.random((37, 3, 16, 16), dtype=np.float32)
    found = make_extractor(f"onnx:{tiny}:scores")
    with torch.no_grad():
        expected = Tiny()(torch.from_numpy(images)).numpy()
    assert found.name == "tiny.onnx, scores" and np.allclose(found(images), expected, atol=1e-5)
    assert found(rng.random((2, 2, 32, 32))).shape == (2, 4)  # two grey pictures, resized


def test_an_inner_tensor(tiny: Path, rng: np.random.Generator) -> None:
    images = rng.random((3, 3, 16, 16), dtype=np.float32)
    network = Tiny()
    with torch.no_grad():
        expected = network.conv(torch.from_numpy(images)).relu().mean((2, 3)).numpy()
    assert np.allclose(make_extractor(f"onnx:{tiny}:{relu_of(tiny)}")(images), expected, atol=1e-5)
    by_name = next(node.name for node in onnx.load(str(tiny)).graph.node if node.op_type == "Relu")
    assert np.allclose(make_extractor(f"onnx:{tiny}:{by_name}")(images), expected, atol=1e-5)


def test_a_fixed_batch_and_free_sizes(tmp_path: Path, rng: np.random.Generator) -> None:
    one = exported(tmp_path / "one.onnx", Tiny(1), (1, 1, 16, 16))
    assert make_extractor(f"onnx:{one}:scores")(rng.random((5, 3, 16, 16))).shape == (5, 6)
    free = exported(tmp_path / "free.onnx", Tiny(4), (2, 4, 16, 16), free=True)
    assert make_extractor(f"onnx:{free}:scores")(rng.random((5, 4, 40, 24))).shape == (5, 2)


def test_a_network_for_volumes(tmp_path: Path, rng: np.random.Generator) -> None:
    path = exported(tmp_path / "volumes.onnx", Tiny(1, 3), (2, 1, 8, 8, 8))
    assert make_extractor(f"onnx:{path}:scores", spatial_dims=3)(rng.random((3, 2, 16, 16, 16))).shape == (3, 4)
    with pytest.raises(DataError, match="expected one picture"):
        make_extractor(f"onnx:{path}:scores")
    flat = exported(tmp_path / "flat.onnx", Tiny(1), (2, 1, 8, 8))
    assert make_extractor(f"onnx:{flat}:scores", spatial_dims=3)(rng.random((3, 2, 16, 16, 16))).shape == (3, 12)


def test_what_cannot_be_used(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"tiny\.onnx: no node 'nope'; expected one of its own, such as scores"):
        make_extractor(f"onnx:{tiny}:nope")
    with pytest.raises(DataError, match="no such file"):
        make_extractor(f"onnx:{tmp_path / 'none.onnx'}:scores")
    with pytest.raises(DataError, match="expected onnx:FILE:NODE"):
        make_extractor("onnx:a.onnx")
    (tmp_path / "torn.onnx").write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be read"):
        make_extractor(f"onnx:{tmp_path / 'torn.onnx'}:scores")
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="expected one of its outputs, scores, or the package onnx"):
        make_extractor(f"onnx:{tiny}:{relu_of(tiny)}")
