"""``domaingan inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domaingan.cli import options as o

NAME = "inspect"


def command(
    data: o.Data,
    layout: o.Layout = None,
    where: o.Where = None,
    limit: o.Limit = None,
    seed: o.Seed = 0,
    json: o.Json = False,
    verbose: o.Verbose = False,
) -> None:
    """What is in DATA: counts, classes, conditions, spacing, and every file that cannot be used.

    DATA may also be a bank or a model: what it holds and what it was made of. Of a dataset every sample is read once.
    Exits 0 when problems were found, so that they can be listed; the other commands
    refuse such data unless told to skip them.
    """
    from domaingan.adapters.inspect_dataset import inspect_dataset
    from domaingan.cli.inspect_folders import inspect_folder
    from domaingan.cli.progress_bar import ProgressBar

    artifact = inspect_folder(Path(data))
    if artifact is not None:
        if not json:
            print_facts(artifact, data)
        o.print_result(artifact, json, "")
        return
    dataset = o.open_data(data, layout, where, limit, seed, skip_problems=True, quiet=True)
    with ProgressBar("reading") as teller:
        found = inspect_dataset(dataset, progress=teller.update)
    if not json:
        print_dataset(found, data, verbose)
    o.print_result(found, json, "")


def print_facts(facts: dict[str, Any], title: str) -> None:
    """Print what is known of a bank or a model as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in facts.items():
        if value not in (None, "", [], {}, ()):
            table.add_row(name.replace("_", " "), _format_value(value))
    Console().print(table)


def describe_leaks(leaks: list[dict[str, Any]], verbose: bool) -> list[str]:
    """Describe what may be on both sides of a split though it is the same, a line each, ten unless all are asked for.

    Args:
        leaks: as of :func:`domaingan.adapters.inspect_dataset.inspect`.
        verbose: whether to list all of them.
    """
    lines = [f"{' and '.join(leak['samples'])} {leak['reason']}" for leak in leaks]
    if len(lines) > 10 and not verbose:
        return [*lines[:10], f"… and {len(lines) - 10} more (-v shows them)"]
    return lines


def print_dataset(found: dict[str, Any], data: str, verbose: bool) -> None:
    """Print what was found as tables."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from domaingan.adapters.nifti.body_notes import describe_body
    from domaingan.adapters.nifti.header_notes import describe_notes

    console = Console()
    facts = Table(title=data, show_header=False, title_justify="left")
    shown = ["layout", "samples", "subjects", "spatial_dims", "channels", "splits", "sequences", "shapes", "spacings"]
    for name in [*shown, "regions", "unlabelled", "dropped", "crowds"]:
        value = found.get(name)
        if value:
            facts.add_row(name.replace("_", " "), _format_value(value))
    console.print(facts)
    columns = ["samples", "pixels" if found["spatial_dims"] == 2 else "voxels"]
    columns += ["objects"] if found["objects"] else []
    classes = Table("class", *columns, title="classes", title_justify="left")
    counts = [found["classes"], found["voxels"], found["objects"]][: len(columns)]
    for name in found["classes"]:
        classes.add_row(name, *(str(count.get(name, "")) for count in counts))
    console.print(classes)
    for name, values in found["conditions"].items():
        table = Table(name, "samples", title=f"condition {name}", title_justify="left")
        for value, n in values.items():
            table.add_row(str(value), str(n))
        console.print(table)
    for line in [*describe_body(found), *describe_notes(found)]:
        console.print(f"[yellow]note[/yellow] {escape(line)}", soft_wrap=True)
    for line in describe_leaks(found["leaks"], verbose):
        console.print(f"[yellow]leak[/yellow] {escape(line)}", soft_wrap=True)
    problems = found["problems"]
    limit = len(problems) if verbose else 10
    for problem in problems[:limit]:
        console.print(f"[red]problem[/red] {problem['path']}: {problem['reason']}", soft_wrap=True)
    if len(problems) > limit:
        console.print(f"… and {len(problems) - limit} more problems (-v shows them)")
    console.print(f"{len(problems)} problems" if problems else "no problems")


def _format_value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_format_value(v)}" for name, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_format_value(v) if not isinstance(v, (list, tuple)) else "×".join(map(str, v)) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
