"""Groups of options that several commands take, and the decorator that lets a command take a group at once::

    @expand_options
    def command(data: o.Data, *, source: DataOptions, common: CommonOptions) -> None:
        dataset = open_data(data, source, common)

On the command line every field of a group is an option of its own. Adding one here adds it to every command that takes
the group.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from domaingan.cli import options as o


class OptionGroup:
    """Base of the groups. Each is a frozen dataclass whose fields are options with their defaults."""


@dataclass(frozen=True)
class CommonOptions(OptionGroup):
    """What every command takes.

    Attributes:
        seed: every random draw of the command follows from it.
        json: print the result as one JSON object, as the last line of stdout.
        verbose: print more details.
    """

    seed: o.Seed = 0
    json: o.Json = False
    verbose: o.Verbose = False


@dataclass(frozen=True)
class RunOptions(OptionGroup):
    """What to do with an output folder that exists already.

    Attributes:
        resume: continue an interrupted run.
        overwrite: replace what is there.
    """

    resume: o.Resume = False
    overwrite: o.Overwrite = False


@dataclass(frozen=True)
class FilterOptions(OptionGroup):
    """Which samples of a dataset are read.

    Attributes:
        layout: name of the layout; None to detect it.
        where: ``NAME=VALUE[,VALUE]`` texts; only samples that fit all of them are used.
        limit: ``NAME=VALUE:N`` texts; only N of the samples with that value are used.
    """

    layout: o.Layout = None
    where: o.Where = None
    limit: o.Limit = None


@dataclass(frozen=True)
class SampleOptions(FilterOptions):
    """Which samples are read, where files with problems may be left out.

    Attributes:
        skip_problems: leave out files with problems; without it they are an error.
    """

    skip_problems: o.SkipProblems = False


@dataclass(frozen=True)
class DataOptions(SampleOptions):
    """Which samples are read, and how the intensities of scans are scaled.

    Attributes:
        intensity_range: ``LOW,HIGH``, the intensities that become 0 and 1; None for percentiles of each scan.
    """

    intensity_range: o.IntensityRange = None


@dataclass(frozen=True)
class GridOptions(OptionGroup):
    """The grid that the samples are brought to.

    Attributes:
        dims: 2 to treat volumes as slices; None for the data's own.
        spacing: of scans, in mm; None for their own.
        resize: of frames, ``H,W`` in pixels; None for their own.
    """

    dims: o.Dims = None
    spacing: o.Spacing = None
    resize: o.Resize = None


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options as single parameters.

    Args:
        command: a function; the parameters that are annotated with an :class:`OptionGroup` are the groups.

    Returns:
        The command with a signature in which each group is replaced by its fields, as typer reads it.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if _is_group(hint)}
    expanded: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            expanded += _list_parameters(groups[name])
        else:
            expanded.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            members = {field.name: values.pop(field.name) for field in fields(group)}
            values[name] = group(**members)
        command(**values)

    run.__signature__ = inspect.Signature(expanded)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in expanded}
    return run


def _is_group(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, OptionGroup)


def _list_parameters(group: Any) -> list[inspect.Parameter]:
    """List the fields of a group as parameters of a function."""
    hints = get_type_hints(group, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(field.name, kind, default=field.default, annotation=hints[field.name])
        for field in fields(group)
    ]
