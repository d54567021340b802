"""Measure several models on the same frames, each in a run folder of its own, and compare them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.core.files import to_json_types
from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress
from domaingan.core.run_folder import RunFolder
from domaingan.data import Dataset
from domaingan.robustness_eval.compare_models import (
    compare_results,
    make_folder_names,
    select_mapping,
    write_comparison,
)
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.run_context import match_classes, open_spec
from domaingan.robustness_eval.run_model import run_model
from domaingan.robustness_eval.run_settings import RunSettings


def run_several(
    data: Dataset,
    models: Sequence[str | Model],
    out: Path,
    mapping: Mapping[str, str],
    settings: RunSettings,
    *,
    resume: bool,
    overwrite: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Measure several models and compare them; all are opened and their classes matched before any of them runs.

    Args:
        data: labelled frames.
        models: specs or open models.
        out: the folder of the comparison, with a run folder for each model in it.
        mapping: names of any model's classes to names of the data's.
        settings: of every run.
        resume: continue an interrupted comparison.
        overwrite: replace an existing one.
        progress: is told what happens.

    Returns:
        The content of the comparison's ``result.json``.
    """
    opened = [open_spec(model, data, settings.options) for model in models]
    mappings = []
    for model in opened:
        own_mapping = select_mapping(mapping, model.classes, model.has_fixed_classes)
        match_classes(model, data, own_mapping)
        mappings.append(own_mapping)
    _check_mapping_used(mapping, mappings)
    folders = make_folder_names([model.name for model in opened])
    config = {"data": data.root, "models": folders, "map": dict(mapping), "command": settings.command}
    with lock_folder(out):
        RunFolder(out).prepare(to_json_types(config), ("map", "command"), resume=resume, overwrite=overwrite)
        results = {}
        for folder, model, own_mapping in zip(folders, opened, mappings, strict=True):
            has_begun = (out / folder / "config.json").is_file()
            results[folder] = run_model(
                data,
                model,
                out / folder,
                own_mapping,
                settings,
                resume=resume and has_begun,
                overwrite=False,
                progress=progress,
            )
        comparison: dict[str, Any] = to_json_types(compare_results(results, settings.seed))
        write_comparison(out, comparison)
    return comparison


def _check_mapping_used(mapping: Mapping[str, str], mappings: Sequence[Mapping[str, str]]) -> None:
    """Refuse a mapping from a class that no model has."""
    for model_class, data_class in mapping.items():
        if not any(model_class in own_mapping for own_mapping in mappings):
            found = f"--map {model_class}={data_class}: no model has a class {model_class!r}"
            raise DataError(found, expected="a class of one of them")
