"""The GAN as users see it: fit, sample, save, load."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from torch import nn

from domaingan.banks import Bank, resolve_bank
from domaingan.core.devices import choose_device, choose_precision
from domaingan.core.errors import DataError, report_out_of_memory
from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress
from domaingan.core.tiles import Picture
from domaingan.gan.conditioning import prepare_conditions
from domaingan.gan.config import GANConfig
from domaingan.gan.config_file import CONFIG_FILE, name_config_file, read_config
from domaingan.gan.defaults import check_settings, list_settings, with_defaults
from domaingan.gan.fabric import make_fabric
from domaingan.gan.fitted_model import FittedModel, load_model, save_model
from domaingan.gan.networks import Generator, build_networks
from domaingan.gan.sampling.generate import use_device
from domaingan.gan.sampling.interpolation import InterpolationGrid, interpolate
from domaingan.gan.sampling.rejection import TRIAL_CROPS, RejectionSampler
from domaingan.gan.sampling.sample_bank import BankSampler
from domaingan.gan.sampling.sample_conditions import ConditionRequest
from domaingan.gan.training.loop import FitResult
from domaingan.gan.training.run import check_crops, fit_model, make_config
from domaingan.gan.training.run_options import CHECKPOINT_EVERY, EVAL_EVERY, TrainingRunOptions
from domaingan.gan.training.samples_sheet import draw_sample_sheet
from domaingan.gan.training.terminal import open_progress
from domaingan.gan.training.training_log import require_tensorboard


class GAN:
    """A conditional GAN that generates crops with their masks, or scenes.

    Args:
        channels: names of the image channels, or their number.
        classes: the masks' values by name.
        size: edge of a crop in pixels, a power of two from 8 to 256.
        spatial_dims: 2 or 3.
        arch: ``dcgan`` (default), ``resnet``, ``mlp``, or ``unet`` (default of inpaint and refine), see
            :data:`domaingan.gan.networks.ARCHITECTURES`.
        width: base width of the networks; time and memory grow with it.
        **settings: any other field of :class:`domaingan.gan.config.NetworkConfig` and
            :class:`domaingan.gan.config.TrainingConfig`, and ``licence`` and ``name_subjects`` for the model card.
            ``augment`` is a probability or ``"ada"``. A scheduled setting is one number, or its value at the start and
            at the end. The defaults depend on architecture, loss and conditioning.

    Attributes:
        config: of the training; None before it.
        generator: the averaged generator, in evaluation mode; None before the training.
        discriminator: the one that was trained with it; None before the training.
        path: the model folder, if there is one.
        crops: for inpaint and refine the crops that hosts are made of (for inpaint their masks alone).

    Raises:
        DataError: a setting is unknown or impossible, or two do not go together.
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
        self._has_channel_names = not isinstance(channels, int)
        names = [f"channel_{i}" for i in range(channels)] if isinstance(channels, int) else list(channels)
        self._settings = with_defaults(size=size, spatial_dims=spatial_dims, arch=arch, width=width, **settings)
        check_settings(self._settings, names, classes)  # now, not when the training starts
        self.channels, self.classes = names, dict(classes)
        self.config: GANConfig | None = None
        self.generator: Generator | None = None
        self.discriminator: nn.Module | None = None
        self.path: Path | None = None
        self.crops: Bank | None = None

    @classmethod
    def for_crops(cls, crops: Bank | str | Path, **settings: Any) -> GAN:
        """Make a GAN with the size, channels and classes of a bank of crops or scenes.

        Args:
            crops: the bank, or its folder.
            **settings: as in the constructor.

        Raises:
            DataError: the crops are not as long as they are wide, or as of the constructor.
        """
        crops = resolve_bank(crops)
        info, edges = crops.info, set(crops.size)
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
        eval_every: int = EVAL_EVERY,
        features: str = "auto",
        tensorboard: bool = False,
    ) -> FitResult:
        """Train on real crops or scenes; under torchrun, on all of its processes.

        Args:
            crops: a bank of this GAN's size, channels and classes, or its folder.
            steps: length of the training in steps, from its very start. A resumed training may be made longer.
            out: the model folder, which is written during the training. Without it nothing is written.
            resume: whether to continue a training of the same config in ``out``, if there is one.
            overwrite: whether to replace the model in ``out``.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            precision: ``auto``, ``32`` or ``bf16``.
            seed: of all random draws. On the same device the same seed gives the same weights.
            progress: is informed every few steps. By default a person at a terminal or in a notebook sees a bar; False
                shows nothing.
            checkpoint_every: steps between two checkpoints.
            eval_every: steps between two measurements of KID and diversity; 0 for none.
            features: the features that these are measured on, see
                :func:`domaingan.metrics.fidelity.features.make_extractor`.
            tensorboard: whether to write TensorBoard events beside ``log.csv``.

        Returns:
            How long the training took, and what the user should know.

        Raises:
            DataError: the crops do not fit the GAN, the folder exists, or the training diverged.
        """
        require_tensorboard(tensorboard)
        crops = resolve_bank(crops)
        started = time.perf_counter()
        device = choose_device(device)
        folder = None if out is None else Path(out)
        options = TrainingRunOptions(folder, resume, overwrite, checkpoint_every, eval_every, features, tensorboard)
        config = self.make_config(crops, steps, choose_precision(precision, device), seed)
        if resume and precision == "auto" and folder is not None and (folder / CONFIG_FILE).is_file():
            config = config.with_changes("training", precision=read_config(folder).training.precision)
        build_networks(config)  # refuses what cannot be built before a folder is written
        fabric = make_fabric(device, config.training.precision)
        with nullcontext() if folder is None or not fabric.is_global_zero else lock_folder(folder):
            with open_progress(progress if fabric.is_global_zero else False) as shown:
                model, result = fit_model(config, crops, fabric, options, shown, started)
            self._adopt(model)
            return result

    def make_config(self, crops: Bank, steps: int, precision: str = "32", seed: int = 0) -> GANConfig:
        """Make the config that a training on these crops would have.

        Args:
            crops: the crops of the training.
            steps: length of the training in steps.
            precision: ``32`` or ``bf16-mixed``.
            seed: of all random draws.

        Raises:
            DataError: the crops do not fit the GAN.
        """
        channels = self.channels if self._has_channel_names else len(self.channels)
        check_crops(crops, channels, self.classes, self._settings)
        return make_config(crops, self._settings, steps=steps, seed=seed, precision=precision)

    # ---------------------------------------------------------------- sampling

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
        """Generate a bank of ``n`` crops or scenes, evenly over the classes unless the user asks otherwise.

        Args:
            n: number of crops. A few less come back if some have no usable mask (``info.left_out`` counts them).
            seed: crop ``i`` depends on the seed, ``i`` and its condition alone.
            device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
            hosts: real crops for a model that was trained with ``conditioning``: it takes channels or masks from them.
                For inpaint and refine use what :func:`domaingan.windows` returns.
            truncation: the largest distance of a latent's numbers from 0; see
                :func:`domaingan.gan.sampling.latents.sample_latents`.
            reject: share of the crops, those with the lowest scores of the discriminator, that are generated again.
            **condition: ``lesion="enhancing"``, several values in a list, or weights in a dictionary;
                ``radius_mm=4.0``, or the ends of a range in a tuple.

        Returns:
            The bank, in memory.

        Raises:
            DataError: the GAN was not fitted, a condition is unknown, hosts are missing, or no mask is usable.
        """
        config, generator = self._require_fitted()
        hosts = None if hosts is None else resolve_bank(hosts)
        if n < 1:
            raise DataError(f"n = {n}", expected="at least 1")
        conditions, used_hosts = prepare_conditions(config, n, seed, hosts, condition)
        with use_device(generator, config, device):
            accept = None
            if reject:
                trials = prepare_conditions(config, TRIAL_CROPS, seed, hosts, condition)[0]
                accept = RejectionSampler.fit(generator, self.discriminator, config, trials, seed, reject)
            sampler = BankSampler(generator, config, seed, truncation, accept)
            return sampler.sample(conditions, used_hosts, source="" if self.path is None else str(self.path))

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
        """Generate what lies between two latents or two conditions.

        Args:
            steps: crops in a row, both ends included.
            seed: row ``i`` starts from the latent of crop ``i`` of :meth:`sample`. With two seeds, the latents go from
                those of the first seed to those of the second. With one seed they stay the same if ``end`` is given,
                and go to other latents otherwise.
            start: the conditions at the start, as :meth:`sample` takes them.
            end: those conditions that are different at the end.
            rows: number of rows, at least 1.
            device, hosts, truncation: as in :meth:`sample`; each row has one host.

        Returns:
            Images, masks and captions.

        Raises:
            DataError: as :meth:`sample`.
        """
        config, generator = self._require_fitted()
        with use_device(generator, config, device):
            ends: dict[str, Any] = {"start": start or {}, "end": end or {}}
            return interpolate(
                generator, config, steps=steps, seed=seed, rows=rows, hosts=hosts, truncation=truncation, **ends
            )

    def picture(self) -> Picture:
        """Draw generated crops of each kind, as in the ``samples.png`` of :meth:`save`.

        Raises:
            DataError: the GAN has not been fitted.
        """
        config, generator = self._require_fitted()
        return draw_sample_sheet(generator, config)

    def _require_fitted(self) -> tuple[GANConfig, Generator]:
        if self.config is None or self.generator is None:
            raise DataError("the GAN has not been fitted", expected="fit() or GAN.load() first")
        return self.config, self.generator

    # ---------------------------------------------------------------- disk

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a finished model folder, without the checkpoints that :meth:`fit` writes.

        Args:
            path: the folder.
            overwrite: whether to replace a folder that is there.

        Returns:
            The folder.

        Raises:
            DataError: the GAN has not been fitted, or the folder exists.
        """
        config, generator = self._require_fitted()
        model = FittedModel(config, generator, self.discriminator, self.crops)
        self._adopt(save_model(model, Path(path), overwrite=overwrite))
        return Path(path)

    def export(self, path: str | Path) -> Path:
        """Write the generator as an ONNX file, see :func:`domaingan.gan.onnx_export.export_onnx`.

        Args:
            path: the file.

        Returns:
            The file.

        Raises:
            DataError: the GAN has not been fitted, or the package onnx is not installed.
        """
        from domaingan.gan.onnx_export import export_onnx

        config, generator = self._require_fitted()
        return export_onnx(generator, config, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> GAN:
        """Open a model folder.

        Args:
            path: the folder.

        Raises:
            DataError: the folder is no finished model, a file is missing or changed, the format is newer, or the
                networks do not fit in memory.
        """
        path = Path(path)
        config = read_config(path)
        with name_config_file(path):
            gan = cls(config.data.channels, config.data.classes, **list_settings(config))
        gan._adopt(load_model(path, config))
        return gan

    def _adopt(self, model: FittedModel) -> None:
        self.config, self.path, self.crops = model.config, model.path, model.crops
        self.generator, self.discriminator = model.generator, model.discriminator

    def __repr__(self) -> str:
        network = self._settings.network
        size = "×".join(map(str, network.shape))
        contents = [", ".join(self.channels), ", ".join(self.classes)]
        generated = " + ".join(content for content in contents if content)
        state = "not fitted"
        if self.config is not None:
            provenance = self.config.provenance
            state = f"{self.config.training.steps} steps on {provenance.crop_count} {self.config.data.kind}"
        return f"GAN({network.arch}, {size}, {generated}, {state})"
