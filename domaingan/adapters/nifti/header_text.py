"""Free text in NIfTI headers, which may hold names of people: found and removed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from domaingan.adapters.nifti.nifti_header import EXTENDER_BYTES, NiftiHeader, get_header_size, parse_fields

TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
"""Fields of free text. NIfTI-2 lacks the last two."""

EXTENSION_NAMES = {2: "DICOM", 4: "AFNI", 6: "comment"}
"""Kinds of extensions by their codes."""

EXTENSION_HEAD_BYTES = 8
"""Bytes before an extension's content: its length, these bytes included, and its code."""


def find_header_text(header: NiftiHeader) -> dict[str, str]:
    """Find the free text of a header, and what can be read of its extensions.

    Args:
        header: any header.

    Returns:
        The texts that are not empty by their fields. Extensions are named by their kind.
    """
    fields = parse_fields(header.raw)
    texts = {}
    for name in TEXT_FIELDS:
        if name in list(fields):
            content = fields[name].tobytes().split(b"\0")[0]
            texts[name] = content.decode("latin-1").strip()
    texts |= _find_extension_text(header)
    return {name: text for name, text in texts.items() if text}


def _find_extension_text(header: NiftiHeader) -> dict[str, str]:
    rest = header.raw[get_header_size(header.raw) :]
    integer_type = get_byte_order(header) + "i4"
    texts = {}
    start = EXTENDER_BYTES
    while len(rest) >= start + EXTENSION_HEAD_BYTES and rest[0]:
        content_start = start + EXTENSION_HEAD_BYTES
        length, code = np.frombuffer(rest[start:content_start], integer_type).tolist()
        if length < EXTENSION_HEAD_BYTES:
            break
        content = rest[content_start : start + length].decode("latin-1")
        readable = "".join(letter if letter.isprintable() else " " for letter in content)
        texts[f"{EXTENSION_NAMES.get(code, code)} extension"] = " ".join(readable.split())
        start += length
    return texts


def get_byte_order(header: NiftiHeader) -> str:
    """Get the byte order of a header as NumPy writes it: ``<`` or ``>``.

    Args:
        header: any header.
    """
    is_little = int.from_bytes(header.raw[:4], "little") == get_header_size(header.raw)
    return "<" if is_little else ">"


def strip_text(header: NiftiHeader) -> NiftiHeader:
    """Strip a header of its free text and its extensions.

    Args:
        header: any header.
    """
    fields = parse_fields(header.raw)
    for name in TEXT_FIELDS:
        if name in list(fields):
            fields[name] = b""
    fields["vox_offset"] = get_header_size(header.raw) + EXTENDER_BYTES
    return replace(header, raw=fields.binaryblock + bytes(EXTENDER_BYTES))
