"""The help of ``--method``, made from the methods and looks that there are."""

from __future__ import annotations

from collections.abc import Iterable

METHOD_HELP = "How crops are blended in, or the look of scenes is taken over."
"""The help where the methods themselves are not imported, such as in completions of a shell."""


def describe_methods() -> str:
    """Describe the methods for crops and the looks for scenes, with the defaults of each domain."""
    from domaingan.blend.looks import FRAME_LOOKS, MIX, SCAN_LOOKS
    from domaingan.blend.methods import MATCHES, METHODS
    from domaingan.data.domain import DOMAINS

    method_defaults = {domain.blend_method: f"default for {domain.name}s" for domain in DOMAINS.values()}
    look_defaults = {domain.look_method: f"default for {domain.name}s" for domain in DOMAINS.values()}
    looks = dict.fromkeys([*FRAME_LOOKS, *SCAN_LOOKS, "fda:BETA", MIX])
    matches = " or ".join(f"+{name}" for name in MATCHES)
    return (
        f"For crops: {_list_names(METHODS, method_defaults)}. With {matches} the crop first takes that of the host. "
        f"For scenes: {_list_names(looks, look_defaults)}."
    )


def _list_names(names: Iterable[str], remarks: dict[str, str]) -> str:
    """List names, each with the remark on it.

    >>> _list_names(["alpha", "soft", "poisson"], {"soft": "default for frames"})
    'alpha, soft (default for frames) or poisson'
    """
    described = []
    for name in names:
        described.append(f"{name} ({remarks[name]})" if name in remarks else name)
    return f"{', '.join(described[:-1])} or {described[-1]}"
