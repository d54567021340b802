"""domaingan: for images in which what matters is rare."""

__version__ = "0.1.0"
