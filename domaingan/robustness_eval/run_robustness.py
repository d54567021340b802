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
from domaingan.corruptions import SEVERITIES, check
from domaingan.data import Dataset
from domaingan.evaluation.progress import Progress, Silent
from domaingan.robustness_eval.answers import Translation
from domaingan.robustness_eval.cells import Cell, Kept, Measure
from domaingan.robustness_eval.class_names import Matching
from domaingan.robustness_eval.compare_models import compare, folder_names, map_for, write_comparison
from domaingan.robustness_eval.diagnosis import explain_nothing
from domaingan.robustness_eval.example_frames import contact_sheet
from domaingan.robustness_eval.export_tables import write_tables
from domaingan.robustness_eval.intervals import block_values, intervals, tabulate
from domaingan.robustness_eval.labelled_frames import Frames, picture_of, scorable
from domaingan.robustness_eval.model_specs import Reading, open_model
from domaingan.robustness_eval.model_under_test import Model
from domaingan.robustness_eval.remarks import describe_frames, describe_matching, describe_names_met
from domaingan.robustness_eval.robustness_summary import names_in, summarise
from domaingan.robustness_eval.stored_answers import CellAnswers

MAY_CHANGE = ("corruptions", "severities", "command", "threads", "map")
"""Settings that a resumed run may change: what was measured before stays true, and the table grows."""


FIRST = 8
"""So many frames at most show how a model's outputs are to be read."""


@dataclass
class Ready:
    """What has to be there before anything is measured."""

    model: Model
    frames: Frames
    matching: Matching
    scored: dict[str, int]
    translation: Translation
    notes: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)


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
    reading: Reading | None = None,
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
    cells = _cells(None if corruptions is None else read_names(corruptions, "corruptions"), severities)
    data = open_dataset(data)
    out, tell, reading = Path(out), progress or Silent(), reading or Reading()
    tell.start("reading the frames")
    if isinstance(model, Sequence) and not isinstance(model, str):
        settings = {
            "corruptions": corruptions, "severities": severities, "resize": resize, "seed": seed, "reading": reading,
            "command": command,
        }  # fmt: skip
        return _several(data, model, out, mapping or {}, settings, resume, overwrite, tell)
    ready = _prepare(data, model, mapping or {}, resize, reading)
    config: dict[str, Any] = {
        "data": data.root,
        "frames": [len(ready.frames), zlib.crc32("\n".join(ready.frames.names).encode())],
        "model": model if isinstance(model, str) else ready.model.name,
        "weights": _fingerprint(getattr(ready.model, "path", None)),
        "map": dict(mapping or {}),
        "corruptions": list(dict.fromkeys(cell.corruption for cell in cells if cell.corruption)),
        "severities": sorted(set(severities)),
        "resize": resize,
        "seed": seed,
        "score": reading.score,
        "decode": reading.decode,
        "names": reading.names,
        "threads": reading.threads,
        "command": command,
    }
    with lock_folder(out):
        prepare_run_folder(out, to_json_types(config), MAY_CHANGE, resume=resume, overwrite=overwrite)
        for line in ready.before:
            tell.say(line)
        measured = _measured(ready, cells, Kept(out), seed, tell)
        tell.start("scoring")
        result = _result(ready, cells, measured, reading.score)
        sheet = contact_sheet(ready.frames, ready.translation, ready.scored, _shown(cells), seed)
        write_arrays(out / "pictures.npz", sheet)
        write_json(out / "result.json", result)
        write_tables(out, to_json_types(result))
    done: dict[str, Any] = to_json_types(result)
    return done


def _several(
    data: Dataset,
    models: Sequence[str | Model],
    out: Path,
    mapping: Mapping[str, str],
    settings: Mapping[str, Any],
    resume: bool,
    overwrite: bool,
    tell: Progress,
) -> dict[str, Any]:
    """A run a model in folders of ``out``, and their comparison; all models are opened and matched before any runs."""
    reading = settings["reading"]
    opened = [_opened(model, data, reading) if isinstance(model, str) else model for model in models]
    maps = []
    for model in opened:
        own = map_for(mapping, model.classes, model.complete)
        Matching(scorable(data.schema, model.task), own).check(model.classes, model.complete)
        maps.append(own)
    for theirs, ours in mapping.items():
        if not any(theirs in own for own in maps):
            raise DataError(
                f"--map {theirs}={ours}: no model has a class {theirs!r}", expected="a class of one of them"
            )
    folders = folder_names([model.name for model in opened])
    begun = {"data": data.root, "models": folders, "map": dict(mapping), "command": settings["command"]}
    with lock_folder(out):
        prepare_run_folder(out, to_json_types(begun), ("map", "command"), resume=resume, overwrite=overwrite)
        results = {}
        for folder, model, own in zip(folders, opened, maps, strict=True):
            goes_on = resume and (out / folder / "config.json").is_file()
            results[folder] = robustness(
                data, model, out / folder, mapping=own, resume=goes_on, progress=tell, **settings
            )
        compared: dict[str, Any] = to_json_types(compare(results, settings["seed"]))
        write_comparison(out, compared)
    return compared


def _cells(corruptions: Sequence[str] | None, severities: Sequence[int]) -> list[Cell]:
    names = check("all" if corruptions is None else ",".join(corruptions))
    wrong = [severity for severity in severities if severity not in SEVERITIES]
    if wrong or not severities:
        raise DataError(f"severities {', '.join(map(str, wrong or severities)) or '(none)'}", expected="some of 1 to 5")
    return [Cell(), *(Cell(name, severity) for name in names for severity in sorted(set(severities)))]


def _prepare(
    data: Dataset, model: str | Model, mapping: Mapping[str, str], resize: tuple[int, int] | None, reading: Reading
) -> Ready:
    if not data.schema.domain.is_rgb:
        raise DataError(f"{data.schema.domain}s", path=data.root, expected="frames")
    opened = _opened(model, data, reading) if isinstance(model, str) else model
    matching = Matching(scorable(data.schema, opened.task), dict(mapping))
    matching.check(opened.classes, opened.complete)
    frames = Frames(data, opened.task, resize)
    scored = matching.scored(opened.classes, opened.complete)
    ready = Ready(opened, frames, matching, scored, Translation(opened, matching, data.schema))
    ready.before = describe_matching(matching, opened)
    ready.notes += [*ready.before[1:], *describe_frames(frames, data, opened)]
    return ready


def _opened(spec: str, data: Dataset, reading: Reading) -> Model:
    """The model of a spec; the first frames show how it is to be read."""
    return open_model(spec, [picture_of(data[i].image) for i in range(min(FIRST, len(data)))], reading)


def _fingerprint(path: Path | None) -> str | None:
    """The first 16 digits of the SHA-256 of a model's file: a resumed run must have the same."""
    if path is None:
        return None
    with open_regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _measured(ready: Ready, cells: list[Cell], kept: Kept, seed: int, tell: Progress) -> dict[Cell, CellAnswers]:
    """The answers in every cell, those that were measured before from disk."""
    found: dict[Cell, CellAnswers] = {}
    for cell in cells:
        known = kept(cell)
        if known is not None:
            found[cell] = known
            _meet_names(ready.model, known.classes)
    if Cell() in found:
        ready.matching.check(ready.model.classes, ready.model.complete)
    missing = [cell for cell in cells if cell not in found]
    measure = Measure(ready.frames, ready.translation, seed)
    total, done = len(missing) * len(ready.frames), 0
    tell.start(f"{ready.model.name} on {len(ready.frames)} frames, {len(missing)} times")
    for cell in missing:
        numbers = iter(range(done + 1, total + 1))
        found[cell] = measure(cell, partial(_told, tell, numbers, total))
        done += len(ready.frames)
        kept.keep(cell, found[cell])
        if cell.corruption is None:
            ready.matching.check(ready.model.classes, ready.model.complete)
            for line in describe_names_met(ready.matching, ready.model):
                tell.say(line)
    ready.notes += describe_names_met(ready.matching, ready.model)
    return found


def _meet_names(model: Model, classes: Mapping[str, int]) -> None:
    """Let a model that does not say which classes it knows know those that it named before."""
    if model.complete or model.task == "segmentation":
        return
    for name, number in classes.items():
        if name not in model.classes:
            taken = set(model.classes.values())
            model.classes[name] = number if number not in taken else max(taken) + 1


def _told(tell: Progress, numbers: Any, total: int) -> None:
    tell.update(next(numbers), total, {})


def _result(ready: Ready, cells: list[Cell], measured: dict[Cell, CellAnswers], threshold: float) -> dict[str, Any]:
    begun = time.perf_counter()
    model, schema, frames = ready.model, ready.translation.schema, ready.frames
    scorers = {cell: measured[cell].score(frames.truths, ready.translation, ready.scored) for cell in cells}
    clean, table = tabulate(scorers)
    blocks = block_values(scorers, frames.units, model.task, list(ready.scored))
    names = ("total", "model", "corruption")
    seconds = {name: round(sum(measured[cell].seconds[name] for cell in cells), 1) for name in names}
    seconds["scoring"] = round(time.perf_counter() - begun, 1)
    rest = {name: value for name, value in ready.matching.data.items() if name not in ready.scored}
    summary = summarise(model.task, clean, table, list(ready.scored))
    return {
        "kind": "robustness",
        "model": {"name": model.name, "describe": model.describe()},
        **summary,
        "intervals": intervals(blocks),
        "blocks": blocks,
        **names_in(model, ready.matching, ready.scored),
        "classes": ready.scored,
        "domain": schema.domain.name,
        "frames": len(ready.frames),
        "objects": frames.counts(ready.scored),
        "not_scored": frames.counts(rest),
        "proposed": ready.matching.proposed(model.classes),
        "cause": _cause(ready, summary["clean"], measured[Cell()], threshold),
        "shown": [cell.name for cell in _shown(cells)],
        "seconds": seconds,
        "notes": ready.notes,
    }


def _cause(ready: Ready, clean: float, answers: CellAnswers, threshold: float) -> str:
    """Why nothing is found on clean frames; empty where something is, or nothing could be."""
    if ready.model.task != "detection" or clean != 0:
        return ""
    truths = [truth for truth in ready.frames.truths if truth is not None]
    return explain_nothing(answers, truths, ready.translation, ready.scored, threshold)


def _shown(cells: list[Cell]) -> list[Cell]:
    """The cells on the contact sheet: clean, and each corruption at severity 3, or the nearest to it in the run."""
    severities = sorted({cell.severity for cell in cells if cell.corruption})
    middle = min(severities, key=lambda severity: abs(severity - 3))
    return [cell for cell in cells if cell.corruption is None or cell.severity == middle]
