"""Docstrings name what is there: parameters and attributes under Args and Attributes, and what they refer to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import domaingan

PACKAGE = Path(domaingan.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ENTRY = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*): ", re.MULTILINE)


def _list_names(docstring: str, section: str) -> list[str]:
    """List the names that a section of a docstring explains."""
    found = re.search(rf"^{section}:\n((?:    .*\n|\n)*)", docstring + "\n", re.MULTILINE)
    lines = ENTRY.findall(found.group(1)) if found else []
    return [name.lstrip("*") for line in lines for name in line.split(", ")]


def _list_parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    return [argument.arg for argument in named if argument is not None and argument.arg not in ("self", "cls")]


def _list_attributes(node: ast.ClassDef) -> set[str]:
    """List a class's fields, properties and what its methods set."""
    names = {
        part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }
    names |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    stored = (part for part in ast.walk(node) if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store))
    return names | {part.attr for part in stored}


def _find_stale_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and (explained := _list_names(ast.get_docstring(node) or "", "Args")):
            if set(explained) != set(_list_parameters(node)):
                yield f"line {node.lineno}, {node.name}: {explained}, but takes {_list_parameters(node)}"
        elif isinstance(node, ast.ClassDef):
            unknown = set(_list_names(ast.get_docstring(node) or "", "Attributes")) - _list_attributes(node)
            if unknown:
                yield f"line {node.lineno}, {node.name}: no attributes {sorted(unknown)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_explain_the_names_that_there_are(path: Path) -> None:
    assert list(_find_stale_names(path)) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('def f(a):\n    """Do.\n\n    Args:\n        b: it.\n    """', "line 1, f: ['b'], but takes ['a']"),
        (
            'class C:\n    """Hold.\n\n    Attributes:\n        x: it.\n    """\n    y: int',
            "line 1, C: no attributes ['x']",
        ),
    ],
)
def test_a_renamed_parameter_or_attribute_is_found(source: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "old.py"
    path.write_text(source)
    assert list(_find_stale_names(path)) == [said]
