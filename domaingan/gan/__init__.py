"""Conditional GANs for few images: networks, losses, differentiable augmentation, training, sampling."""

from domaingan.core.progress import Progress
from domaingan.gan.config import GANConfig
from domaingan.gan.model import GAN
from domaingan.gan.training.loop import FitResult

__all__ = ["GAN", "FitResult", "GANConfig", "Progress"]
