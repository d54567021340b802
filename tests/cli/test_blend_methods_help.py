"""The help of ``--method`` lists the methods and looks that there are."""

from __future__ import annotations

import pytest
from inprocess import run

from domaingan.blend.looks import FRAME_LOOKS, SCAN_LOOKS
from domaingan.blend.methods import METHODS
from domaingan.blend.methods.alpha import Alpha
from domaingan.cli.blend_methods_help import describe_methods


def test_every_method_and_look_is_described_once() -> None:
    crops, scenes = describe_methods().split("For scenes:")
    for text, names in ((crops, METHODS), (scenes, [*FRAME_LOOKS, *SCAN_LOOKS, "fda:BETA", "mix"])):
        words = text.replace(",", " ").replace(".", " ").split()
        assert all(words.count(name) == 1 for name in names)


def test_defaults_are_named_by_domain() -> None:
    text = describe_methods()
    for words in (
        "feather (default for scans)",
        "soft (default for frames)",
        "reinhard (default for frames)",
        "histogram (default for scans)",
    ):
        assert words in text


def test_the_help_of_the_command_shows_a_new_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "gossamer", Alpha)
    code, out, _ = run("blend", "--help")
    assert code == 0 and "gossamer" in out
