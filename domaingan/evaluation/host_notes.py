"""What a run says of its further hosts: counts for ``result.json``, and sentences for a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from domaingan.data import Schema
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.further_hosts import FurtherHosts, is_partly_labelled
from domaingan.evaluation.split import Fold

MAX_IGNORED_SHARE = 0.2
"""A teacher that suspects objects in this share of all pixels cannot tell them from background."""


def count_hosts(fold: Fold, further: FurtherHosts) -> dict[str, Any] | None:
    """Count the further hosts of a fold; None where there are none to count.

    Args:
        fold: says how many images were left out before they were read.
        further: those that are trained on.

    Returns:
        ``people``, ``images`` (volumes, where slices are trained on), ``samples``, ``left_out`` by reason, and
        ``ignored_share``.
    """
    if fold.hosts is None:
        return None
    images = {sample.source.parent or sample.name for sample in further.samples}
    return {
        "people": len(further.shares.people),
        "images": len(images),
        "samples": len(further.samples),
        "left_out": dict(Counter(fold.hosts_left_out) + further.left_out),
        "ignored_share": round(further.ignored_share, 4),
    }


def describe_hosts(counts: Sequence[dict[str, Any]], config: EvaluationConfig, schema: Schema) -> list[str]:
    """Describe the further hosts, in sentences for a report.

    Args:
        counts: of each fold, see :func:`count_hosts`; empty where there are no further hosts.
        config: where the hosts lie, and whether there is a teacher.
        schema: of the labelled samples.
    """
    if not counts:
        return []
    first = counts[0]
    parts = "training sets" if config.sets > 1 else "folds"
    where = f" in the first of {len(counts)} {parts}" if len(counts) > 1 else ""
    others = ", ".join(f"{n} {reason}" for reason, n in first["left_out"].items())
    left_out = f" Left out: {others}." if others else ""
    warnings: dict[str, None] = {}
    for fold_counts in counts:
        warnings |= dict.fromkeys(list_host_warnings(fold_counts, schema))
    return [
        f"Every arm that pastes is also trained on {first['images']} images of {config.hosts} as further hosts{where}; "
        f"arms that do not paste are not.{left_out}",
        _describe_objects(first["ignored_share"], config, schema),
        *(f"Warning: {warning}." for warning in warnings),
    ]


def list_host_warnings(counts: dict[str, Any] | None, schema: Schema) -> list[str]:
    """List what makes further hosts useless: none is left, or a teacher suspects objects nearly everywhere.

    Args:
        counts: of a fold, see :func:`count_hosts`.
        schema: of the labelled samples.
    """
    if counts is None:
        return []
    if not counts["samples"]:
        return ["no further host is left: all of them have, or may have, objects of their own"]
    ignored_share = counts["ignored_share"]
    if ignored_share >= MAX_IGNORED_SHARE and not is_partly_labelled(schema):
        suspected = f"objects are suspected in {ignored_share:.0%} of the further hosts' pixels"
        return [f"{suspected}: the teacher was trained too little to tell; try more --steps"]
    return []


def _describe_objects(ignored_share: float, config: EvaluationConfig, schema: Schema) -> str:
    """Describe what is done about the hosts' own objects."""
    if config.task == "detection":
        how = "that the teacher of the fold suspects" if config.hosts_teacher else "that their own labels show"
        text = f"Hosts with objects {how} were left out: a detector would take these for background."
    elif is_partly_labelled(schema):
        text = "In further hosts no loss is computed but on what is pasted: nobody labelled the rest of them."
    else:
        how = (
            "that their own labels show or a teacher suspects" if config.hosts_teacher else "that their own labels show"
        )
        text = f"In further hosts no loss is computed on objects {how}: {ignored_share:.2%} of their pixels."
    if config.hosts_teacher:
        return f"{text} The teacher is a baseline that classic trained on the training samples of the fold alone."
    if not is_partly_labelled(schema):
        text += " Where nothing is labelled they are taken to hold no objects, which was not checked."
    return text
