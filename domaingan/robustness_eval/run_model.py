"""Measure one model: its answers in every cell, kept on disk, and the result that follows from them."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from domaingan.core.files import to_json_types, write_arrays, write_json
from domaingan.core.locks import lock_folder
from domaingan.core.progress import Progress
from domaingan.core.reading import open_regular_file
from domaingan.core.run_folder import RunFolder
from domaingan.data import Dataset
from domaingan.robustness_eval.cells import Cell, CellRunner, CellStore
from domaingan.robustness_eval.diagnosis import explain_zero_score
from domaingan.robustness_eval.example_frames import collect_example_frames
from domaingan.robustness_eval.export_tables import write_tables
from domaingan.robustness_eval.intervals import compute_block_values, compute_intervals, tabulate
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.remarks import describe_new_names
from domaingan.robustness_eval.robustness_summary import list_class_names, summarise
from domaingan.robustness_eval.run_context import RunContext, prepare_context
from domaingan.robustness_eval.run_settings import RunSettings
from domaingan.robustness_eval.stored_answers import CellAnswers

CHANGEABLE_SETTINGS = ("corruptions", "severities", "command", "threads", "device", "map")
"""Settings that a resumed run may change: what was measured before stays true, and the table grows."""

SHOWN_SEVERITY = 3
"""The example pictures show each corruption at this severity, or the nearest to it in the run."""


def run_model(
    data: Dataset,
    model: str | Model,
    out: Path,
    mapping: Mapping[str, str],
    settings: RunSettings,
    *,
    resume: bool,
    overwrite: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Measure a model and write its run folder.

    Args:
        data: labelled frames.
        model: a spec or an open model.
        out: the run folder.
        mapping: names of the model's classes to names of the data's.
        settings: of the run.
        resume: continue an interrupted run.
        overwrite: replace an existing run.
        progress: is told what happens.

    Returns:
        The content of ``result.json``.
    """
    progress.start("reading the frames")
    context = prepare_context(data, model, mapping, settings)
    cells = settings.list_cells()
    config = _build_config(data, model, mapping, settings, context)
    with lock_folder(out):
        RunFolder(out).prepare(to_json_types(config), CHANGEABLE_SETTINGS, resume=resume, overwrite=overwrite)
        for note in context.class_notes:
            progress.say(note)
        answers = _measure_cells(context, cells, CellStore(out), settings.seed, progress)
        progress.start("scoring")
        result = _build_result(context, cells, answers, settings)
        shown_cells = _select_shown_cells(cells)
        examples = collect_example_frames(context.frames, context.mapper, context.scored, shown_cells, settings.seed)
        write_arrays(out / "pictures.npz", examples)
        write_json(out / "result.json", result)
        plain_result: dict[str, Any] = to_json_types(result)
        write_tables(out, plain_result)
    return plain_result


def _build_config(
    data: Dataset, model: str | Model, mapping: Mapping[str, str], settings: RunSettings, context: RunContext
) -> dict[str, Any]:
    """Build the content of ``config.json``."""
    options = settings.options
    frame_names = "\n".join(context.frames.names)
    return {
        "data": data.root,
        "frames": [len(context.frames), zlib.crc32(frame_names.encode())],
        "model": model if isinstance(model, str) else context.model.name,
        "weights": _hash_weights(getattr(context.model, "path", None)),
        "map": dict(mapping),
        "corruptions": list(settings.corruptions),
        "severities": list(settings.severities),
        "resize": settings.resize,
        "seed": settings.seed,
        "score": options.min_score,
        "decode": options.decode,
        "names": options.class_names,
        "threads": options.threads,
        "device": options.device,
        "command": settings.command,
    }


def _hash_weights(path: Path | None) -> str | None:
    """Return the first 16 digits of the SHA-256 of a model's file: a resumed run must have the same."""
    if path is None:
        return None
    with open_regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _measure_cells(
    context: RunContext, cells: list[Cell], store: CellStore, seed: int, progress: Progress
) -> dict[Cell, CellAnswers]:
    """Collect the answers in every cell; those that were measured before come from disk."""
    answers: dict[Cell, CellAnswers] = {}
    for cell in cells:
        stored = store.load(cell)
        if stored is not None:
            answers[cell] = stored
            _register_names(context.model, stored.classes)
    if Cell() in answers:
        context.class_mapping.check_names(context.model.classes, context.model.has_fixed_classes)
    missing = [cell for cell in cells if cell not in answers]
    frame_count = len(context.frames)
    progress.start(f"{context.model.name} on {frame_count} frames, {len(missing)} times")
    on_frame = _make_counter(progress, len(missing) * frame_count)
    runner = CellRunner(context.frames, context.mapper, seed)
    for cell in missing:
        answers[cell] = runner(cell, on_frame)
        store.save(cell, answers[cell])
        if cell.corruption is None:
            context.class_mapping.check_names(context.model.classes, context.model.has_fixed_classes)
            for note in describe_new_names(context.class_mapping, context.model):
                progress.say(note)
    context.notes += describe_new_names(context.class_mapping, context.model)
    return answers


def _make_counter(progress: Progress, total: int) -> Callable[[], None]:
    """Make a function that reports one more frame each time it is called."""
    done = 0

    def count_frame() -> None:
        nonlocal done
        done += 1
        progress.update(done, total, {})

    return count_frame


def _register_names(model: Model, classes: Mapping[str, int]) -> None:
    """Give a detector without fixed classes the class names that it used before.

    Args:
        model: the model, whose ``classes`` grow.
        classes: its numbers by class name, as they were stored.
    """
    if model.has_fixed_classes or model.task == "segmentation":
        return
    for name, number in classes.items():
        if name not in model.classes:
            used = set(model.classes.values())
            model.classes[name] = number if number not in used else max(used) + 1


def _build_result(
    context: RunContext, cells: list[Cell], answers: dict[Cell, CellAnswers], settings: RunSettings
) -> dict[str, Any]:
    """Score the answers and build the content of ``result.json``."""
    begun = time.perf_counter()
    model, frames, scored = context.model, context.frames, context.scored
    scorers = {}
    for cell in cells:
        scorers[cell] = answers[cell].score(frames.truths, context.mapper, scored)
    clean, corrupted_scores = tabulate(scorers)
    blocks = compute_block_values(scorers, frames.units, model.task, list(scored))
    seconds = _add_seconds([answers[cell] for cell in cells])
    seconds["scoring"] = round(time.perf_counter() - begun, 1)
    data_classes = context.class_mapping.data_classes
    rest = {name: value for name, value in data_classes.items() if name not in scored}
    summary = summarise(model.task, clean, corrupted_scores, list(scored))
    return {
        "kind": "robustness",
        "model": {"name": model.name, "describe": model.describe()},
        **summary,
        "intervals": compute_intervals(blocks),
        "blocks": blocks,
        **list_class_names(model, context.class_mapping, scored),
        "classes": scored,
        "domain": context.mapper.schema.domain.name,
        "frames": len(frames),
        "objects": frames.count_objects(scored),
        "not_scored": frames.count_objects(rest),
        "proposed": context.class_mapping.propose_mapping(model.classes),
        "cause": _explain_zero(context, summary["clean"], answers[Cell()], settings.options.min_score),
        "shown": [cell.name for cell in _select_shown_cells(cells)],
        "seconds": seconds,
        "notes": context.notes,
    }


def _add_seconds(answers: list[CellAnswers]) -> dict[str, float]:
    """Add up the time spent in all cells."""
    seconds = {}
    for name in ("total", "model", "corruption"):
        seconds[name] = round(sum(each.seconds[name] for each in answers), 1)
    return seconds


def _explain_zero(context: RunContext, clean: float, answers: CellAnswers, threshold: float) -> str:
    """Say why a detector finds nothing on clean frames; an empty text where it finds something."""
    if context.model.task != "detection" or clean != 0:
        return ""
    truths = [truth for truth in context.frames.truths if truth is not None]
    return explain_zero_score(answers, truths, context.mapper, context.scored, threshold)


def _select_shown_cells(cells: list[Cell]) -> list[Cell]:
    """Select the cells of the example pictures: clean, and each corruption at a middle severity."""
    severities = sorted({cell.severity for cell in cells if cell.corruption})
    middle = min(severities, key=lambda severity: abs(severity - SHOWN_SEVERITY))
    return [cell for cell in cells if cell.corruption is None or cell.severity == middle]
