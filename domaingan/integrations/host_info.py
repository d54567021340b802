"""What a user says of a host beside its pixels: its name, its spacing, its body, its range."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaingan.banks import BankInfo
from domaingan.core.errors import DataError

UNKNOWN_SPACING_WARNING = (
    "the size of a host's pixels is not known: taken as 1 mm; spacing= says it in mm, one number an axis"
)


@dataclass
class OneTimeWarnings:
    """Warnings of which a transform gives each one once.

    Attributes:
        issued: the texts that were given already.
    """

    issued: set[str] = field(default_factory=set)

    def warn(self, text: str) -> None:
        """Give this warning, unless it was given before."""
        if text not in self.issued:
            self.issued.add(text)
            warnings.warn(text, UserWarning, stacklevel=3)


def read_spacing(value: Any, dims: int, what: str = "spacing") -> tuple[float, ...]:
    """Read the size of a pixel: one number, or one for each of ``dims`` axes, in mm.

    Args:
        value: a number, a sequence, an array or a tensor.
        dims: 2 or 3.
        what: how the value is called in messages.

    Raises:
        DataError: it is none of these, has another length, or a size is not positive.
    """
    try:
        sizes = np.asarray(value, dtype=np.float64).reshape(-1).tolist()
    except (TypeError, ValueError):
        sizes = []
    if len(sizes) == 1:
        sizes = sizes * dims
    are_possible = all(0 < size < np.inf for size in sizes)
    if len(sizes) != dims or not are_possible:
        raise DataError(f"{what} {value!r}", expected=f"{dims} positive numbers, in mm")
    return tuple(sizes)


def read_host_info(host_info: Any, shape: tuple[int, ...], key: str) -> dict[str, Any]:
    """Read what a user says of a host; arrays may be tensors or lists.

    Args:
        host_info: a dictionary with any of ``name``, ``subject``, ``sequence``, ``spacing``, ``foreground``, ``range``
            and ``condition``; or None.
        shape: of the image, without channels.
        key: under which it was found, for messages.

    Raises:
        DataError: it is no dictionary, or an entry of it has another form.
    """
    if host_info is None:
        return {}
    if not isinstance(host_info, Mapping):
        expected = "a dictionary with what is known of the host, or another meta_key="
        raise DataError(f"{key!r} is a {type(host_info).__name__}", expected=expected)
    meta = {str(name): value for name, value in host_info.items() if value is not None}
    if "spacing" in meta:
        meta["spacing"] = read_spacing(meta["spacing"], len(shape), f"{key}['spacing']")
    if "foreground" in meta:
        inside = _parse_numbers(meta["foreground"])
        if inside.size != np.prod(shape):
            raise DataError(f"{key}['foreground'] {inside.shape}", expected=f"{shape}, as the image is")
        meta["foreground"] = inside.reshape(shape) > 0
    if "range" in meta:
        ends = _parse_numbers(meta["range"])
        if ends.ndim != 2 or ends.shape[1] != 2 or not (ends[:, 0] < ends[:, 1]).all():
            raise DataError(f"{key}['range'] {meta['range']!r}", expected="two values a channel, the lower first")
        meta["range"] = ends.astype(np.float32)
    if not isinstance(meta.get("condition", {}), Mapping):
        raise DataError(f"{key}['condition'] {meta['condition']!r}", expected="{condition: value}")
    return meta


def _parse_numbers(values: Any) -> NDArray[Any]:
    """Convert to an array of numbers; anything else becomes an empty one."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros(0)


def add_host_name(host_info: Mapping[str, Any], info: BankInfo, warnings_once: OneTimeWarnings) -> dict[str, Any]:
    """Name a host as the bank that is bound to it does; warn once where the bank is bound to other hosts.

    Args:
        host_info: as of :func:`read_host_info`; its ``name`` may be the path of a file.
        info: of the bank.
        warnings_once: the transform's warnings.
    """
    name = str(host_info.get("name", ""))
    if not info.hosts or name in info.hosts:
        return dict(host_info)
    found = find_host_name(name, info.hosts)
    if not found:
        bound = f"the bank is bound to {len(info.hosts)} hosts, such as {info.hosts[0]!r}"
        asked = repr(name) if name else "an image without a name"
        warnings_once.warn(
            f"{bound}; none is named by {asked}, so nothing of theirs is pasted: meta={{'name': …}} names it"
        )
    return {**host_info, "name": found or name}


def find_host_name(file: str, hosts: Sequence[str]) -> str:
    """Find the host that a file belongs to, among those that a bank is bound to.

    Args:
        file: a path, or a name.
        hosts: names of the hosts.

    Returns:
        The name; empty where no host fits, or several do.

    A host is named in a path by consecutive folders, or by the file: its stem, or the beginning of that up to an
    underscore (``case_0000.nii.gz`` of ``case``), below the folders of the host's name. The longest name wins.

    >>> find_host_name("/data/s1/t1.nii.gz", ["s1", "s10"])
    's1'
    >>> find_host_name("imagesTr/BRATS_004_0000.nii.gz", ["BRATS_004", "BRATS_005"])
    'BRATS_004'
    """
    folders = list(Path(file).parts)
    stem = Path(folders.pop().removesuffix(".gz")).stem if folders else ""
    fitting = [host for host in hosts if _is_host_in_path(host.split("/"), folders, stem)]
    greatest_length = max((len(host) for host in fitting), default=0)
    longest = [host for host in fitting if len(host) == greatest_length]
    return longest[0] if len(longest) == 1 else ""


def _is_host_in_path(host: Sequence[str], folders: Sequence[str], stem: str) -> bool:
    """Whether the parts of a host's name are in a path, given as its folders and the stem of its file."""
    *parents, last = host
    is_file = stem == last or stem.startswith(f"{last}_")
    rest = iter(folders)
    if is_file and all(part in rest for part in parents):  # each parent is looked for behind the one before
        return True
    n = len(host)
    return any(list(folders[start : start + n]) == list(host) for start in range(len(folders) - n + 1))
