"""What the headers of a dataset's scans say that a person should know: guesses, contradictions, free text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domaingan.adapters.nifti.header_text import find_header_text
from domaingan.adapters.nifti.nifti_header import NiftiHeader
from domaingan.adapters.nifti.scan_samples import ScanHeader
from domaingan.data import Sample

MAX_TEXT_EXAMPLES = 3
"""The most examples of a field's texts that are listed."""

MAX_EXAMPLE_LETTERS = 60
"""The most letters of an example that are listed."""

_NUMBER_PATTERN = re.compile(r"[\d.e+-]*\d")


@dataclass
class _HeaderRemark:
    """A remark that many headers have in common, with the first file that has it."""

    path: str
    reason: str
    file_count: int = 0


@dataclass
class _HeaderText:
    """Texts of one field, with the first file that has one."""

    path: str
    file_count: int = 0
    examples: list[str] = field(default_factory=list)


class HeaderNotes:
    """Collects remarks about headers and the free text in them. What many files have in common is listed once."""

    def __init__(self) -> None:
        self._remarks: dict[str, _HeaderRemark] = {}
        self._texts: dict[str, _HeaderText] = {}
        self._seen_paths: set[Path] = set()

    def add(self, sample: Sample) -> None:
        """Add the headers of a sample's files.

        Args:
            sample: as its reader gave it. One that was not read from NIfTI files has no headers.
        """
        header = sample.header
        if not isinstance(header, ScanHeader):
            return
        parts: dict[int | str, NiftiHeader | None] = dict(enumerate(header.channels))
        parts["mask"] = header.mask
        parts["foreground"] = header.foreground
        for key, part in parts.items():
            origin = header.origins.get(key)
            if part is not None and origin is not None and origin.path not in self._seen_paths:
                self._seen_paths.add(origin.path)
                self._add_header(part, str(origin.path))

    def _add_header(self, header: NiftiHeader, path: str) -> None:
        for reason in header.remarks:
            kind = _NUMBER_PATTERN.sub("N", reason)  # distances differ from file to file
            remark = self._remarks.setdefault(kind, _HeaderRemark(path, reason))
            remark.file_count += 1
        for field_name, text in find_header_text(header).items():
            header_text = self._texts.setdefault(field_name, _HeaderText(path))
            header_text.file_count += 1
            example = text[:MAX_EXAMPLE_LETTERS]
            if example not in header_text.examples and len(header_text.examples) < MAX_TEXT_EXAMPLES:
                header_text.examples.append(example)

    def summarize(self) -> dict[str, Any]:
        """Summarize the headers that were added.

        Returns:
            A dict of JSON's types: ``notes`` [{path, files, reason}] and ``header_text`` {field: {path, files,
            examples}}.
        """
        notes = []
        for remark in self._remarks.values():
            notes.append({"path": remark.path, "files": remark.file_count, "reason": remark.reason})
        texts = {}
        for name, text in self._texts.items():
            texts[name] = {"path": text.path, "files": text.file_count, "examples": text.examples}
        return {"notes": notes, "header_text": texts}


def describe_notes(found: Mapping[str, Any]) -> list[str]:
    """Describe what was found in headers, in a line each.

    Args:
        found: the result of :func:`domaingan.adapters.inspect_dataset.inspect_dataset`.
    """
    lines = []
    for note in found["notes"]:
        others = f" and {note['files'] - 1} more files" if note["files"] > 1 else ""
        lines.append(f"{note['path']}{others}: {note['reason']}")
    texts = found["header_text"]
    if texts:
        fields = ", ".join(f"{name} of {text['files']} files" for name, text in texts.items())
        first_path = next(iter(texts.values()))["path"]
        examples = "; ".join(repr(text["examples"][0]) for text in texts.values())
        lines.append(
            f"free text in headers ({fields}; first in {first_path}), which may name people: {examples}. "
            "What blend writes carries it along unless --strip-header-text is given"
        )
    return lines
