"""From what a user writes (``onnx:FILE``, ``torchvision:NAME``, …) to a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domaingan.core.devices import ComputeSettings, check_device, choose_compute
from domaingan.core.errors import DataError
from domaingan.robustness_eval.model_under_test import Model, Picture, as_picture_list

MODEL_SPECS = "a run folder, torchvision:NAME[=WEIGHTS_FILE], onnx:FILE (or FILE.onnx) or python:MODULE:FUNCTION"

SPEC_SCHEMES = ("onnx", "torchvision", "python")


def count_free_cores() -> int:
    """Count the cores that this process may use, but for one, which reads and corrupts; at least 1."""
    is_limited = hasattr(os, "sched_getaffinity")
    n_cores = len(os.sched_getaffinity(0)) if is_limited else os.cpu_count()
    return max(1, (n_cores or 1) - 1)


@dataclass(frozen=True)
class ModelOptions:
    """How a model is to be read, where it does not say itself.

    Attributes:
        min_score: detections with a lower score are left out, 0 to 1.
        decode: how an ONNX file's outputs are laid out; found out if None, see
            :mod:`domaingan.robustness_eval.onnx_detector.find_layouts`.
        class_names: class names, see :func:`domaingan.robustness_eval.class_names.read_names`.
        threads: the number of threads of an ONNX session; all cores but one unless given.
        device: where the model runs: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. It runs in float32 on each of them.

    Raises:
        DataError: there is no such device here.
    """

    min_score: float = 0.05
    decode: str | None = None
    class_names: str | None = None
    threads: int = field(default_factory=count_free_cores)
    device: str = "auto"

    def __post_init__(self) -> None:
        check_device(self.device)

    def choose_compute(self) -> ComputeSettings:
        """Choose device and precision of PyTorch models: float32, so that scores hardly depend on the device."""
        return choose_compute(self.device, "32")


def open_model(spec: str, examples: Picture | Sequence[Picture], options: ModelOptions | None = None) -> Model:
    """Open the model that a spec names.

    Args:
        spec: see :data:`MODEL_SPECS`.
        examples: a picture, or the first few, ``(H, W, 3)`` uint8; they show how some models answer.
        options: how the model is to be read.

    Returns:
        The model.

    Raises:
        DataError: there is no such model, or it cannot be read.
    """
    options = options or ModelOptions()
    scheme, rest = _split_spec(spec)
    if scheme == "onnx":
        from domaingan.robustness_eval.onnx_detector.onnx_model import OnnxDetector

        return OnnxDetector(rest, examples, options)
    if scheme == "torchvision":
        from domaingan.robustness_eval.torchvision_model import TorchvisionDetector

        return TorchvisionDetector(rest, options)
    if scheme == "python":
        from domaingan.robustness_eval.python_model import open_function

        return open_function(rest, as_picture_list(examples)[0], options)
    if len(scheme) > 1 and "/" not in scheme:
        raise DataError(f"--model {spec}", expected=MODEL_SPECS)
    from domaingan.robustness_eval.baseline_model import load_baseline

    return load_baseline(spec, options.choose_compute())


def _split_spec(spec: str) -> tuple[str, str]:
    """Split a spec into its scheme and the rest; a path that ends in ``.onnx`` needs no scheme.

    >>> _split_spec("onnx:a.onnx"), _split_spec("b/a.onnx"), _split_spec("runs/7")
    (('onnx', 'a.onnx'), ('onnx', 'b/a.onnx'), ('', 'runs/7'))
    """
    scheme, colon, rest = spec.partition(":")
    if Path(spec).suffix.lower() == ".onnx" and scheme not in SPEC_SCHEMES:
        return "onnx", spec
    if not colon:
        return "", spec
    return scheme, rest
