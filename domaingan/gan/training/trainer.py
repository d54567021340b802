"""The training: batch, discriminator's step, generator's step, average."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from domaingan.core.errors import DataError
from domaingan.gan.conditions import Condition
from domaingan.gan.config import GANConfig, Range
from domaingan.gan.data import BatchFeed, TrainingCrops
from domaingan.gan.devices import average_over_processes, collect_gradients
from domaingan.gan.networks import assemble, build_networks, build_pyramid, choose_memory_format, count_levels
from domaingan.gan.networks.parts import Pyramid
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.augment import (
    AdaptiveProbability,
    AugmentationParameters,
    DifferentiableAugmentation,
    choose_flip_axes,
)
from domaingan.gan.training.auxiliary_losses import DIVERSITY_EVERY, diversity_and_residual_loss, feature_matching_loss
from domaingan.gan.training.checkpoint import flatten_states, load_checkpoint, restore_states, save_checkpoint
from domaingan.gan.training.losses import LOSSES

ADAPT_EVERY = 4
"""Steps between two looks at r_t, as in ADA."""


def schedule_cosine(ends: Range, share: float) -> float:
    """From the first end to the second by half a cosine, as ``share`` goes from 0 to 1; the second from then on."""
    start, end = ends
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


@dataclass
class Trainer:
    """Trains one pair of networks.

    All that is random in step ``t`` follows from the seed and ``t`` alone, so that a training that is killed and
    resumed takes the same steps as one that was not, and no generator's state needs to be kept. Of several processes
    each draws the whole batch's randomness and takes its part of it.

    Args:
        config: the networks and how to train them.
        crops: what to train on.
        fabric: device, precision and processes.
    """

    config: GANConfig
    crops: TrainingCrops
    fabric: Fabric
    step: int = 0
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        config, fabric = self.config, self.fabric
        if config.batch % fabric.world_size:
            raise DataError(f"batch {config.batch} on {fabric.world_size} processes", expected="a multiple of them")
        self.part = slice(fabric.global_rank, None, fabric.world_size)
        generator, discriminator = build_networks(config)
        fabric.to_device(generator), fabric.to_device(discriminator)
        self.generator, self.discriminator = generator, discriminator
        self.ema = copy.deepcopy(generator).requires_grad_(False)
        self.opt_g, self.opt_d = self._make_adam(generator), self._make_adam(discriminator)
        self.loss, self.feed = LOSSES[config.loss], BatchFeed(self.crops, self.part)
        shape = (config.size,) * config.spatial_dims
        limits = {"intensity": 0.0, "angle": 0.0} if config.kind == "scenes" else {}
        flips = choose_flip_axes(config.domain, config.spatial_dims)
        self.augment = DifferentiableAugmentation(len(config.channels), shape, flips, config.augment, **limits)
        signs = torch.zeros((), device=fabric.device)
        self.adaptive = AdaptiveProbability(config.ada or 0.0, torch.tensor(config.augment, dtype=torch.float64), signs)
        self._networks = {"generator": generator, "discriminator": discriminator, "ema": self.ema}
        self._optimisers = {"opt_g": self.opt_g, "opt_d": self.opt_d}

    def _make_adam(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), fused=True)  # rates and betas are set before each step

    # ---------------------------------------------------------------- one step

    def train_step(self) -> dict[str, Tensor]:
        """One step of each player, on one batch; returns losses, scores and the norms of the gradients."""
        rng = make_rng(self.config.seed, self.step)
        self._set_rates()
        stack, condition = self.feed.get_batch(self.step)
        real = build_pyramid(stack, count_levels(self.config))
        z = torch.randn(self.config.batch, self.config.latent, generator=rng)[self.part].to(self.fabric.device)
        with self._seed_dropout():
            with self.fabric.autocast():
                painted = self.generator.paint(z, condition)
            fake = assemble(painted, condition.image, self.config)
            metrics = self._train_discriminator(real, [x.detach() for x in fake], condition, rng)
            metrics |= self._train_generator(
                real, fake, self._compute_auxiliary_loss(painted, condition, rng), condition, rng
            )
        self._update_average()
        self.step += 1
        return metrics

    def _train_discriminator(
        self, real: Pyramid, fake: Pyramid, on: Condition, rng: torch.Generator
    ) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        penalty = torch.zeros((), device=self.fabric.device)
        if self.loss.penalty is not None:  # its gradients are those with respect to what has not been augmented
            real, fake = ([x.detach().requires_grad_() for x in stacks] for stacks in (real, fake))
        draws = self._draw_augmentations(rng)
        on_real, on_fake = (self._score_stacks(*batch_part, on) for batch_part in zip((real, fake), draws, strict=True))
        loss = self.loss.discriminator(on_real, on_fake)
        if self.loss.penalty is not None:
            mix = torch.rand(self.config.batch, generator=rng)[self.part].to(self.fabric.device)
            again = partial(self._score_stacks, drawn=self._draw_augmentations(rng)[0], on=on)
            penalty = self.loss.penalty(again, real, fake, on_real, on_fake, mix)
        norm = self._take_step(loss + self._get_scheduled(self.config.gamma) * penalty, self.discriminator, self.opt_d)
        on_real, on_fake = on_real.detach(), on_fake.detach()
        # Where only differences of scores count, their sign is taken from the middle between real and fake.
        middle = (on_real.mean() + on_fake.mean()) / 2 if self.loss.is_relativistic else torch.zeros_like(loss)
        r_t = (on_real - middle).sign().mean()
        self._adapt_augmentation(r_t)
        return {
            "loss_d": loss.detach(),
            "penalty": penalty.detach(),
            "d_real": on_real.mean(),
            "d_fake": on_fake.mean(),
            "r_t": r_t,
            "grad_d": norm,
        }

    def _compute_auxiliary_loss(self, painted: Pyramid, on: Condition, rng: torch.Generator) -> Tensor | float:
        if not self.config.is_inpainting:
            return 0.0
        z = torch.randn(self.config.batch, self.config.latent, generator=rng)[self.part].to(self.fabric.device)

        def again() -> Tensor:
            with self.fabric.autocast():
                return self.generator.paint(z, on)[-1]

        return diversity_and_residual_loss(
            self.config, painted[-1], on.image, again if self.step % DIVERSITY_EVERY == 0 else None
        )

    def _train_generator(
        self, real: Pyramid, fake: Pyramid, wished: Tensor | float, on: Condition, rng: torch.Generator
    ) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        draws = self._draw_augmentations(rng)
        seen = self._extract_features(fake, draws[1], on)
        on_fake = self._score_features(seen, on)
        on_real = torch.zeros_like(on_fake)
        if self.loss.is_paired or self.config.matching:
            truth = self._extract_features(real, draws[0], on)
            on_real = self._score_features(truth, on)
            if self.config.matching:
                wished = wished + self.config.matching * feature_matching_loss(truth, seen)
        loss = self.loss.generator(on_real, on_fake) + wished
        norm = self._take_step(loss, self.generator, self.opt_g)
        return {"loss_g": loss.detach(), "grad_g": norm}

    def _draw_augmentations(self, rng: torch.Generator) -> tuple[AugmentationParameters, AugmentationParameters]:
        """How real and generated crops are augmented; alike where they share hosts, so that pairs stay pairs."""
        n, probability = self.config.batch, float(self.adaptive.probability)
        real = self.augment.draw_parameters(n, rng, probability).take(self.part)
        return real, real if self.config.is_inpainting else self.augment.draw_parameters(n, rng, probability).take(
            self.part
        )

    def _extract_features(self, stacks: Pyramid, drawn: AugmentationParameters, on: Condition) -> list[Tensor]:
        memory = choose_memory_format(self.config.spatial_dims)
        augmented = [self.augment(stack, drawn).contiguous(memory_format=memory) for stack in stacks]
        with self.fabric.autocast():
            return self.discriminator.extract_features(augmented, on)

    def _score_features(self, seen: list[Tensor], on: Condition) -> Tensor:
        with self.fabric.autocast():
            return self.discriminator.score_features(seen, on).float()

    def _score_stacks(self, stacks: Pyramid, drawn: AugmentationParameters, on: Condition) -> Tensor:
        return self._score_features(self._extract_features(stacks, drawn, on), on)

    def _take_step(self, loss: Tensor, network: nn.Module, optimiser: torch.optim.Optimizer) -> Tensor:
        """Backward pass and step; returns the norm of the gradient."""
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        found = collect_gradients(network)
        average_over_processes(found, self.fabric.world_size)
        optimiser.step()
        return torch.stack(torch._foreach_norm(found)).norm()

    # ---------------------------------------------------------------- schedules

    def _get_scheduled(self, ends: Range) -> float:
        return schedule_cosine(ends, self.step / self.config.schedule)

    def _set_rates(self) -> None:
        config = self.config
        for optimiser, lr in ((self.opt_g, config.lr), (self.opt_d, config.lr_d)):
            for group in optimiser.param_groups:
                group["lr"], group["betas"] = self._get_scheduled(lr), (config.beta1, self._get_scheduled(config.beta2))

    def _adapt_augmentation(self, r_t: Tensor) -> None:
        if self.config.ada is None:
            return
        self.adaptive.add_batch(r_t)
        if self.adaptive.batches == ADAPT_EVERY:
            mean = self.adaptive.sign_sum / ADAPT_EVERY
            average_over_processes([mean], self.fabric.world_size)
            self.adaptive.update(float(mean), self.config.batch * ADAPT_EVERY)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the generator; short at first, so that the start is soon forgotten."""
        decay = min(self._get_scheduled(self.config.ema), (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.generator.parameters()), 1 - decay)
        for own, current in zip(self.ema.buffers(), self.generator.buffers(), strict=True):
            own.copy_(current)

    @contextmanager
    def _seed_dropout(self) -> Iterator[None]:
        """Dropout draws from PyTorch's global generators: here from ones that follow from the seed and the step."""
        devices = [self.fabric.device] if self.fabric.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(make_rng(self.config.seed, self.step, 4 + self.fabric.global_rank).initial_seed())
            yield

    @torch.no_grad()
    def score_held_out(self, on_fake: float) -> float:
        """The mean score of held-out real crops; NaN if none are held out.

        Args:
            on_fake: that of generated ones. Where these share hosts with real ones, scores are the hosts' as well: what
                is told is then how much higher than what is painted into their own hosts the held-out ones score.
        """
        rng = make_rng(self.config.seed, self.step, 1)
        held = self.crops.draw_held_out(self.config.batch, rng)
        if held is None:
            return math.nan
        stack, on = held
        drawn = self.augment.draw_parameters(len(stack), rng, float(self.adaptive.probability))
        if not self.config.is_inpainting:
            return self._compute_mean_score(build_pyramid(stack, count_levels(self.config)), on, drawn)
        z = torch.randn(len(stack), self.config.latent, generator=rng).to(self.fabric.device)
        with self.fabric.autocast():
            painted = self.generator.paint(z, on)
        fake = assemble(painted, on.image, self.config)
        real = build_pyramid(stack, len(fake))
        return on_fake + self._compute_mean_score(real, on, drawn) - self._compute_mean_score(fake, on, drawn)

    def _compute_mean_score(self, stacks: Pyramid, on: Condition, drawn: AugmentationParameters) -> float:
        self.discriminator.eval()
        scores = self._score_stacks(stacks, drawn, on)
        self.discriminator.train()
        return float(scores.mean())

    # ---------------------------------------------------------------- to and from disk

    def is_finite(self) -> bool:
        """Whether all weights still are numbers."""
        states = (network.state_dict().values() for network in self._networks.values())
        return all(bool(torch.isfinite(t).all()) for state in states for t in state if t.is_floating_point())

    def save(self, folder: Path) -> None:
        """Write a checkpoint of this moment."""
        tensors = flatten_states(self._networks, self._optimisers) | {
            "ada.probability": self.adaptive.probability,
            "ada.signs": self.adaptive.sign_sum,
            "ada.batches": torch.tensor(self.adaptive.batches),
        }
        save_checkpoint(folder, self.step, tensors)

    def resume(self, folder: Path) -> None:
        """Go on from the newest whole checkpoint, if there is one; torn ones are named in ``messages``."""
        self.step, tensors, messages = load_checkpoint(folder)
        self.messages += messages
        if tensors:
            self.adaptive.probability.copy_(tensors.pop("ada.probability"))
            self.adaptive.sign_sum.copy_(tensors.pop("ada.signs", torch.zeros(())))
            self.adaptive.batches = int(tensors.pop("ada.batches", torch.zeros(())))
            restore_states(tensors, self._networks, self._optimisers)
