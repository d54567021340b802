"""Features of any network: an output or an inner tensor of an ONNX file, computed by onnxruntime on the CPU."""

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
"""Types of input that pictures can be converted to, and the value that 1 becomes."""


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
        fixed = [n if isinstance(n, int) else None for n in shape]
        self.batch, self.channels = fixed[:2]
        size = fixed[2:]
        self.size = tuple(n or DEFAULT_EDGES[len(size)] for n in size)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Compute features ``(N, F)`` of pictures ``(N, C, *size)`` in [0, 1]."""
        dtype, scale = INPUT_TYPES[self.input.type]
        values = pictures.cpu().numpy() * scale
        if scale != 1:
            values = values.round()
        array = values.astype(dtype)
        if self.batch is None:
            return torch.from_numpy(self._run(array))
        n_missing = -len(array) % self.batch
        padded = np.concatenate([array, array[:1].repeat(n_missing, 0)])
        pieces = []
        for start in range(0, len(padded), self.batch):
            pieces.append(self._run(padded[start : start + self.batch]))
        return torch.from_numpy(np.concatenate(pieces)[: len(array)])

    def _run(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        try:
            (found,) = self.session.run([self.tensor], {self.input.name: array})
        except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
            raise DataError(f"it cannot be run ({str(error)[:200]})", path=self.path) from None
        if found.ndim not in (2, 4, 5) or len(found) != len(array) or found.dtype.kind != "f":
            output = f"{self.node} of shape {found.shape} for {len(array)} pictures"
            raise DataError(output, path=self.path, expected="(N, F) or (N, F, *size) of floats")
        return found.astype(np.float32).mean(axis=tuple(range(2, found.ndim)))


def _parse_place(place: str) -> tuple[Path, str]:
    """Split into file and node. A node's name may hold colons, and so may a file's before ``.onnx``."""
    stem, separator, node = place.partition(".onnx:")
    file = f"{stem}.onnx"
    if not separator:
        file, _, node = place.rpartition(":")
    if not file or not node:
        raise DataError(f"features 'onnx:{place}'", expected="onnx:FILE:NODE")
    return Path(file).expanduser(), node


def _open_session(path: Path, node: str) -> tuple[Any, str]:
    """Open a session that computes the node's tensor, and return it with the tensor's name."""
    session = _load_session(str(path), path)
    outputs = [output.name for output in session.get_outputs()]
    if node in outputs:
        return session, node
    if find_spec("onnx") is None:
        expected = f"one of its outputs, {', '.join(outputs)}, or the package onnx for inner tensors"
        raise DataError(f"no output {node!r}", path=path, expected=expected)
    import onnx

    model = onnx.load(str(path))
    tensor = _find_tensor(model.graph, node)
    if tensor is None:
        names = list(outputs)
        for other in reversed(model.graph.node):
            names += other.output
        raise DataError(f"no node {node!r}", path=path, expected=f"one of its own, such as {', '.join(names[:6])}")
    if tensor not in outputs:
        model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    return _load_session(model.SerializeToString(), path), tensor


def _find_tensor(graph: Any, node: str) -> str | None:
    """Return the tensor of this name, else the first output of the node of this name, or None."""
    by_node_name = None
    for other in graph.node:
        if node in other.output:
            return node
        if by_node_name is None and node == other.name:
            by_node_name = str(other.output[0])
    return by_node_name


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
