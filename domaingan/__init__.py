"""domaingan: for images in which what matters is rare.

Read labelled scans or driving frames, learn what is rare in them, blend it into real images, and measure whether it
helped::

    import domaingan as dg

    scans = dg.load("phantom:medical")
    bank = dg.crops(scans, size=32)
    pasted = dg.Paste(bank)(scans[0], rng=np.random.default_rng(0))

Names are imported when they are first used, so that ``import domaingan`` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from domaingan import albumentations as albumentations
    from domaingan import monai as monai
    from domaingan.adapters import load as load
    from domaingan.augmentation import Classic as Classic
    from domaingan.bank_folders.from_dataset_folder import crops as crops
    from domaingan.bank_folders.from_dataset_folder import scenes as scenes
    from domaingan.bank_folders.from_dataset_folder import view as view
    from domaingan.banks import Bank as Bank
    from domaingan.blend import Paste as Paste
    from domaingan.blend import Relight as Relight
    from domaingan.blend import Variation as Variation
    from domaingan.core.errors import DataError as DataError
    from domaingan.core.progress_bar import ProgressBar as ProgressBar
    from domaingan.corruptions import corrupt as corrupt
    from domaingan.data import Dataset as Dataset
    from domaingan.data import Sample as Sample
    from domaingan.evaluation.api import evaluate as evaluate
    from domaingan.gan import GAN as GAN
    from domaingan.inpainting.short_names import windows as windows
    from domaingan.inpainting.short_names import with_healthy as with_healthy
    from domaingan.report import write_report as write_report
    from domaingan.report.show import show as show
    from domaingan.robustness_eval.run_robustness import robustness as robustness

_MODULE_BY_NAME = {
    "Bank": "banks",
    "Classic": "augmentation",
    "DataError": "core.errors",
    "Dataset": "data",
    "GAN": "gan",
    "Paste": "blend",
    "ProgressBar": "core.progress_bar",
    "Relight": "blend",
    "Sample": "data",
    "Variation": "blend",
    "corrupt": "corruptions",
    "crops": "bank_folders.from_dataset_folder",
    "evaluate": "evaluation",
    "load": "adapters",
    "robustness": "robustness_eval",
    "scenes": "bank_folders.from_dataset_folder",
    "show": "report.show",
    "view": "bank_folders.from_dataset_folder",
    "windows": "inpainting.short_names",
    "with_healthy": "inpainting.short_names",
    "write_report": "report",
}
"""The public names, and the module below ``domaingan`` that each is imported from when it is first used."""

_TAKES_FOLDERS = ("GAN", "Paste", "Relight")
"""Names that take a bank's folder in place of a bank. ``bank_folders`` says how a folder is opened."""

_TRANSFORM_MODULES = ("albumentations", "monai")
"""Modules with the transforms for other libraries, called as the library is."""

__all__ = [*sorted([*_MODULE_BY_NAME, *_TRANSFORM_MODULES]), "__version__"]


def __getattr__(name: str) -> Any:
    if name in _TRANSFORM_MODULES:
        return importlib.import_module(f"domaingan.{name}")
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module 'domaingan' has no attribute {name!r}")
    if name in _TAKES_FOLDERS:
        importlib.import_module("domaingan.bank_folders")
    module = importlib.import_module(f"domaingan.{_MODULE_BY_NAME[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
