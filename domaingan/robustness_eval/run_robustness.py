"""``domaingan.robustness``: one call from frames and a model to a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.adapters.open_dataset import DatasetSource, open_dataset
from domaingan.core.arguments import read_names
from domaingan.core.progress import Progress, SilentProgress
from domaingan.corruptions import SEVERITIES
from domaingan.robustness_eval.model_specs import ModelOptions
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.run_model import run_model
from domaingan.robustness_eval.run_settings import RunSettings, read_corruptions, read_severities
from domaingan.robustness_eval.run_several import run_several


def robustness(
    data: DatasetSource,
    model: str | Model | Sequence[str | Model],
    out: str | Path = "runs/robustness",
    *,
    mapping: Mapping[str, str] | None = None,
    corruptions: str | Sequence[str] | None = None,
    severities: int | Sequence[int] = SEVERITIES,
    resize: tuple[int, int] | None = None,
    seed: int = 0,
    options: ModelOptions | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Show a model the same frames clean and under each corruption and severity, and score what it finds.

    The scores are those of Michaelis et al. (2019), https://arxiv.org/abs/1907.07484: mPC is the mean over corruptions
    of the mean over severities, rPC is mPC as a share of the clean score.

    Args:
        data: labelled frames, or their folder.
        model: a spec, see :data:`domaingan.robustness_eval.model_specs.MODEL_SPECS`, or any
            :class:`domaingan.robustness_eval.model_under_test.Model`. A list of several compares them, each with a run
            folder of its own in ``out``.
        out: the run folder: ``result.json``, ``config.json``, ``pictures.npz``, tables and, in ``cells/``, the model's
            answers.
        mapping: names of the model's classes to names of the data's, where they are not the same.
        corruptions: names or groups of :data:`domaingan.corruptions.CORRUPTIONS`; None stands for all.
        severities: one or several of 1 to 5.
        resize: height and width of the pictures that the model is shown; None leaves them at their own.
        seed: every corruption follows from it.
        options: how the model is to be read, where it does not say itself.
        resume: continue an interrupted run.
        overwrite: replace an existing run.
        progress: receives the progress.
        command: the shell command, which is recorded in ``config.json``.

    Returns:
        The content of ``result.json``: ``clean``, ``mpc``, ``rpc``, ``table`` and more, scores from 0 to 1.

    Raises:
        DataError: a corruption is unknown, a model cannot be read, class names do not match, or no frame is
            labelled.
    """
    names = None if corruptions is None else read_names(corruptions, "corruptions")
    settings = RunSettings(
        corruptions=read_corruptions(names),
        severities=read_severities(severities),
        resize=resize,
        seed=seed,
        options=options or ModelOptions(),
        command=command,
    )
    dataset = open_dataset(data)
    out = Path(out)
    progress = progress or SilentProgress()
    if isinstance(model, str) or not isinstance(model, Sequence):
        return run_model(
            dataset, model, out, mapping or {}, settings, resume=resume, overwrite=overwrite, progress=progress
        )
    return run_several(
        dataset, model, out, mapping or {}, settings, resume=resume, overwrite=overwrite, progress=progress
    )
