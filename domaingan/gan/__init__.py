"""Conditional GANs for few images: networks, losses, differentiable augmentation, fitting, checkpoints, sampling."""

from domaingan.gan.config import GANConfig
from domaingan.gan.model import GAN
from domaingan.gan.training.loop import FitResult, Progress

__all__ = ["GAN", "FitResult", "GANConfig", "Progress"]
