"""Features of anyone's network: an output or an inner tensor of an ONNX file, computed by onnxruntime on the CPU."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from domaingan.core.errors import DataError

DEFAULT_EDGES = {2: 112, 3: 32}
"""Edge of pictures and of volumes for a network that takes any size."""

INPUT_TYPES: dict[str, tuple[type[np.generic], float]] = {
    "tensor(float)": (np.float32, 1),
    "tensor(float16)": (np.float16, 1),
    "tensor(double)": (np.float64, 1),
    "tensor(uint8)": (np.uint8, 255),
}
"""Types of input that pictures can be given in, and what 1 becomes."""


class OnnxFeatures:
    """One tensor of an ONNX file, averaged over space if it has any.

    The network is given pictures, or volumes, in [0, 1], or in 0–255 where it takes bytes, of the size and number of
    channels that the file says; whatever else it wants done to them it must do itself.

    Args:
        place: ``FILE:NODE``; an inner tensor, or a node by its name, needs the package ``onnx``.
        spatial_dims: of the images, which must be 3 for a network that takes volumes.

    Raises:
        DataError: the file cannot be read, has no such node, or takes no pictures.
    """

    def __init__(self, place: str, spatial_dims: int = 2) -> None:
        self.path, self.node = _parse_place(place)
        self.session, self.tensor = _open_session(self.path, self.node)
        self.name = f"{self.path.name}, {self.node}"
        inputs = self.session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) - 2 not in range(2, spatial_dims + 1) or inputs[0].type not in INPUT_TYPES:
            found = "inputs " + ", ".join(f"{i.name} {i.shape} {i.type}" for i in inputs)
            raise DataError(found, path=self.path, expected="one picture or volume, (N, C, *size)")
        self.input = inputs[0]
        batch, channels, *size = (n if isinstance(n, int) else None for n in shape)
        self.batch, self.channels = batch, channels
        self.size = tuple(n or DEFAULT_EDGES[len(size)] for n in size)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features ``(N, F)`` of pictures ``(N, C, *size)`` in [0, 1]."""
        kind, scale = INPUT_TYPES[self.input.type]
        values = pictures.cpu().numpy() * scale
        array = (values.round() if scale != 1 else values).astype(kind)
        if self.batch is None:
            return torch.from_numpy(self._run(array))
        short = -len(array) % self.batch
        padded = np.concatenate([array, array[:1].repeat(short, 0)])
        pieces = [self._run(padded[start : start + self.batch]) for start in range(0, len(padded), self.batch)]
        return torch.from_numpy(np.concatenate(pieces)[: len(array)])

    def _run(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        try:
            (found,) = self.session.run([self.tensor], {self.input.name: array})
        except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
            raise DataError(f"it cannot be run ({str(error)[:200]})", path=self.path) from None
        if found.ndim not in (2, 4, 5) or len(found) != len(array) or found.dtype.kind != "f":
            what = f"{self.node} of shape {found.shape} for {len(array)} pictures"
            raise DataError(what, path=self.path, expected="(N, F) or (N, F, *size) of floats")
        return found.astype(np.float32).mean(axis=tuple(range(2, found.ndim)))


def _parse_place(place: str) -> tuple[Path, str]:
    """File and node; a node's name may hold colons, and so may a file's before ``.onnx``."""
    stem, found, node = place.partition(".onnx:")
    file = f"{stem}.onnx" if found else place.rpartition(":")[0]
    node = node if found else place.rpartition(":")[2]
    if not file or not node:
        raise DataError(f"features 'onnx:{place}'", expected="onnx:FILE:NODE")
    return Path(file).expanduser(), node


def _open_session(path: Path, node: str) -> tuple[Any, str]:
    """A session that gives the node's tensor, and the tensor's name."""
    session = _load_session(str(path), path)
    outputs = [output.name for output in session.get_outputs()]
    if node in outputs:
        return session, node
    if find_spec("onnx") is None:
        expected = f"one of its outputs, {', '.join(outputs)}, or the package onnx for inner tensors"
        raise DataError(f"no output {node!r}", path=path, expected=expected)
    import onnx

    model = onnx.load(str(path))
    tensor = next((n.output[0] for n in model.graph.node if node in (n.name, *n.output)), None)
    tensor = node if any(node in n.output for n in model.graph.node) else tensor
    if tensor is None:
        near = [*outputs, *(name for n in reversed(model.graph.node) for name in n.output)][:6]
        raise DataError(f"no node {node!r}", path=path, expected=f"one of its own, such as {', '.join(near)}")
    if tensor not in outputs:
        model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    return _load_session(model.SerializeToString(), path), tensor


def _load_session(model: str | bytes, path: Path) -> Any:
    if not path.is_file():
        raise DataError("no such file", path=path, expected="an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise DataError(f"cannot be read ({str(error)[:200]})", path=path, expected="an ONNX file") from None
