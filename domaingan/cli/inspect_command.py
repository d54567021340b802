"""``domaingan inspect``."""

from __future__ import annotations

from pathlib import Path

from domaingan.cli import options as o
from domaingan.cli.open_data import open_data
from domaingan.cli.option_groups import CommonOptions, FilterOptions, expand_options
from domaingan.cli.output import print_result

NAME = "inspect"


@expand_options
def command(
    data: o.Data,
    *,
    source: FilterOptions,
    common: CommonOptions,
) -> None:
    """Describe DATA: counts, classes, conditions, spacing, and files with problems.

    DATA may also be a bank or a model: then its contents and its origin are shown.

    Every sample of a dataset is read once.
    Files with problems do not change the exit code here, but the other commands
    refuse them unless --skip-problems is given.
    With --verbose all problems and leaks are listed, not only the first ten.
    """
    from domaingan.adapters.inspect_dataset import inspect_dataset
    from domaingan.cli.inspect_folders import inspect_folder
    from domaingan.cli.inspect_tables import print_dataset, print_facts
    from domaingan.core.progress_bar import ProgressBar

    facts = inspect_folder(Path(data))
    if facts is not None:
        if not common.json:
            print_facts(facts, data)
        print_result(facts, common.json, "")
        return
    dataset = open_data(data, source, common, is_quiet=True)
    with ProgressBar("reading") as progress:
        found = inspect_dataset(dataset, progress=progress.update)
    if not common.json:
        print_dataset(found, data, common.verbose)
    print_result(found, common.json, "")
