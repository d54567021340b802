"""What the command line finds out of a bank, and says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from domaingan.banks import Bank
    from domaingan.data import Dataset

SPACING_TOLERANCE = 0.01
"""Spacings that differ by less than this share count as the same."""


def find_folder_kind(method: str | None) -> Literal["scenes"] | None:
    """Find as what a folder is to be opened: as scenes where the method relights; else None, as it is."""
    from domaingan.blend.looks import is_look_name

    return "scenes" if method is not None and is_look_name(method) else None


def describe_resampling(bank: Bank, dataset: Dataset) -> str:
    """Describe that crops of scans are resampled to the hosts' spacing; empty where both have the same.

    Args:
        bank: any bank.
        dataset: the hosts.
    """
    import numpy as np

    from domaingan.data.slice_axes import find_slice_axis

    hosts = [record for record in dataset.records if record.spacing]
    if bank.info.kind != "crops" or not bank.info.domain.has_body or not hosts:
        return ""
    is_sliced = len(hosts[0].spacing) > bank.info.spatial_dims
    spacings = []
    for host in hosts:
        spacing = np.asarray(host.spacing)
        spacings.append(np.delete(spacing, find_slice_axis(host)) if is_sliced else spacing)
    bank_spacing = np.median(bank.entries["spacing"], axis=0)
    host_spacing = np.median(spacings, axis=0)
    if np.allclose(bank_spacing, host_spacing, rtol=SPACING_TOLERANCE):
        return ""
    return (
        f"crops of {_format_spacing(bank_spacing)} mm a pixel are resampled to the hosts' "
        f"{_format_spacing(host_spacing)}"
    )


def _format_spacing(spacing: NDArray[np.float64]) -> str:
    return " × ".join(f"{mm:.3g}" for mm in spacing)


def describe_left_out(bank: Bank) -> str:
    """Describe what was left out of a bank, and why; empty where nothing was."""
    return "".join(f"; left out: {count} {reason}" for reason, count in bank.info.left_out.items())


def write_contact_sheet(bank: Bank, path: Path) -> None:
    """Write a picture of a bank's entries with the outlines of their masks."""
    from domaingan.core.tiles import save_png
    from domaingan.report.show import draw_bank

    save_png(draw_bank(bank), path)
