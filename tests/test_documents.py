"""README and pages: their links lead somewhere, their Python compiles, and the names and flags that they show exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

import domaingan as dg
from domaingan.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/results/*.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def read_blocks(page: Path, language: str) -> list[str]:
    """Read the code blocks of a page that are in a language; "" for commands of the shell."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for name, code in blocks if name == language]


def read_commands(page: Path) -> list[list[str]]:
    """Read the words of every ``domaingan`` command in the page's shell blocks; lines that go on are joined."""
    commands = []
    for block in read_blocks(page, ""):
        for line in block.replace("\\\n", " ").splitlines():
            words = line.partition("#")[0].split()
            if words and words[0] == "domaingan":
                commands.append(words[1:])
    return commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_compiles_and_uses_public_names(page: Path) -> None:
    for code in read_blocks(page, "python"):
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "dg":
                assert node.attr in dg.__all__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_flags_exist(page: Path) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for command_name, *words in read_commands(page):
        command = group.commands[command_name]
        flags = {flag for parameter in command.params for flag in parameter.opts}
        used = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert [flag for flag in used if flag not in flags] == []


def test_the_checks_see_what_is_wrong(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](nowhere.md)\n\n```\ndomaingan train DATA \\\n    --nonsense 1  # why\n```\n", encoding="utf-8")
    assert LINK.findall(page.read_text(encoding="utf-8")) == ["nowhere.md"]
    assert read_commands(page) == [["train", "DATA", "--nonsense", "1"]]
