"""Open an ONNX file with onnxruntime, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domaingan.core.devices import choose_device
from domaingan.core.errors import DataError
from domaingan.robustness_eval.model_specs import ModelOptions

CUDA_PROVIDER, CPU_PROVIDER = "CUDAExecutionProvider", "CPUExecutionProvider"
"""onnxruntime's names of what computes."""


def open_session(path: Path, model_options: ModelOptions) -> Any:
    """Open an ONNX file with onnxruntime, on a GPU where one is asked for or ``auto`` finds one.

    Args:
        path: the ``.onnx`` file.
        model_options: name the device and the number of threads.

    Returns:
        The ``InferenceSession``.

    Raises:
        DataError: there is no such file, it cannot be read, or the device was chosen and onnxruntime cannot use it.
    """
    import onnxruntime

    if not path.is_file():
        raise DataError("no such file", path=path, expected="an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = model_options.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers = list_providers(model_options.device, onnxruntime.get_available_providers())
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime raises its own kinds, none of which it exports
        raise DataError(f"cannot be read ({str(error)[:200]})", path=path, expected="an ONNX file") from None
    if model_options.device.startswith("cuda") and CUDA_PROVIDER not in session.get_providers():
        found = f"onnxruntime does not start on {model_options.device!r}"
        raise DataError(found, expected="the CUDA libraries it was built for, or the device cpu")
    return session


def list_providers(device: str, available: Sequence[str]) -> list[Any]:
    """List what runs an ONNX file, in the order in which onnxruntime tries them.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. ``auto`` is a GPU if PyTorch finds one and onnxruntime was
            built for it.
        available: the providers that onnxruntime was built with.

    Returns:
        Names of providers; that of a GPU together with the number of the GPU.

    Raises:
        DataError: a GPU was chosen, and onnxruntime was built without it.

    >>> list_providers("cuda:1", [CUDA_PROVIDER, CPU_PROVIDER])
    [('CUDAExecutionProvider', {'device_id': 1}), 'CPUExecutionProvider']
    """
    if CUDA_PROVIDER not in available and device.startswith("cuda"):
        found = f"device {device!r} for an ONNX file: this onnxruntime was built without CUDA"
        raise DataError(found, expected="auto, cpu, or onnxruntime-gpu in its place")
    kind, _, number = choose_device(device).partition(":")
    if kind == "cpu" or CUDA_PROVIDER not in available:
        return [CPU_PROVIDER]
    return [(CUDA_PROVIDER, {"device_id": int(number or 0)}), CPU_PROVIDER]
