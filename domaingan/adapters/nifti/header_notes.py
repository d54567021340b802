"""What the headers of a dataset's scans say that a person should know: guesses, disagreements, free text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.adapters.nifti.nifti_header import NiftiHeader, find_header_text
from domaingan.adapters.nifti.scan_samples import ScanHeader
from domaingan.data import Sample

MAX_TEXT_EXAMPLES = 3
MAX_EXAMPLE_LETTERS = 60
"""So many different texts of a field are shown, and so many letters of each."""


@dataclass
class _HeaderRemark:
    path: str
    reason: str
    files: int = 0


@dataclass
class _HeaderText:
    path: str
    files: int = 0
    examples: list[str] = field(default_factory=list)


class HeaderNotes:
    """Gathers what is to be said of headers as samples go by; what many files have in common is said once."""

    def __init__(self) -> None:
        self._notes: dict[str, _HeaderRemark] = {}
        self._texts: dict[str, _HeaderText] = {}
        self._seen_paths: set[Path] = set()

    def add(self, sample: Sample) -> None:
        """Look at the headers of a sample's files; a sample that came from no NIfTI file has none.

        Args:
            sample: as its reader gave it.
        """
        header = sample.header
        if not isinstance(header, ScanHeader):
            return
        parts: dict[int | str, NiftiHeader | None] = dict(enumerate(header.channels))
        parts |= {"mask": header.mask, "foreground": header.foreground}
        for which, part in parts.items():
            origin = header.origins.get(which)
            if part is not None and origin is not None and origin.path not in self._seen_paths:
                self._seen_paths.add(origin.path)
                self._add_header(part, str(origin.path))

    def _add_header(self, header: NiftiHeader, path: str) -> None:
        for remark in header.remarks:
            kind = re.sub(r"[\d.e+-]*\d", "N", remark)  # distances differ from file to file
            note = self._notes.setdefault(kind, _HeaderRemark(path, remark))
            note.files += 1
        for name, text in find_header_text(header).items():
            found = self._texts.setdefault(name, _HeaderText(path))
            found.files += 1
            example = text[:MAX_EXAMPLE_LETTERS]
            if example not in found.examples and len(found.examples) < MAX_TEXT_EXAMPLES:
                found.examples.append(example)

    def summarize(self) -> dict[str, Any]:
        """``notes`` [{path, files, reason}] and ``header_text`` {field: {path, files, examples}}, in JSON's types."""
        notes = [{"path": note.path, "files": note.files, "reason": note.reason} for note in self._notes.values()]
        texts = {
            name: {"path": text.path, "files": text.files, "examples": text.examples}
            for name, text in self._texts.items()
        }
        return {"notes": notes, "header_text": texts}


def describe_notes(found: dict[str, Any]) -> list[str]:
    """What :func:`domaingan.adapters.inspect_dataset.inspect` found in headers, a line each.

    Args:
        found: its result.
    """
    lines = []
    for note in found["notes"]:
        others = f" and {note['files'] - 1} more files" if note["files"] > 1 else ""
        lines.append(f"{note['path']}{others}: {note['reason']}")
    if texts := found["header_text"]:
        fields = ", ".join(f"{name} of {text['files']} files" for name, text in texts.items())
        first = next(iter(texts.values()))
        examples = "; ".join(repr(text["examples"][0]) for text in texts.values())
        lines.append(
            f"free text in headers ({fields}; first in {first['path']}), which may name people: {examples}. "
            "What blend writes carries it along unless --strip-header-text is given"
        )
    return lines
