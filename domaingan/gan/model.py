"""The GAN as a user meets it: fit, sample, save, load."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from domaingan.banks import Bank, resolve_bank
from domaingan.core.errors import DataError, report_out_of_memory
from domaingan.core.files import write_folder_atomically
from domaingan.core.locks import lock_folder
from domaingan.core.tiles import Picture, save_png
from domaingan.data import SCAN
from domaingan.gan import model_folder
from domaingan.gan.conditioning import prepare_conditions
from domaingan.gan.config import GANConfig, build_config
from domaingan.gan.defaults import SETTING_NAMES, with_defaults
from domaingan.gan.devices import choose_device, choose_precision, make_fabric
from domaingan.gan.networks import Generator, build_networks
from domaingan.gan.sampling.interpolation import InterpolationGrid, interpolate
from domaingan.gan.sampling.latent_sampler import sample_bank
from domaingan.gan.sampling.rejection import TRIAL_CROPS, RejectionSampler
from domaingan.gan.sampling.sample_conditions import ConditionRequest
from domaingan.gan.training.loop import CHECKPOINT_EVERY, EVAL_EVERY, FitResult, Progress
from domaingan.gan.training.run import check_crops, make_config, make_training_extractor, prepare_folder, run_training
from domaingan.gan.training.samples_sheet import draw_sample_sheet
from domaingan.gan.training.terminal import open_progress
from domaingan.gan.training.training_log import require_tensorboard


class GAN:
    """A conditional GAN that draws crops with their masks, or scenes.

    Args:
        channels: names of the image channels, or their number.
        classes: the masks' values by name.
        size: edge of a crop in pixels, a power of two from 8 to 256.
        spatial_dims: 2 or 3.
        arch: ``dcgan`` (default), ``resnet``, ``mlp``, or ``unet`` (default of what paints into hosts), see
            :data:`domaingan.gan.networks.ARCHITECTURES`.
        width: base width of the networks; time and memory grow with it.
        **settings: other fields of :class:`domaingan.gan.config.GANConfig`: ``latent``, ``depth``, ``skip``, ``given``,
            ``loss``, ``diversity``, ``matching``, ``residual``, ``augment`` (a probability, or ``"ada"``), ``lr``,
            ``lr_d``, ``beta1``, ``beta2``, ``gamma``, ``ema`` (a number, or both ends of its schedule), ``schedule``,
            ``batch``, ``licence``, ``name_subjects`` (in the card). What is not given follows from architecture and
            loss.

    Raises:
        DataError: a setting is unknown or impossible, or they do not go together.
    """

    def __init__(
        self,
        channels: int | Sequence[str],
        classes: dict[str, int],
        size: int = 64,
        spatial_dims: Literal[2, 3] = 2,
        arch: str | None = None,
        width: int = 32,
        **settings: Any,
    ) -> None:
        names = [f"channel_{i}" for i in range(channels)] if isinstance(channels, int) else list(channels)
        self._settings = with_defaults(size=size, spatial_dims=spatial_dims, arch=arch, width=width, **settings)
        build_config(  # a setting that cannot be is refused now, not when the training starts
            channels=names, classes=classes, labels=tuple({0, *classes.values()}), domain=SCAN, conditions={},
            image_range=[(0, 1)] * len(names), **self._settings,
        )  # fmt: skip
        self.channels, self.classes = names, dict(classes)
        self._has_channel_names = not isinstance(channels, int)
        self.config: GANConfig | None = None
        self.generator: Generator | None = None
        self.discriminator: nn.Module | None = None
        self.path: Path | None = None
        self.crops: Bank | None = None
        """Of a GAN that paints into hosts, what it starts from: the crops trained on (of inpaint their masks alone)."""

    @classmethod
    def for_crops(cls, crops: Bank | str | Path, **settings: Any) -> GAN:
        """A GAN with the size, channels and classes of a bank (of scenes too); ``settings`` as in the constructor."""
        crops = resolve_bank(crops)
        info = crops.info
        edges = set(crops.size)
        if len(edges) != 1:
            raise DataError(f"{info.kind} of {crops.size}", path=crops.path, expected="as long as they are wide")
        dims: Any = info.spatial_dims
        return cls(info.channels, info.classes, size=edges.pop(), spatial_dims=dims, **settings)

    # ---------------------------------------------------------------- training

    @report_out_of_memory("a smaller batch, width or size, or device cpu")
    def fit(
        self,
        crops: Bank | str | Path,
        steps: int,
        out: str | Path | None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
        device: str = "auto",
        precision: str = "auto",
        seed: int = 0,
        progress: Progress | bool | None = None,
        checkpoint_every: int = CHECKPOINT_EVERY,
        judge_every: int = EVAL_EVERY,
        features: str = "auto",
        tensorboard: bool = False,
    ) -> FitResult:
        """Train on real crops or scenes; under torchrun, on all of its processes.

        Args:
            crops: a bank of them, of this GAN's size, channels and classes, or its folder.
            steps: length of the training, counted from its very start; a resumed one may be made longer.
            out: the model folder, written as the training goes; without it nothing is written.
            resume: go on where a training of the same config in ``out`` stopped, if there is one.
            overwrite: replace the model that is there.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            precision: ``auto``, ``32`` or ``bf16``.
            seed: all randomness follows from it; on the same device the same seed gives the same weights.
            progress: told every few steps. Unless given, a person at a terminal or in a notebook sees how it goes;
                False shows nothing.
            checkpoint_every: steps between checkpoints.
            judge_every: steps between measurements of KID and diversity; 0 for none.
            features: what these are measured on, see :func:`domaingan.metrics.fidelity.features.extractor`.
            tensorboard: write TensorBoard events beside ``log.csv``.

        Raises:
            DataError: the crops do not fit the GAN, the folder exists, or the training diverged.
        """
        require_tensorboard(tensorboard)
        crops = resolve_bank(crops)
        started = time.perf_counter()
        device = choose_device(device)
        out = None if out is None else Path(out)
        config = self.make_config(crops, steps, choose_precision(precision, device), seed)
        if resume and precision == "auto" and out is not None and (out / model_folder.CONFIG_FILE).is_file():
            config = config.model_copy(update={"precision": model_folder.read_config(out).precision})
        build_networks(config)  # refuses what cannot be built before a folder is written
        fabric = make_fabric(device, config.precision)
        extract = make_training_extractor(config, features, str(fabric.device)) if judge_every else None
        self.crops = model_folder.reference_crops(crops, config) if config.is_inpainting else None
        with nullcontext() if out is None or not fabric.is_global_zero else lock_folder(out):
            if out is not None:
                config = prepare_folder(out, config, fabric, resume=resume, overwrite=overwrite)
                if config.weights_sha256:
                    self._adopt(GAN.load(out))
                    return FitResult(out, config.steps, time.perf_counter() - started, 0.0)
            with open_progress(progress if fabric.is_global_zero else False) as told:
                course, self.generator = run_training(
                    config, crops, out, fabric, told, resume=resume, checkpoint_every=checkpoint_every,
                    eval_every=judge_every, extract=extract, tensorboard=tensorboard,
                )  # fmt: skip
            self.discriminator = course.trainer.discriminator.cpu().eval().requires_grad_(True)
            self.config, self.path = config, out
            if out is not None and fabric.is_global_zero:
                model_folder.save_crops(self.crops, out)
                self.config = model_folder.finish_model(out, config, self.generator, self.discriminator)
            fabric.barrier()
        seconds, messages = time.perf_counter() - started, tuple(course.trainer.messages)
        return FitResult(out, config.steps, seconds, course.images_per_second, messages)

    def make_config(self, crops: Bank, steps: int, precision: str = "32", seed: int = 0) -> GANConfig:
        """The config that a training on these crops would have; arguments and errors as of :meth:`fit`."""
        check_crops(
            crops, self.channels if self._has_channel_names else len(self.channels), self.classes, self._settings
        )
        return make_config(crops, self._settings, steps=steps, seed=seed, precision=precision)

    # ---------------------------------------------------------------- drawing

    def sample(
        self,
        n: int,
        seed: int = 0,
        device: str = "auto",
        *,
        hosts: Bank | str | Path | None = None,
        truncation: float | None = None,
        reject: float = 0.0,
        **condition: ConditionRequest,
    ) -> Bank:
        """Draw a bank of ``n`` crops or scenes, spread evenly over the classes unless they are given.

        Args:
            n: how many; a few less come back where no usable mask was drawn (``info.left_out`` counts).
            seed: crop ``i`` follows from the seed, ``i`` and its condition.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            hosts: real crops whose channels or masks a model is shown that was trained with ``given``; of one that
                paints into hosts what :func:`domaingan.inpainting.windows.windows` makes of them.
            truncation: no latent lies further from 0 than this; see
                :func:`domaingan.gan.sampling.latent_sampler.latents`.
            reject: the share of draws, those that the discriminator scores lowest, that are drawn again.
            **condition: ``lesion="enhancing"``, several values in a list, or weights in a dict; ``radius_mm=4.0``, or
                the ends of a range in a tuple.

        Raises:
            DataError: the GAN was not fitted, a condition is unknown, hosts are missing, or no mask is usable.
        """
        config, generator = self._require_fitted()
        hosts = None if hosts is None else resolve_bank(hosts)
        if n < 1:
            raise DataError(f"n = {n}", expected="at least 1")
        drawn, shown = prepare_conditions(config, n, seed, hosts, condition)
        with _use_device(generator, config, device):
            accept = None
            if reject:
                trials = prepare_conditions(config, TRIAL_CROPS, seed, hosts, condition)[0]
                accept = RejectionSampler.fit(generator, self.discriminator, config, trials, seed, reject)
            return sample_bank(
                generator, config, drawn, seed, truncation=truncation, accept=accept, hosts=shown,
                source="" if self.path is None else str(self.path),
            )  # fmt: skip

    def interpolate(
        self,
        steps: int = 8,
        seed: int | tuple[int, int] = 0,
        start: Mapping[str, ConditionRequest] | None = None,
        end: Mapping[str, ConditionRequest] | None = None,
        rows: int = 4,
        *,
        device: str = "auto",
        hosts: Bank | None = None,
        truncation: float | None = None,
    ) -> InterpolationGrid:
        """Draw what lies between two latents or two conditions.

        Args:
            steps: crops in a row, both ends included.
            seed: row ``i`` starts from the latent of ``sample``'s crop ``i``. Of two seeds, the latents go from those
                of the one to those of the other; of one, they stay where ``end`` is given, and go to others else.
            start: the conditions at the start, as ``sample`` takes them; those of ``sample`` unless given.
            end: those that are others at the end.
            rows: how many ways, at least 1.
            device, hosts, truncation: as in :meth:`sample`; each row has one host.

        Raises:
            DataError: as :meth:`sample`.
        """
        config, generator = self._require_fitted()
        with _use_device(generator, config, device):
            return interpolate(
                generator, config, steps=steps, seed=seed, start=start or {}, end=end or {}, rows=rows, hosts=hosts,
                truncation=truncation,
            )  # fmt: skip

    def _require_fitted(self) -> tuple[GANConfig, Generator]:
        if self.config is None or self.generator is None:
            raise DataError("the GAN has not been fitted", expected="fit() or GAN.load() first")
        return self.config, self.generator

    # ---------------------------------------------------------------- disk

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a finished model folder (without checkpoints, which :meth:`fit` writes) and return its path."""
        config, generator = self._require_fitted()
        with write_folder_atomically(Path(path), overwrite=overwrite) as temporary:
            save_png(draw_sample_sheet(generator, config), temporary / model_folder.SAMPLES_FILE)
            model_folder.save_crops(self.crops, temporary)
            self.config = model_folder.finish_model(temporary, config, generator, self.discriminator, Path(path).name)
        self.path = Path(path)
        return self.path

    def picture(self) -> Picture:
        """Draw generated crops of each kind, as in the ``samples.png`` of :meth:`save`.

        Raises:
            DataError: the GAN has not been fitted.
        """
        config, generator = self._require_fitted()
        return draw_sample_sheet(generator, config)

    def export(self, path: str | Path) -> Path:
        """Write the generator as an ONNX file (:func:`domaingan.gan.onnx_export.export_onnx`); return its path."""
        from domaingan.gan.onnx_export import export_onnx

        config, generator = self._require_fitted()
        return export_onnx(generator, config, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> GAN:
        """Open a model folder.

        Raises:
            DataError: the folder is no finished model, a file is missing or changed, the format is newer, or the
                networks do not fit in memory.
        """
        path = Path(path)
        config = model_folder.read_config(path)
        try:
            gan = cls(config.channels, config.classes, **{name: getattr(config, name) for name in SETTING_NAMES})
            with torch.device("meta"):
                shapes = build_networks(config)
        except DataError as error:
            raise DataError(error.found, path=path / model_folder.CONFIG_FILE, expected=error.expected) from None
        model_folder.check_weights(path, config, {"generator": shapes[0], "discriminator": shapes[1]})
        try:
            with report_out_of_memory("a model of smaller width or size"):
                gan.generator, gan.discriminator = build_networks(config)
        except DataError as error:
            raise DataError(error.found, path=path / model_folder.CONFIG_FILE, expected=error.expected) from None
        model_folder.load_weights(path, {"generator": gan.generator, "discriminator": gan.discriminator})
        gan.generator.eval(), gan.discriminator.eval()
        gan.crops = model_folder.load_crops(path, config)
        gan.config, gan.path = config, path
        return gan

    def _adopt(self, other: GAN) -> None:
        self.config, self.path = other.config, other.path
        self.generator, self.discriminator, self.crops = other.generator, other.discriminator, other.crops

    def __repr__(self) -> str:
        config, size = self.config, "×".join([str(self._settings["size"])] * self._settings["spatial_dims"])
        drawn = " + ".join(filter(None, (", ".join(self.channels), ", ".join(self.classes))))
        trained = "not fitted" if config is None else f"{config.steps} steps on {config.crops} {config.kind}"
        return f"GAN({self._settings['arch']}, {size}, {drawn}, {trained})"


@contextmanager
def _use_device(generator: Generator, config: GANConfig, device: str) -> Iterator[None]:
    """The generator on a device, ready to draw, and back again."""
    where = choose_device(device)
    make_fabric(where, config.precision)  # refuses a device that is not there
    try:
        with report_out_of_memory("a model of smaller width or size, or device cpu"):
            generator.to(where).eval()
            yield
    finally:
        generator.cpu()
