"""Conditional GANs for few images: networks, losses, differentiable augmentation, fitting, checkpoints, sampling."""

from domaingan.gan.config import GANConfig
from domaingan.gan.fit import Progress
from domaingan.gan.model import GAN, FitResult

__all__ = ["GAN", "FitResult", "GANConfig", "Progress"]
