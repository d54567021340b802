"""What the command line finds out of a bank's folder, and says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from domaingan.banks import Bank
    from domaingan.data import Dataset


def find_folder_kind(method: str | None) -> Literal["scenes"] | None:
    """What a folder is to be opened as, where the method tells."""
    from domaingan.blend import FRAME_LOOKS

    return "scenes" if method is not None and method.partition(":")[0] in (*FRAME_LOOKS, "mix") else None


def describe_resampling(bank: Bank, dataset: Dataset) -> str:
    """That crops of scans are brought to the hosts' spacing, where it is another one; empty where it is not."""
    import numpy as np

    from domaingan.data.slice_axes import find_slice_axis

    hosts = [record for record in dataset.records if record.spacing]
    if bank.info.kind != "crops" or not bank.info.domain.has_body or not hosts:
        return ""
    sliced = len(hosts[0].spacing) > bank.info.spatial_dims
    grids = [np.delete(host.spacing, find_slice_axis(host) if sliced else []) for host in hosts]
    own, other = np.median(bank.entries["spacing"], axis=0), np.median(grids, axis=0)
    if np.allclose(own, other, rtol=0.01):
        return ""
    before, after = (" × ".join(f"{mm:.3g}" for mm in spacing) for spacing in (own, other))
    return f"crops of {before} mm a pixel are resampled to the hosts' {after}"
