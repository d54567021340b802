"""One training step: draw a batch, train the discriminator, train the generator, update the averaged generator."""

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
from domaingan.gan.fabric import average_over_processes, collect_gradients
from domaingan.gan.networks import (
    assemble_stacks,
    build_networks,
    build_pyramid,
    choose_memory_format,
    count_levels,
)
from domaingan.gan.networks.parts import Pyramid
from domaingan.gan.seeds import make_rng
from domaingan.gan.training.adaptive_probability import AdaptiveProbability
from domaingan.gan.training.augment import AugmentationParameters, make_augmentation
from domaingan.gan.training.auxiliary_losses import (
    DIVERSITY_EVERY,
    diversity_and_residual_loss,
    feature_matching_loss,
)
from domaingan.gan.training.checkpoint import flatten_states, load_checkpoint, restore_states, save_checkpoint
from domaingan.gan.training.losses import LOSSES
from domaingan.gan.training.schedules import schedule_cosine

ADAPT_EVERY = 4
"""Steps between two changes of the augmentation probability, as in ADA."""


@dataclass
class Trainer:
    """Trains one generator and one discriminator.

    All that is random in step ``t`` depends on the seed and ``t`` alone. So a training that is killed and resumed takes
    the same steps as one that is not, and the state of no random generator is saved. Each of several processes draws
    the random numbers of the whole batch and uses its part of them.

    Attributes:
        config: the networks and how to train them.
        crops: the crops of the training.
        fabric: device, precision and processes.
        step: steps that are over.
        messages: what the user should know.
    """

    config: GANConfig
    crops: TrainingCrops
    fabric: Fabric
    step: int = 0
    messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        config, training, fabric = self.config, self.config.training, self.fabric
        if training.batch % fabric.world_size:
            raise DataError(f"batch {training.batch} on {fabric.world_size} processes", expected="a multiple of them")
        self.batch_part = slice(fabric.global_rank, None, fabric.world_size)
        generator, discriminator = build_networks(config)
        fabric.to_device(generator), fabric.to_device(discriminator)
        self.generator, self.discriminator = generator, discriminator
        self.ema = copy.deepcopy(generator).requires_grad_(False)
        self.opt_g, self.opt_d = self._make_adam(generator), self._make_adam(discriminator)
        self.loss, self.feed = LOSSES[training.loss], BatchFeed(self.crops, self.batch_part)
        self.augment = make_augmentation(config)
        self.adaptive = AdaptiveProbability(
            training.ada or 0.0,
            torch.tensor(training.augment, dtype=torch.float64),
            torch.zeros((), device=fabric.device),
        )
        self._networks = {"generator": generator, "discriminator": discriminator, "ema": self.ema}
        self._optimisers = {"opt_g": self.opt_g, "opt_d": self.opt_d}

    def _make_adam(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), fused=True)  # rates and betas are set before each step

    # ---------------------------------------------------------------- one step

    def train_step(self) -> dict[str, Tensor]:
        """Train both networks on one batch.

        Returns:
            Losses, scores and the norms of the gradients, by column of the log.
        """
        rng = make_rng(self.config.training.seed, self.step)
        self._set_rates()
        stack, condition = self.feed.get_batch(self.step)
        real = build_pyramid(stack, count_levels(self.config))
        z = self._draw_latents(rng)
        with self._seed_dropout():
            with self.fabric.autocast():
                generated = self.generator.generate(z, condition)
            fake = assemble_stacks(generated, condition.image, self.config)
            metrics = self._train_discriminator(real, [x.detach() for x in fake], condition, rng)
            auxiliary = self._compute_auxiliary_loss(generated, condition, rng)
            metrics |= self._train_generator(real, fake, auxiliary, condition, rng)
        self._update_average()
        self.step += 1
        return metrics

    def _draw_latents(self, rng: torch.Generator) -> Tensor:
        """Draw the latents of the whole batch and return this process's part of them."""
        z = torch.randn(self.config.training.batch, self.config.network.latent, generator=rng)
        return z[self.batch_part].to(self.fabric.device)

    def _train_discriminator(
        self, real: Pyramid, fake: Pyramid, condition: Condition, rng: torch.Generator
    ) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(True)
        penalty = torch.zeros((), device=self.fabric.device)
        if self.loss.penalty is not None:  # of the gradients with respect to stacks that are not augmented
            real = [stack.detach().requires_grad_() for stack in real]
            fake = [stack.detach().requires_grad_() for stack in fake]
        real_parameters, fake_parameters = self._draw_augmentations(rng)
        real_scores = self._score_stacks(real, real_parameters, condition)
        fake_scores = self._score_stacks(fake, fake_parameters, condition)
        loss = self.loss.discriminator(real_scores, fake_scores)
        if self.loss.penalty is not None:
            mix = torch.rand(self.config.training.batch, generator=rng)[self.batch_part].to(self.fabric.device)
            parameters = self._draw_augmentations(rng)[0]
            score = partial(self._score_stacks, parameters=parameters, condition=condition)
            penalty = self.loss.penalty(score, real, fake, real_scores, fake_scores, mix)
        gamma = self._get_scheduled(self.config.training.gamma)
        norm = self._take_step(loss + gamma * penalty, self.discriminator, self.opt_d)
        real_scores, fake_scores = real_scores.detach(), fake_scores.detach()
        r_t = self._measure_r_t(real_scores, fake_scores)
        self._adapt_augmentation(r_t)
        return {
            "loss_d": loss.detach(),
            "penalty": penalty.detach(),
            "d_real": real_scores.mean(),
            "d_fake": fake_scores.mean(),
            "r_t": r_t,
            "grad_d": norm,
        }

    def _measure_r_t(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Compute the mean sign of the scores of real crops.

        If only differences of scores count, the sign is that of the difference to the middle between real and fake.
        """
        middle = torch.zeros((), device=real_scores.device)
        if self.loss.is_relativistic:
            middle = (real_scores.mean() + fake_scores.mean()) / 2
        return (real_scores - middle).sign().mean()

    def _compute_auxiliary_loss(self, generated: Pyramid, condition: Condition, rng: torch.Generator) -> Tensor | float:
        """Compute the losses of a generator that changes hosts; 0 for others."""
        if not self.config.is_inpainting:
            return 0.0
        z = self._draw_latents(rng)

        def regenerate() -> Tensor:
            with self.fabric.autocast():
                return self.generator.generate(z, condition)[-1]

        has_diversity = self.step % DIVERSITY_EVERY == 0
        return diversity_and_residual_loss(
            self.config, generated[-1], condition.image, regenerate if has_diversity else None
        )

    def _train_generator(
        self, real: Pyramid, fake: Pyramid, auxiliary: Tensor | float, condition: Condition, rng: torch.Generator
    ) -> dict[str, Tensor]:
        self.discriminator.requires_grad_(False)
        real_parameters, fake_parameters = self._draw_augmentations(rng)
        matching = self.config.training.matching
        fake_features = self._extract_features(fake, fake_parameters, condition)
        fake_scores = self._score_features(fake_features, condition)
        real_scores = torch.zeros_like(fake_scores)
        if self.loss.is_paired or matching:
            real_features = self._extract_features(real, real_parameters, condition)
            real_scores = self._score_features(real_features, condition)
            if matching:
                auxiliary = auxiliary + matching * feature_matching_loss(real_features, fake_features)
        loss = self.loss.generator(real_scores, fake_scores) + auxiliary
        norm = self._take_step(loss, self.generator, self.opt_g)
        return {"loss_g": loss.detach(), "grad_g": norm}

    def _draw_augmentations(self, rng: torch.Generator) -> tuple[AugmentationParameters, AugmentationParameters]:
        """Draw the augmentation of real and of generated crops. It is the same for both if they share their hosts."""
        n, probability = self.config.training.batch, float(self.adaptive.probability)
        real = self.augment.draw_parameters(n, rng, probability).take(self.batch_part)
        if self.config.is_inpainting:
            return real, real
        return real, self.augment.draw_parameters(n, rng, probability).take(self.batch_part)

    def _extract_features(
        self, stacks: Pyramid, parameters: AugmentationParameters, condition: Condition
    ) -> list[Tensor]:
        memory = choose_memory_format(self.config.network.spatial_dims)
        augmented = [self.augment(stack, parameters).contiguous(memory_format=memory) for stack in stacks]
        with self.fabric.autocast():
            return self.discriminator.extract_features(augmented, condition)

    def _score_features(self, features: list[Tensor], condition: Condition) -> Tensor:
        with self.fabric.autocast():
            return self.discriminator.score_features(features, condition).float()

    def _score_stacks(self, stacks: Pyramid, parameters: AugmentationParameters, condition: Condition) -> Tensor:
        return self._score_features(self._extract_features(stacks, parameters, condition), condition)

    def _take_step(self, loss: Tensor, network: nn.Module, optimiser: torch.optim.Optimizer) -> Tensor:
        """Compute the gradients, average them over all processes and update the weights.

        Returns:
            The norm of the gradient.
        """
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        gradients = collect_gradients(network)
        average_over_processes(gradients, self.fabric.world_size)
        optimiser.step()
        return torch.stack(torch._foreach_norm(gradients)).norm()

    # ---------------------------------------------------------------- schedules

    def _get_scheduled(self, ends: Range) -> float:
        """Return the current value of a scheduled setting."""
        return schedule_cosine(ends, self.step / self.config.training.schedule)

    def _set_rates(self) -> None:
        training = self.config.training
        betas = (training.beta1, self._get_scheduled(training.beta2))
        for optimiser, lr in ((self.opt_g, training.lr), (self.opt_d, training.lr_d)):
            for group in optimiser.param_groups:
                group["lr"], group["betas"] = self._get_scheduled(lr), betas

    def _adapt_augmentation(self, r_t: Tensor) -> None:
        if self.config.training.ada is None:
            return
        self.adaptive.add_batch(r_t)
        if self.adaptive.batches == ADAPT_EVERY:
            mean = self.adaptive.sign_sum / ADAPT_EVERY
            average_over_processes([mean], self.fabric.world_size)
            self.adaptive.update(float(mean), self.config.training.batch * ADAPT_EVERY)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Update the moving average of the generator; it is short at first, so that the start is soon forgotten."""
        decay = min(self._get_scheduled(self.config.training.ema), (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.generator.parameters()), 1 - decay)
        for average, current in zip(self.ema.buffers(), self.generator.buffers(), strict=True):
            average.copy_(current)

    @contextmanager
    def _seed_dropout(self) -> Iterator[None]:
        """Let dropout depend on the seed and the step: it draws from PyTorch's global generators."""
        devices = [self.fabric.device] if self.fabric.device.type == "cuda" else []
        rng = make_rng(self.config.training.seed, self.step, 4 + self.fabric.global_rank)
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(rng.initial_seed())
            yield

    @torch.no_grad()
    def score_held_out(self, fake_score: float) -> float:
        """Compute the mean score of held-out real crops.

        For a generator that changes hosts, a score depends on the host, too. Then crops are generated in the hosts of
        the held-out crops, and the difference between both is added to ``fake_score``.

        Args:
            fake_score: mean score of the crops that were generated in the training.

        Returns:
            The score, or NaN if no crops are held out.
        """
        training = self.config.training
        rng = make_rng(training.seed, self.step, 1)
        held_out = self.crops.draw_held_out(training.batch, rng)
        if held_out is None:
            return math.nan
        stack, condition = held_out
        parameters = self.augment.draw_parameters(len(stack), rng, float(self.adaptive.probability))
        if not self.config.is_inpainting:
            real = build_pyramid(stack, count_levels(self.config))
            return self._compute_mean_score(real, condition, parameters)
        z = torch.randn(len(stack), self.config.network.latent, generator=rng).to(self.fabric.device)
        with self.fabric.autocast():
            generated = self.generator.generate(z, condition)
        fake = assemble_stacks(generated, condition.image, self.config)
        real = build_pyramid(stack, len(fake))
        real_score = self._compute_mean_score(real, condition, parameters)
        return fake_score + real_score - self._compute_mean_score(fake, condition, parameters)

    def _compute_mean_score(self, stacks: Pyramid, condition: Condition, parameters: AugmentationParameters) -> float:
        self.discriminator.eval()
        scores = self._score_stacks(stacks, parameters, condition)
        self.discriminator.train()
        return float(scores.mean())

    # ---------------------------------------------------------------- to and from disk

    def is_finite(self) -> bool:
        """Tell whether all weights are finite numbers."""
        for network in self._networks.values():
            for tensor in network.state_dict().values():
                if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                    return False
        return True

    def save(self, folder: Path) -> None:
        """Write a checkpoint of the current step."""
        tensors = flatten_states(self._networks, self._optimisers) | {
            "ada.probability": self.adaptive.probability,
            "ada.signs": self.adaptive.sign_sum,
            "ada.batches": torch.tensor(self.adaptive.batches),
        }
        save_checkpoint(folder, self.step, tensors)

    def resume(self, folder: Path) -> None:
        """Continue from the newest whole checkpoint, if there is one; damaged ones are named in ``messages``."""
        self.step, tensors, messages = load_checkpoint(folder)
        self.messages += messages
        if tensors:
            self.adaptive.probability.copy_(tensors.pop("ada.probability"))
            self.adaptive.sign_sum.copy_(tensors.pop("ada.signs", torch.zeros(())))
            self.adaptive.batches = int(tensors.pop("ada.batches", torch.zeros(())))
            restore_states(tensors, self._networks, self._optimisers)
