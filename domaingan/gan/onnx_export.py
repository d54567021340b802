"""Write a generator as one ONNX file that needs neither PyTorch nor this package: plain numbers in, crops out."""

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
from domaingan.gan.inpainting import is_healthy, stack_conditioning
from domaingan.gan.networks import Generator, assemble_stacks
from domaingan.gan.seeds import make_rng

MAX_ONNX_DIFFERENCE = 1e-4
"""Largest difference between the file's crops and PyTorch's, whose channels run from -1 to 1."""

TRACED_CROPS, CHECKED_CROPS = 2, 3
"""Numbers of crops that the graph is traced and checked with. They differ: the file takes any number."""


class ExportedGenerator(nn.Module):
    """A generator with everything before and after it, in the units of a bank.

    Its inputs are those of these, in this order, that the model has:

    - ``z`` ``(B, latent)``: normally distributed numbers;
    - ``codes`` ``(B, K)`` int64: position of the value of each class condition, -1 where it is unknown;
    - ``numbers`` ``(B, L)``: each number condition in its own unit, NaN where it is unknown;
    - ``given_images`` ``(B, G, *size)``: the conditioning channels in scaled units (for inpaint and refine all
      channels of the host);
    - ``given_masks`` ``(B, *size)`` int64: the conditioning mask as class values.

    Args:
        generator: recalibrated.
        config: the model's.
    """

    def __init__(self, generator: Generator, config: GANConfig) -> None:
        super().__init__()
        self.generator, self.config = generator, config
        low, high = torch.tensor(config.data.image_range).T
        shape = (-1, *config.network.unit_axes)
        self.low, self.span = low.reshape(shape), (high - low).reshape(shape)
        self.mask_values = torch.tensor(config.mask_channels, dtype=torch.int64)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs."""
        config, conditioning = self.config, self.config.network.conditioning
        has_channels = any(name in conditioning for name in config.data.channels)
        is_present = {
            "z": True,
            "codes": bool(config.data.conditions),
            "numbers": bool(config.data.numbers),
            "given_images": config.is_inpainting or has_channels,
            "given_masks": MASK in conditioning,
        }
        return [name for name, present in is_present.items() if present]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs: ``images``, and for crops ``masks``."""
        return ["images", "masks"] if len(self.mask_values) else ["images"]

    def generate_stacks(self, *inputs: Tensor) -> Tensor:
        """Generate whole stacks ``(B, C + M, *size)`` in [-1, 1]."""
        named = dict(zip(self.input_names, inputs, strict=True))
        z, none = named["z"], torch.zeros(len(named["z"]), 0)
        numbers = scale_numbers(named["numbers"], self.config) if "numbers" in named else none
        codes = named.get("codes")
        image = self._encode_conditioning(len(z), named.get("given_images"), named.get("given_masks"), codes)
        condition = Condition(none.long() if codes is None else codes, numbers, image)
        return assemble_stacks(self.generator.generate(z, condition)[-1:], image, self.config)[0]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Generate ``images`` ``(B, C, *size)`` in scaled units and, for crops, ``masks`` ``(B, *size)``."""
        stacks, channels = self.generate_stacks(*inputs), len(self.config.data.channels)
        images = (stacks[:, :channels] + 1) / 2 * self.span + self.low
        if not len(self.mask_values):
            return (images,)
        return images, self.mask_values[stacks[:, channels:].argmax(dim=1)].to(torch.uint8)

    def _encode_conditioning(self, n: int, images: Tensor | None, masks: Tensor | None, codes: Tensor | None) -> Tensor:
        """Encode the conditioning image ``(B, G, *size)`` from channels in scaled units and class values."""
        config, parts = self.config, []
        if config.is_inpainting and images is not None and masks is not None:
            visible = masks if codes is None else torch.where(is_healthy(codes, config), 0, masks)
            host = ((images - self.low) / self.span * 2 - 1).clamp(-1, 1)
            return stack_conditioning(self._encode_masks(visible), host, masks)
        if images is not None:
            chosen = [i for i, name in enumerate(config.data.channels) if name in config.network.conditioning]
            scaled = (images - self.low[chosen]) / self.span[chosen] * 2 - 1
            parts.append(scaled.clamp(-1, 1))
        if masks is not None:
            parts.append(self._encode_masks(masks))
        return torch.cat(parts, dim=1) if parts else torch.zeros(n, 0, *config.network.shape)

    def _encode_masks(self, masks: Tensor) -> Tensor:
        """Encode class values ``(B, *size)`` as mask channels ``(B, M, *size)`` in [-1, 1]."""
        values = self.mask_values.reshape(1, -1, *self.config.network.unit_axes)
        return (masks[:, None] == values).float() * 2 - 1


def export_onnx(generator: Generator, config: GANConfig, path: Path) -> Path:
    """Write a generator as an ONNX file that takes any number of crops at once.

    Inputs and outputs are those of :class:`ExportedGenerator`, by name. The file's metadata hold the model's ``config``
    as JSON. The file is compared with PyTorch before it gets its name.

    Args:
        generator: recalibrated, on the CPU.
        config: the model's.
        path: the file.

    Returns:
        The file.

    Raises:
        DataError: the package onnx is not installed, or the file generates other crops than the model.
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
            strict=True,  # otherwise len(x) becomes a constant
        )
        program = torch.onnx.export(
            graph,
            dynamo=True,
            input_names=exported.input_names,
            output_names=exported.output_names,
            verbose=False,
        )
        assert program is not None
        program.model.metadata_props["config"] = config.model_dump_json()
        program.model.producer_name = "domaingan"
        program.save(str(temporary), external_data=False)
        difference = measure_difference(exported, temporary)
        if not difference < MAX_ONNX_DIFFERENCE:
            found = f"the ONNX file's crops differ by {difference:.1g}"
            raise DataError(found, path=path, expected=f"less than {MAX_ONNX_DIFFERENCE}")
    return path


def draw_example_inputs(exported: ExportedGenerator, n: int) -> tuple[Tensor, ...]:
    """Draw ``n`` of each input at random: known and unknown classes and numbers, and any image."""
    config = exported.config
    rng, shape = make_rng(config.training.seed, n, 6), config.network.shape
    low, high = torch.tensor(list(config.data.numbers.values())).reshape(-1, 2).T
    numbers = low + torch.rand(n, len(low), generator=rng) * (high - low)
    numbers[0] = torch.nan
    codes = []
    for values in config.data.conditions.values():
        codes.append(torch.randint(-1, len(values), (n,), generator=rng))
    chosen = [config.is_inpainting or name in config.network.conditioning for name in config.data.channels]
    share = torch.rand(n, sum(chosen), *shape, generator=rng)
    images = exported.low[chosen] + share * exported.span[chosen]
    masks = torch.randint(max(1, len(exported.mask_values)), (n, *shape), generator=rng)
    inputs = {
        "z": torch.randn(n, config.network.latent, generator=rng),
        "codes": torch.stack(codes, dim=1) if codes else torch.zeros(n, 0),
        "numbers": numbers,
        "given_images": images,
        "given_masks": exported.mask_values[masks] if len(exported.mask_values) else masks,
    }
    return tuple(inputs[name] for name in exported.input_names)


@torch.no_grad()
def measure_difference(exported: ExportedGenerator, path: Path) -> float:
    """Compute the largest difference between the crops of a file and those of PyTorch, in units from -1 to 1.

    Where both masks have different values, the difference is that between the mask channels of both values.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    inputs = draw_example_inputs(exported, CHECKED_CROPS)
    feed = {name: value.numpy() for name, value in zip(exported.input_names, inputs, strict=True)}
    found = session.run(exported.output_names, feed)
    stacks, images = exported.generate_stacks(*inputs), exported(*inputs)[0]
    difference = float(((torch.from_numpy(found[0]) - images) / exported.span * 2).abs().max())
    mask_channels = stacks[:, images.shape[1] :].numpy()
    for masks in found[1:]:
        difference = max(difference, _measure_mask_difference(mask_channels, masks, exported))
    return difference


def _measure_mask_difference(
    channels: NDArray[np.float32], masks: NDArray[np.uint8], exported: ExportedGenerator
) -> float:
    """Compute how much lower the mask channels of the values in ``masks`` are than the highest ones."""
    positions = np.searchsorted(exported.mask_values.numpy(), masks)
    of_masks = np.take_along_axis(channels, positions[:, None], axis=1)
    return float((channels.max(axis=1, keepdims=True) - of_masks).max())


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """Silence the exporter, which reports its own inner workings by logging, warnings and on stdout."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
