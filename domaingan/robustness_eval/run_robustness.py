"""``domaingan.robustness``: one call from frames and a model to a result."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from domaingan.adapters.open_dataset import DatasetSource, open_dataset
from domaingan.core.arguments import read_names
from domaingan.core.errors import DataError
from domaingan.core.files import prepare_run_folder, to_json_types, write_arrays, write_json
from domaingan.core.locks import lock_folder
from domaingan.core.reading import open_regular_file
from domaingan.corruptions import SEVERITIES, expand_names
from domaingan.data import Dataset
from domaingan.evaluation.progress import Progress, SilentProgress
from domaingan.robustness_eval.answers import PredictionMapper
from domaingan.robustness_eval.cells import Cell, CellRunner, CellStore
from domaingan.robustness_eval.class_names import ClassMapping
from domaingan.robustness_eval.compare_models import (
    compare_results,
    make_folder_names,
    select_mapping,
    write_comparison,
)
from domaingan.robustness_eval.diagnosis import explain_zero_score
from domaingan.robustness_eval.example_frames import collect_example_frames
from domaingan.robustness_eval.export_tables import write_tables
from domaingan.robustness_eval.intervals import compute_block_values, compute_intervals, tabulate
from domaingan.robustness_eval.labelled_frames import LabelledFrames, select_scorable, to_picture
from domaingan.robustness_eval.model_specs import ModelOptions, open_model
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.remarks import describe_class_mapping, describe_frames, describe_new_names
from domaingan.robustness_eval.robustness_summary import list_class_names, summarise
from domaingan.robustness_eval.stored_answers import CellAnswers

CHANGEABLE_SETTINGS = ("corruptions", "severities", "command", "threads", "map")
"""Settings that a resumed run may change: what was measured before stays true, and the table grows."""


MAX_EXAMPLE_FRAMES = 8
"""So many frames at most show how a model's outputs are to be read."""


@dataclass
class RunContext:
    """What has to be there before anything is measured."""

    model: Model
    frames: LabelledFrames
    class_mapping: ClassMapping
    scored: dict[str, int]
    mapper: PredictionMapper
    notes: list[str] = field(default_factory=list)
    class_notes: list[str] = field(default_factory=list)


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

    Args:
        data: labelled frames, or their folder.
        model: a spec, see :data:`domaingan.robustness_eval.model_specs.SPECS`, or any
            :class:`domaingan.robustness_eval.model_under_test.Model`; a list of several compares them, each with a run
            folder of its own in ``out``.
        out: the run folder: ``result.json``, ``config.json``, ``pictures.npz`` and, in ``cells/``, what was measured.
        mapping: names of the model's classes to names of the data's, where they are not the same.
        corruptions: names or groups of :data:`domaingan.corruptions.CORRUPTIONS`; all unless given.
        severities: 1 to 5.
        resize: height and width of the pictures that the model is shown.
        seed: every corruption follows from it.
        reading: how the model is to be read, where it does not say itself.
        resume: go on with an interrupted run.
        overwrite: replace an existing run.
        progress: told how it goes.
        command: recorded.

    Returns:
        The content of ``result.json``: ``clean``, ``mpc``, ``rpc``, ``table`` and more.

    Raises:
        DataError: an unknown corruption, a model that cannot be read, names that do not meet, or frames without truth.
    """
    severities = [severities] if isinstance(severities, int) else list(severities)
    cells = _list_cells(None if corruptions is None else read_names(corruptions, "corruptions"), severities)
    data = open_dataset(data)
    out, tell, options = Path(out), progress or SilentProgress(), options or ModelOptions()
    tell.start("reading the frames")
    if isinstance(model, Sequence) and not isinstance(model, str):
        settings = {
            "corruptions": corruptions, "severities": severities, "resize": resize, "seed": seed, "options": options,
            "command": command,
        }  # fmt: skip
        return _run_several(data, model, out, mapping or {}, settings, resume, overwrite, tell)
    ready = _prepare(data, model, mapping or {}, resize, options)
    config: dict[str, Any] = {
        "data": data.root,
        "frames": [len(ready.frames), zlib.crc32("\n".join(ready.frames.names).encode())],
        "model": model if isinstance(model, str) else ready.model.name,
        "weights": _hash_weights(getattr(ready.model, "path", None)),
        "map": dict(mapping or {}),
        "corruptions": list(dict.fromkeys(cell.corruption for cell in cells if cell.corruption)),
        "severities": sorted(set(severities)),
        "resize": resize,
        "seed": seed,
        "score": options.min_score,
        "decode": options.decode,
        "names": options.class_names,
        "threads": options.threads,
        "command": command,
    }
    with lock_folder(out):
        prepare_run_folder(out, to_json_types(config), CHANGEABLE_SETTINGS, resume=resume, overwrite=overwrite)
        for line in ready.class_notes:
            tell.say(line)
        measured = _measure_cells(ready, cells, CellStore(out), seed, tell)
        tell.start("scoring")
        result = _build_result(ready, cells, measured, options.min_score)
        sheet = collect_example_frames(ready.frames, ready.mapper, ready.scored, _select_shown_cells(cells), seed)
        write_arrays(out / "pictures.npz", sheet)
        write_json(out / "result.json", result)
        write_tables(out, to_json_types(result))
    done: dict[str, Any] = to_json_types(result)
    return done


def _run_several(
    data: Dataset,
    models: Sequence[str | Model],
    out: Path,
    mapping: Mapping[str, str],
    settings: Mapping[str, Any],
    resume: bool,
    overwrite: bool,
    progress: Progress,
) -> dict[str, Any]:
    """A run a model in folders of ``out``, and their comparison; all models are opened and matched before any runs."""
    options = settings["options"]
    opened = [_open_spec(model, data, options) if isinstance(model, str) else model for model in models]
    maps = []
    for model in opened:
        own = select_mapping(mapping, model.classes, model.has_fixed_classes)
        ClassMapping(select_scorable(data.schema, model.task), own).check_names(model.classes, model.has_fixed_classes)
        maps.append(own)
    for theirs, ours in mapping.items():
        if not any(theirs in own for own in maps):
            raise DataError(
                f"--map {theirs}={ours}: no model has a class {theirs!r}", expected="a class of one of them"
            )
    folders = make_folder_names([model.name for model in opened])
    begun = {"data": data.root, "models": folders, "map": dict(mapping), "command": settings["command"]}
    with lock_folder(out):
        prepare_run_folder(out, to_json_types(begun), ("map", "command"), resume=resume, overwrite=overwrite)
        results = {}
        for folder, model, own in zip(folders, opened, maps, strict=True):
            goes_on = resume and (out / folder / "config.json").is_file()
            results[folder] = robustness(
                data, model, out / folder, mapping=own, resume=goes_on, progress=progress, **settings
            )
        compared: dict[str, Any] = to_json_types(compare_results(results, settings["seed"]))
        write_comparison(out, compared)
    return compared


def _list_cells(corruptions: Sequence[str] | None, severities: Sequence[int]) -> list[Cell]:
    names = expand_names("all" if corruptions is None else ",".join(corruptions))
    wrong = [severity for severity in severities if severity not in SEVERITIES]
    if wrong or not severities:
        raise DataError(f"severities {', '.join(map(str, wrong or severities)) or '(none)'}", expected="some of 1 to 5")
    return [Cell(), *(Cell(name, severity) for name in names for severity in sorted(set(severities)))]


def _prepare(
    data: Dataset, model: str | Model, mapping: Mapping[str, str], resize: tuple[int, int] | None, options: ModelOptions
) -> RunContext:
    if not data.schema.domain.is_rgb:
        raise DataError(f"{data.schema.domain}s", path=data.root, expected="frames")
    opened = _open_spec(model, data, options) if isinstance(model, str) else model
    matching = ClassMapping(select_scorable(data.schema, opened.task), dict(mapping))
    matching.check_names(opened.classes, opened.has_fixed_classes)
    frames = LabelledFrames(data, opened.task, resize)
    scored = matching.select_scored(opened.classes, opened.has_fixed_classes)
    ready = RunContext(opened, frames, matching, scored, PredictionMapper(opened, matching, data.schema))
    ready.class_notes = describe_class_mapping(matching, opened)
    ready.notes += [*ready.class_notes[1:], *describe_frames(frames, data, opened)]
    return ready


def _open_spec(spec: str, data: Dataset, options: ModelOptions) -> Model:
    """The model of a spec; the first frames show how it is to be read."""
    return open_model(spec, [to_picture(data[i].image) for i in range(min(MAX_EXAMPLE_FRAMES, len(data)))], options)


def _hash_weights(path: Path | None) -> str | None:
    """The first 16 digits of the SHA-256 of a model's file: a resumed run must have the same."""
    if path is None:
        return None
    with open_regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _measure_cells(
    context: RunContext, cells: list[Cell], store: CellStore, seed: int, progress: Progress
) -> dict[Cell, CellAnswers]:
    """The answers in every cell, those that were measured before from disk."""
    found: dict[Cell, CellAnswers] = {}
    for cell in cells:
        known = store(cell)
        if known is not None:
            found[cell] = known
            _register_names(context.model, known.classes)
    if Cell() in found:
        context.class_mapping.check_names(context.model.classes, context.model.has_fixed_classes)
    missing = [cell for cell in cells if cell not in found]
    measure = CellRunner(context.frames, context.mapper, seed)
    total, done = len(missing) * len(context.frames), 0
    progress.start(f"{context.model.name} on {len(context.frames)} frames, {len(missing)} times")
    for cell in missing:
        numbers = iter(range(done + 1, total + 1))
        found[cell] = measure(cell, partial(_report_progress, progress, numbers, total))
        done += len(context.frames)
        store.save(cell, found[cell])
        if cell.corruption is None:
            context.class_mapping.check_names(context.model.classes, context.model.has_fixed_classes)
            for line in describe_new_names(context.class_mapping, context.model):
                progress.say(line)
    context.notes += describe_new_names(context.class_mapping, context.model)
    return found


def _register_names(model: Model, classes: Mapping[str, int]) -> None:
    """Let a model that does not say which classes it knows know those that it named before."""
    if model.has_fixed_classes or model.task == "segmentation":
        return
    for name, number in classes.items():
        if name not in model.classes:
            taken = set(model.classes.values())
            model.classes[name] = number if number not in taken else max(taken) + 1


def _report_progress(tell: Progress, numbers: Any, total: int) -> None:
    tell.update(next(numbers), total, {})


def _build_result(
    context: RunContext, cells: list[Cell], measured: dict[Cell, CellAnswers], threshold: float
) -> dict[str, Any]:
    begun = time.perf_counter()
    model, schema, frames = context.model, context.mapper.schema, context.frames
    scorers = {cell: measured[cell].score(frames.truths, context.mapper, context.scored) for cell in cells}
    clean, table = tabulate(scorers)
    blocks = compute_block_values(scorers, frames.units, model.task, list(context.scored))
    names = ("total", "model", "corruption")
    seconds = {name: round(sum(measured[cell].seconds[name] for cell in cells), 1) for name in names}
    seconds["scoring"] = round(time.perf_counter() - begun, 1)
    rest = {name: value for name, value in context.class_mapping.data_classes.items() if name not in context.scored}
    summary = summarise(model.task, clean, table, list(context.scored))
    return {
        "kind": "robustness",
        "model": {"name": model.name, "describe": model.describe()},
        **summary,
        "intervals": compute_intervals(blocks),
        "blocks": blocks,
        **list_class_names(model, context.class_mapping, context.scored),
        "classes": context.scored,
        "domain": schema.domain.name,
        "frames": len(context.frames),
        "objects": frames.count_objects(context.scored),
        "not_scored": frames.count_objects(rest),
        "proposed": context.class_mapping.propose_mapping(model.classes),
        "cause": _explain_zero(context, summary["clean"], measured[Cell()], threshold),
        "shown": [cell.name for cell in _select_shown_cells(cells)],
        "seconds": seconds,
        "notes": context.notes,
    }


def _explain_zero(context: RunContext, clean: float, answers: CellAnswers, threshold: float) -> str:
    """Why nothing is found on clean frames; empty where something is, or nothing could be."""
    if context.model.task != "detection" or clean != 0:
        return ""
    truths = [truth for truth in context.frames.truths if truth is not None]
    return explain_zero_score(answers, truths, context.mapper, context.scored, threshold)


def _select_shown_cells(cells: list[Cell]) -> list[Cell]:
    """The cells on the contact sheet: clean, and each corruption at severity 3, or the nearest to it in the run."""
    severities = sorted({cell.severity for cell in cells if cell.corruption})
    middle = min(severities, key=lambda severity: abs(severity - 3))
    return [cell for cell in cells if cell.corruption is None or cell.severity == middle]
