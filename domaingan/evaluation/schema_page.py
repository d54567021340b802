"""Writes the documentation page of ``result.json`` from its schema.

python -m domaingan.evaluation.schema_page docs/result-files.md
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pydantic import BaseModel

from domaingan.evaluation import result_schema

INTRODUCTION = """\
# What an evaluation leaves

`domaingan evaluate` leaves a run folder:

| file | content |
| --- | --- |
| `result.json` | every number, with the keys below |
| `report.html` | the report: one page that needs no other file |
| `config.json` | the settings |
| `pictures.npz` | the pictures of the report |
| `fold-N/ARM-seedS.json` | scores and losses of one training; `--resume` trains what is missing |

A metric is called `MEASURE:CLASS`, or `MEASURE` over all classes. Shares are 0 to 1: a difference of 0.02 is two
points. `[low, high]` are the ends of an interval, both null where there is none.

This page is made from the schema (`python -m domaingan.evaluation.schema_page docs/result-files.md`). Programs that
read results can use `domaingan.evaluation.result_schema.EvaluationResult`, a pydantic model: its `model_json_schema()`
is the JSON schema. Results of earlier versions have other keys: in version 2 `ci` and `p` were over people alone.
"""

PARTS: tuple[type[BaseModel], ...] = (
    result_schema.EvaluationResult,
    result_schema.TrainingEntry,
    result_schema.ScoreEntry,
    result_schema.DifferenceEntry,
    result_schema.PrimaryEntry,
    result_schema.PersonEffects,
    result_schema.PersonEntry,
    result_schema.RemainderEntry,
    result_schema.DeclaredEntry,
    result_schema.NeededEntry,
    result_schema.LearningCurve,
    result_schema.CurvePoint,
    result_schema.WorthOfDifference,
    result_schema.WorthEntry,
    result_schema.HostsEntry,
    result_schema.Headroom,
    result_schema.DoublingEntry,
    result_schema.ArmSeconds,
    result_schema.Environment,
)


def build_schema_page() -> str:
    """Build the page: a table of keys for each part of the result."""
    sections = [INTRODUCTION]
    for part in PARTS:
        sections.append(_build_section(part))
    return "\n".join(sections)


def _build_section(part: type[BaseModel]) -> str:
    title = (part.__doc__ or "").strip().rstrip(".").replace("``", "`")
    heading = f"## {_name_part(part)}: {title[0].lower()}{title[1:]}"
    lines = [heading, "", "| key | type | meaning |", "| --- | --- | --- |"]
    for name in part.__annotations__:
        if name in part.model_fields:
            kind = _name_type(str(part.__annotations__[name]))
            lines.append(f"| `{name}` | {kind} | {part.model_fields[name].description} |")
    (parent, *_) = part.__bases__
    if parent in PARTS:
        lines.append(f"| … | | and the keys of {_name_part(parent)} |")
    return "\n".join([*lines, ""])


def _name_part(part: type[BaseModel]) -> str:
    return part.__name__.removesuffix("Entry")


def _name_type(annotation: str) -> str:
    """Name a type for the page: no modules, and no bar, which would end a cell of the table.

    >>> _name_type("dict[str, float | None]")
    'dict[str, float or null]'
    """
    plain = annotation.replace("Ends", "[low, high]").replace("Verdict", "str").replace("Entry", "")
    literal = re.sub(r"Literal\[(.*)\]", r"\1", plain)
    return literal.replace(" | None", " or null").replace(" | ", " or ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(build_schema_page(), encoding="utf-8")
