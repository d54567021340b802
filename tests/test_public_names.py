"""Every name of ``domaingan`` is what it seems: it has a signature, a help page, and it travels to another process."""

from __future__ import annotations

import inspect
import pickle
import pydoc
import subprocess
import sys
from types import ModuleType

import pytest

import domaingan as dg

MODULES = ("albumentations", "monai")
"""These names are modules: they have no signature and cannot be pickled."""

OBJECTS = [name for name in dg.__all__ if name not in MODULES and not name.startswith("__")]

CHECK_FIRST_ACCESS = """
import inspect, pickle, pydoc
import domaingan as dg

found = getattr(dg, {name!r})
assert not isinstance(found, type(dg)), "it is a module"
inspect.signature(found)
assert pickle.loads(pickle.dumps(found)) is found
assert {name!r} in pydoc.render_doc(found)
assert getattr(dg, {name!r}) is found, "the second access gives another object"
print("fine")
"""


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_has_a_signature_with_names_for_its_arguments(name: str) -> None:
    parameters = inspect.signature(getattr(dg, name)).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    assert parameters
    assert inspect.Parameter.VAR_POSITIONAL not in kinds


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_is_pickled_as_itself(name: str) -> None:
    found = getattr(dg, name)
    assert pickle.loads(pickle.dumps(found)) is found


@pytest.mark.parametrize("name", [*OBJECTS, *MODULES])
def test_a_public_name_has_a_help_page(name: str) -> None:
    found = getattr(dg, name)
    page = pydoc.plain(pydoc.render_doc(found))
    assert found.__name__ in page.splitlines()[0]
    assert found.__doc__


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_is_the_same_after_every_room_is_imported(name: str) -> None:
    before = getattr(dg, name)
    for room in ("corruptions", "evaluation", "report", "robustness_eval"):
        __import__(f"domaingan.{room}")
    assert getattr(dg, name) is before
    assert not isinstance(before, ModuleType)


@pytest.mark.parametrize("name", ["corrupt", "DataError"])
def test_it_holds_at_first_access_in_a_new_process(name: str) -> None:
    code = CHECK_FIRST_ACCESS.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "fine"


def test_it_holds_at_first_access_of_what_needs_torch() -> None:
    names = ["evaluate", "robustness", "show", "GAN", "Paste", "crops"]
    code = "\n".join(CHECK_FIRST_ACCESS.format(name=name) for name in names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["fine"] * len(names)
