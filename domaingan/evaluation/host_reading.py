"""Reading the further hosts of a fold, with the teacher that guesses their objects where one is asked for."""

from __future__ import annotations

from pathlib import Path

from domaingan.core.progress import Progress
from domaingan.data import Sample
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.evaluation.fold import Regrid
from domaingan.evaluation.further_hosts import FurtherHosts, prepare_hosts
from domaingan.evaluation.host_notes import count_hosts, list_host_warnings
from domaingan.evaluation.host_teacher import train_teacher
from domaingan.evaluation.split import Fold


def read_further_hosts(
    fold: Fold, samples: list[Sample], config: EvaluationConfig, regrid: Regrid, folder: Path, progress: Progress
) -> FurtherHosts:
    """Read the further hosts of a fold, and train the teacher of the fold before, where one is asked for.

    Args:
        fold: names the hosts.
        samples: its training samples, with measured foregrounds and ranges.
        config: the task, and whether there is a teacher.
        regrid: brings samples to the grid worked in.
        folder: where the fold stores its teacher.
        progress: receives the progress, and warnings about hosts that serve nothing.

    Returns:
        The hosts; none where the fold has none.
    """
    if fold.hosts is None:
        return FurtherHosts()
    schema = fold.train.schema
    teacher = train_teacher(samples, schema, config, folder, progress) if config.hosts_teacher else None
    progress.start("reading the further hosts")
    is_detection = config.task == "detection"
    further = prepare_hosts(regrid(fold.hosts), schema, teacher, is_detection=is_detection, seed=config.seed)
    for warning in list_host_warnings(count_hosts(fold, further), schema):
        progress.say(f"warning: {warning}")
    return further
