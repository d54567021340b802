"""What ``domaingan inspect`` found, printed as tables for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

MAX_LINES = 10
"""Problems or leaks that are listed unless all of them are asked for."""

DATASET_FACTS = (
    "layout", "samples", "subjects", "spatial_dims", "channels", "splits", "sequences", "shapes", "spacings", "regions",
    "unlabelled", "dropped", "crowds",
)  # fmt: skip
"""What is shown of a dataset in the first table, in this order."""


def print_facts(facts: Mapping[str, Any], title: str) -> None:
    """Print what is known of a bank or a model as a table.

    Args:
        facts: as of :func:`domaingan.cli.inspect_folders.inspect_folder`; empty ones are left out.
        title: of the table.
    """
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in facts.items():
        if value not in (None, "", [], {}, ()):
            table.add_row(name.replace("_", " "), _format_value(value))
    Console().print(table)


def print_dataset(found: dict[str, Any], title: str, verbose: bool) -> None:
    """Print what was found in a dataset as tables and lines.

    Args:
        found: as of :func:`domaingan.adapters.inspect_dataset.inspect_dataset`.
        title: of the first table.
        verbose: whether all problems and leaks are listed.
    """
    from domaingan.adapters.nifti.body_notes import describe_body
    from domaingan.adapters.nifti.header_notes import describe_notes

    console = Console()
    facts = Table(title=title, show_header=False, title_justify="left")
    for name in DATASET_FACTS:
        if found.get(name):
            facts.add_row(name.replace("_", " "), _format_value(found[name]))
    console.print(facts)
    console.print(_make_class_table(found))
    for name, counts in found["conditions"].items():
        console.print(_make_condition_table(name, counts))
    if found["objects"] and not found["masks"]:
        console.print("[yellow]note[/yellow] objects have boxes but no masks: crops --masks grabcut would guess masks")
    for line in [*describe_body(found), *describe_notes(found)]:
        console.print(f"[yellow]note[/yellow] {escape(line)}", soft_wrap=True)
    for line in describe_leaks(found["leaks"], verbose):
        console.print(f"[yellow]leak[/yellow] {escape(line)}", soft_wrap=True)
    _print_problems(console, found["problems"], verbose)


def _make_class_table(found: Mapping[str, Any]) -> Table:
    columns = ["samples"]
    counts = [found["classes"]]
    if found["masks"]:
        columns.append("pixels" if found["spatial_dims"] == 2 else "voxels")
        counts.append(found["voxels"])
    if found["objects"]:
        columns.append("objects")
        counts.append(found["objects"])
    table = Table("class", *columns, title="classes", title_justify="left")
    for name in found["classes"]:
        cells = [str(count.get(name, "")) for count in counts]
        table.add_row(name, *cells)
    return table


def _make_condition_table(name: str, counts: Mapping[Any, int]) -> Table:
    table = Table(name, "samples", title=f"condition {name}", title_justify="left")
    for value, n in counts.items():
        table.add_row(str(value), str(n))
    return table


def describe_leaks(leaks: Sequence[Mapping[str, Any]], verbose: bool) -> list[str]:
    """Describe samples on both sides of a split that are the same, a line each.

    Args:
        leaks: as of :func:`domaingan.adapters.inspect_dataset.inspect_dataset`.
        verbose: whether to list all of them, not :data:`MAX_LINES` at most.
    """
    lines = [f"{' and '.join(leak['samples'])} {leak['reason']}" for leak in leaks]
    if len(lines) > MAX_LINES and not verbose:
        n_more = len(lines) - MAX_LINES
        return [*lines[:MAX_LINES], f"… and {n_more} more (-v shows them)"]
    return lines


def _print_problems(console: Console, problems: Sequence[Mapping[str, Any]], verbose: bool) -> None:
    limit = len(problems) if verbose else MAX_LINES
    for problem in problems[:limit]:
        console.print(f"[red]problem[/red] {problem['path']}: {problem['reason']}", soft_wrap=True)
    if len(problems) > limit:
        console.print(f"… and {len(problems) - limit} more problems (-v shows them)")
    console.print(f"{len(problems)} problems" if problems else "no problems")


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_format_value(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_format_item(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _format_item(item: Any) -> str:
    """Format an item of a list; a list in it is a shape or a spacing."""
    if isinstance(item, list | tuple):
        return "×".join(str(size) for size in item)
    return _format_value(item)
