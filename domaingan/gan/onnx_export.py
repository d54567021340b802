"""A generator as one ONNX file that needs neither PyTorch nor this package: plain numbers in, crops out."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.core.files import write_file_atomically
from domaingan.gan.conditions import Condition, scale_numbers
from domaingan.gan.config import MASK, GANConfig
from domaingan.gan.inpainting import is_healthy
from domaingan.gan.inpainting import stack_conditioning as given_to_painters
from domaingan.gan.networks import Generator, assemble
from domaingan.gan.seeds import make_rng

TOLERANCE = 1e-4
"""How far what the file draws may be from what PyTorch draws, where channels and mask channels run from -1 to 1."""

TRACED_CROPS, CHECKED_CROPS = 2, 3
"""Crops that the graph is traced and then checked with: of other numbers, as the file takes any."""


class ExportedGenerator(nn.Module):
    """A generator with all that goes before and after it, in the units of a bank.

    Called with those of these, in this order, that the model has:

    - ``z`` ``(B, latent)``: normal numbers;
    - ``codes`` ``(B, K)`` int64: position of the value of each class condition, -1 where it is not known;
    - ``numbers`` ``(B, L)``: each number condition in its own unit, NaN where it is not known;
    - ``given_images`` ``(B, G, *size)``: the given channels in scaled units; of what paints into hosts all of them;
    - ``given_masks`` ``(B, *size)`` int64: the given mask as class values.
    """

    def __init__(self, generator: Generator, config: GANConfig) -> None:
        super().__init__()
        self.generator, self.config = generator, config
        low, high = torch.tensor(config.image_range).T
        shape = (-1, *[1] * config.spatial_dims)
        self.low, self.span = low.reshape(shape), (high - low).reshape(shape)
        self.values = torch.tensor(config.mask_channels, dtype=torch.int64)

    @property
    def input_names(self) -> list[str]:
        """Names of what it is called with."""
        config = self.config
        present = {
            "z": True,
            "codes": bool(config.conditions),
            "numbers": bool(config.numbers),
            "given_images": config.is_inpainting or any(name in config.given for name in config.channels),
            "given_masks": MASK in config.given,
        }
        return [name for name, there in present.items() if there]

    @property
    def output_names(self) -> list[str]:
        """``images``, and of crops ``masks``."""
        return ["images", *(["masks"] if len(self.values) else [])]

    def generate_stacks(self, *parts: Tensor) -> Tensor:
        """Whole stacks ``(B, C + M, *size)`` in [-1, 1]."""
        given = dict(zip(self.input_names, parts, strict=True))
        z, none = given["z"], torch.zeros(len(given["z"]), 0)
        numbers = scale_numbers(given["numbers"], self.config) if "numbers" in given else none
        image = self._encode_conditioning(
            len(z), given.get("given_images"), given.get("given_masks"), given.get("codes")
        )
        condition = Condition(given.get("codes", none.long()), numbers, image)
        return assemble(self.generator.paint(z, condition)[-1:], image, self.config)[0]

    def _encode_conditioning(self, n: int, images: Tensor | None, masks: Tensor | None, codes: Tensor | None) -> Tensor:
        config, parts = self.config, []
        if config.is_inpainting and images is not None and masks is not None:
            mask_values = self.values.reshape(1, -1, *[1] * config.spatial_dims)
            shown = masks if codes is None else torch.where(is_healthy(codes, config), 0, masks)
            host = ((images - self.low) / self.span * 2 - 1).clamp(-1, 1)
            return given_to_painters((shown[:, None] == mask_values).float() * 2 - 1, host, masks)
        if images is not None:
            chosen = [i for i, name in enumerate(config.channels) if name in config.given]
            parts.append(((images - self.low[chosen]) / self.span[chosen] * 2 - 1).clamp(-1, 1))
        if masks is not None:
            mask_values = self.values.reshape(1, -1, *[1] * config.spatial_dims)
            parts.append((masks[:, None] == mask_values).float() * 2 - 1)
        return torch.cat(parts, dim=1) if parts else torch.zeros(n, 0, *[config.size] * config.spatial_dims)

    def forward(self, *parts: Tensor) -> tuple[Tensor, ...]:
        """``images`` ``(B, C, *size)`` in scaled units and, of crops, ``masks`` ``(B, *size)`` of class values."""
        stacks, channels = self.generate_stacks(*parts), len(self.config.channels)
        images = (stacks[:, :channels] + 1) / 2 * self.span + self.low
        if not len(self.values):
            return (images,)
        return images, self.values[stacks[:, channels:].argmax(dim=1)].to(torch.uint8)


def export_onnx(generator: Generator, config: GANConfig, path: Path) -> Path:
    """Write a calibrated generator, on the CPU, as an ONNX file that takes any number of crops at once.

    Inputs and outputs are those of :class:`Drawing`, by name. The file's metadata hold the model's ``config`` as JSON.
    It is compared with PyTorch before it gets its name.

    Raises:
        DataError: the package onnx is not installed, or the file draws other crops than the model.
    """
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise DataError("ONNX files need the packages onnx and onnxscript", expected="pip install 'domaingan[onnx]'")
    exported = ExportedGenerator(generator, config).eval()
    batch: Any = torch.export.Dim("batch")
    with write_file_atomically(path) as temporary, torch.no_grad(), _silence_exporter():
        graph = torch.export.export(
            exported,
            draw_example_inputs(exported, TRACED_CROPS),
            dynamic_shapes=(tuple({0: batch} for _ in exported.input_names),),
            strict=True,  # else len(x) is taken for a constant
        )
        program = torch.onnx.export(
            graph, dynamo=True, input_names=exported.input_names, output_names=exported.output_names, verbose=False
        )
        assert program is not None
        program.model.metadata_props["config"] = config.model_dump_json()
        program.model.producer_name = "domaingan"
        program.save(str(temporary), external_data=False)
        off = measure_difference(exported, temporary)
        if not off < TOLERANCE:
            raise DataError(f"the ONNX file's crops differ by {off:.1g}", path=path, expected=f"less than {TOLERANCE}")
    return path


def draw_example_inputs(exported: ExportedGenerator, n: int) -> tuple[Tensor, ...]:
    """``n`` of each input, drawn at random: known and unknown classes and numbers, any image."""
    config, rng = exported.config, make_rng(exported.config.seed, n, 6)
    size = [config.size] * config.spatial_dims
    low, high = torch.tensor(list(config.numbers.values())).reshape(-1, 2).T
    numbers = low + torch.rand(n, len(low), generator=rng) * (high - low)
    numbers[0] = torch.nan
    codes = [torch.randint(-1, len(values), (n,), generator=rng) for values in config.conditions.values()]
    chosen = [config.is_inpainting or name in config.given for name in config.channels]
    images = exported.low[chosen] + torch.rand(n, sum(chosen), *size, generator=rng) * exported.span[chosen]
    masks = torch.randint(max(1, len(exported.values)), (n, *size), generator=rng)
    every = {
        "z": torch.randn(n, config.latent, generator=rng),
        "codes": torch.stack(codes, dim=1) if codes else torch.zeros(n, 0),
        "numbers": numbers,
        "given_images": images,
        "given_masks": exported.values[masks] if len(exported.values) else masks,
    }
    return tuple(every[name] for name in exported.input_names)


@torch.no_grad()
def measure_difference(exported: ExportedGenerator, path: Path) -> float:
    """The largest difference between what a file and PyTorch draw, where everything runs from -1 to 1.

    Where the file's mask has another value than PyTorch's, the difference is that of the two values' mask channels.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    parts = draw_example_inputs(exported, CHECKED_CROPS)
    names = exported.input_names
    found = session.run(exported.output_names, {name: part.numpy() for name, part in zip(names, parts, strict=True)})
    stacks, (images, *_) = exported.generate_stacks(*parts), exported(*parts)
    off = float(((torch.from_numpy(found[0]) - images) / exported.span * 2).abs().max())
    return max(
        off,
        *(_measure_mask_difference(stacks[:, images.shape[1] :].numpy(), masks, exported) for masks in found[1:]),
        0.0,
    )


def _measure_mask_difference(
    channels: NDArray[np.float32], masks: NDArray[np.uint8], exported: ExportedGenerator
) -> float:
    """How much less the mask channels of the values in ``masks`` have than the best."""
    positions = np.searchsorted(exported.values.numpy(), masks)
    own = np.take_along_axis(channels, positions[:, None], axis=1)
    return float((channels.max(axis=1, keepdims=True) - own).max())


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """The exporter tells of its own inner workings on every channel there is."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
