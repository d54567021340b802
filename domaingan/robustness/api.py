"""``domaingan.robustness``: one call from frames and a model to a result."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from domaingan.arguments import read_names
from domaingan.corrupt import SEVERITIES, check
from domaingan.errors import DataError
from domaingan.evaluate.progress import Progress, Silent
from domaingan.files import claim_run, hold_folder, open_regular, plain, write_arrays, write_json
from domaingan.opening import Data, dataset_of
from domaingan.robustness.answers import Translation
from domaingan.robustness.cells import Cell, Kept, Measure
from domaingan.robustness.examples import contact_sheet
from domaingan.robustness.frames import Frames, picture_of, scorable
from domaingan.robustness.model import Model
from domaingan.robustness.names import Matching
from domaingan.robustness.specs import Reading, open_model
from domaingan.robustness.summary import names_in, summarise
from domaingan.sample import Dataset

MAY_CHANGE = ("corruptions", "severities", "command", "threads")
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


def robustness(
    data: Data,
    model: str | Model,
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
        model: a spec, see :data:`domaingan.robustness.specs.SPECS`, or any :class:`domaingan.robustness.model.Model`.
        out: the run folder: ``result.json``, ``config.json``, ``pictures.npz`` and, in ``cells/``, what was measured.
        mapping: names of the model's classes to names of the data's, where they are not the same.
        corruptions: names or groups of :data:`domaingan.corrupt.CORRUPTIONS`; all unless given.
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
    data = dataset_of(data)
    out, tell, reading = Path(out), progress or Silent(), reading or Reading()
    tell.start("reading the frames")
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
    with hold_folder(out):
        claim_run(out, plain(config), MAY_CHANGE, resume=resume, overwrite=overwrite)
        measured = _measured(ready, cells, Kept(out), seed, tell)
        result = _result(ready, cells, measured)
        sheet = contact_sheet(ready.frames, ready.translation, ready.scored, _shown(cells), seed)
        write_arrays(out / "pictures.npz", sheet)
        write_json(out / "result.json", result)
    done: dict[str, Any] = plain(result)
    return done


def _cells(corruptions: Sequence[str] | None, severities: Sequence[int]) -> list[Cell]:
    names = check("all" if corruptions is None else ",".join(corruptions))
    wrong = [severity for severity in severities if severity not in SEVERITIES]
    if wrong or not severities:
        raise DataError(f"severities {', '.join(map(str, wrong or severities)) or '(none)'}", expected="some of 1 to 5")
    return [Cell(), *(Cell(name, severity) for name in names for severity in sorted(set(severities)))]


def _prepare(
    data: Dataset, model: str | Model, mapping: Mapping[str, str], resize: tuple[int, int] | None, reading: Reading
) -> Ready:
    if data.schema.domain != "frame":
        raise DataError(f"{data.schema.domain}s", path=data.root, expected="frames")
    opened = _opened(model, data, reading) if isinstance(model, str) else model
    matching = Matching(scorable(data.schema, opened.task), dict(mapping))
    matching.check(opened.classes, opened.complete)
    frames = Frames(data, opened.task, resize)
    scored = matching.scored(opened.classes, opened.complete)
    ready = Ready(opened, frames, matching, scored, Translation(opened, matching, data.schema))
    seen = _trained_on(opened, data)
    if seen:
        ready.notes.append(
            f"{seen} of the {len(data)} frames come from drives that the model was trained on; where they are the very "
            "frames, the clean score flatters it."
        )
    if frames.unlabelled:
        ready.notes.append(
            f"{len(frames.unlabelled)} frames without labels were left out, first {frames.unlabelled[0]}."
        )
    ready.notes += _left_out(frames, data)
    if data.problems:
        first = data.problems[0]
        ready.notes.append(f"{len(data.problems)} samples could not be read and were left out, first {first.path}.")
    return ready


def _opened(spec: str, data: Dataset, reading: Reading) -> Model:
    """The model of a spec; the first frames show how it is to be read."""
    return open_model(spec, [picture_of(data[i].image) for i in range(min(FIRST, len(data)))], reading)


def _left_out(frames: Frames, data: Dataset) -> list[str]:
    """What of the truth is neither right nor wrong to find, in a sentence."""
    crowds, regions = frames.left_out()
    small = f"{data.schema.min_area} pixels" if data.schema.min_area > 1 else ""
    kinds = [f"{crowds} crowds or objects under {small}" if small else f"{crowds} crowds"] if crowds else []
    kinds += [f"the ignored area of {regions} frames"] if regions else []
    return [f"Left out of the truth: {' and '.join(kinds)}; what is found there does not count."] if kinds else []


def _trained_on(model: Model, data: Dataset) -> int:
    """The number of frames from drives that a baseline of ours was trained on."""
    known: frozenset[str] = getattr(model, "trained_on", frozenset())
    if getattr(model, "data", None) != data.root:
        return 0
    return sum(record.group in known for record in data.records)


def _fingerprint(path: Path | None) -> str | None:
    """The first 16 digits of the SHA-256 of a model's file: a resumed run must have the same."""
    if path is None:
        return None
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _measured(ready: Ready, cells: list[Cell], kept: Kept, seed: int, tell: Progress) -> dict[Cell, dict[str, Any]]:
    """Every cell, those that were measured before from disk."""
    found = {cell: known for cell in cells if (known := kept(cell)) is not None}
    missing = [cell for cell in cells if cell not in found]
    measure = Measure(ready.frames, ready.translation, ready.scored, seed)
    total, done = len(missing) * len(ready.frames), 0
    tell.start(f"{ready.model.name} on {len(ready.frames)} frames, {len(missing)} times")
    for cell in missing:
        numbers = iter(range(done + 1, total + 1))
        found[cell] = measure(cell, partial(_told, tell, numbers, total))
        done += len(ready.frames)
        if cell.corruption is None:
            ready.matching.check(ready.model.classes, ready.model.complete)
        kept.keep(cell, found[cell])
    return found


def _told(tell: Progress, numbers: Any, total: int) -> None:
    tell.update(next(numbers), total, {})


def _result(ready: Ready, cells: list[Cell], measured: dict[Cell, dict[str, Any]]) -> dict[str, Any]:
    table: dict[str, dict[int, Any]] = {}
    for cell in cells:
        if cell.corruption is not None:
            table.setdefault(cell.corruption, {})[cell.severity] = measured[cell]["scores"]
    spent = [measured[cell]["seconds"] for cell in cells]
    seconds = {name: round(sum(row[name] for row in spent), 1) for name in ("total", "model", "corruption", "scoring")}
    model, schema = ready.model, ready.translation.schema
    return {
        "kind": "robustness",
        "model": {"name": model.name, "describe": model.describe()},
        **summarise(model.task, measured[Cell()]["scores"], table, list(ready.scored)),
        **names_in(model, ready.matching, ready.scored),
        "classes": ready.scored,
        "domain": schema.domain,
        "frames": len(ready.frames),
        "objects": ready.frames.counts(ready.scored),
        "shown": [cell.name for cell in _shown(cells)],
        "seconds": seconds,
        "notes": ready.notes,
    }


def _shown(cells: list[Cell]) -> list[Cell]:
    """The cells on the contact sheet: clean, and each corruption at severity 3, or the nearest to it in the run."""
    severities = sorted({cell.severity for cell in cells if cell.corruption})
    middle = min(severities, key=lambda severity: abs(severity - 3))
    return [cell for cell in cells if cell.corruption is None or cell.severity == middle]
