"""Several runs on one page: what keeps them from being compared is said before any number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inprocess import refused, run

from domaingan.core.errors import DataError
from domaingan.report import write_runs_page

FakeRun = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def two_runs(fake_run: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("first", "second"):
        fake_run(folder / name, pictures=False)
    return folder / "first", folder / "second"


def change(runs: tuple[Path, Path], tmp_path: Path, name: str, key: str, value: Any) -> list[Path]:
    """Copy both runs, with one key of the second changed."""
    copies = []
    for number, folder in enumerate(runs):
        copy = tmp_path / folder.name
        copy.mkdir()
        for file in ("result.json", "config.json"):
            content = json.loads((folder / file).read_text())
            if file == name and number == 1:
                content[key] = value
            (copy / file).write_text(json.dumps(content))
        copies.append(copy)
    return copies


def test_equal_runs_are_comparable(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    found = write_runs_page(two_runs, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert (found.faults, found.cautions) == ([], [])
    assert "test the same people with the same settings" in page
    row = page[page.index('<th scope="row">gan+classic</th>') :]
    cells = row[: row.index("</tr>")].split("<td>")[1:]
    assert len(cells) == 2 and cells[0] == cells[1] and "to classic" in cells[0] and "better" in cells[0]


@pytest.mark.parametrize(
    ("name", "key", "value", "text"),
    [
        ("config.json", "data", "elsewhere", "other data (elsewhere and phantom:medical)"),
        ("result.json", "task", "detection", "another task (detection and segmentation)"),
        ("result.json", "classes", {"other": 1}, "other classes"),
        ("result.json", "unit", "sample", "another unit of the test (sample and –)"),
        ("result.json", "subjects", [f"x{n}" for n in range(24)], "other test subjects: 0 of them in both, 24 and 24"),
    ],
)
def test_runs_of_different_tests(
    two_runs: tuple[Path, Path], tmp_path: Path, name: str, key: str, value: Any, text: str
) -> None:
    runs = change(two_runs, tmp_path, name, key, value)
    found = write_runs_page(runs, tmp_path / "page.html")
    assert any(text in fault and fault.startswith("second and first: ") for fault in found.faults)
    page = (tmp_path / "page.html").read_text()
    assert "These 2 runs cannot be compared with each other" in page and "compare inside a column alone" in page


@pytest.mark.parametrize(
    ("name", "key", "value", "text"),
    [
        ("config.json", "steps", 700, "another setting of steps (700 and 600)"),
        ("config.json", "new_setting", 3, "another setting of new setting (3 and –)"),
        ("result.json", "trainings", [{"fold": 0, "seed": 0}], "1 training and 6 trainings of each arm"),
        ("result.json", "train_subjects", [["z"]], "trained on other people"),
    ],
)
def test_what_else_differs_is_listed(
    two_runs: tuple[Path, Path], tmp_path: Path, name: str, key: str, value: Any, text: str
) -> None:
    runs = change(two_runs, tmp_path, name, key, value)
    found = write_runs_page(runs, tmp_path / "page.html")
    assert found.faults == [] and any(text in caution for caution in found.cautions)


def test_another_measure_is_a_fault(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    primary = json.loads((two_runs[0] / "result.json").read_text())["primary"] | {"metric": "dice:oedema"}
    runs = change(two_runs, tmp_path, "result.json", "primary", primary)
    found = write_runs_page(runs, tmp_path / "page.html")
    assert found.faults == ["second and first: another measure (Dice, oedema and Dice, enhancing)."]


def test_an_older_run_is_named(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    runs = change(two_runs, tmp_path, "result.json", "format", 2)
    found = write_runs_page(runs, tmp_path / "page.html")
    assert any("results of different versions" in caution for caution in found.cautions)


def test_the_command(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    runs = change(two_runs, tmp_path, "config.json", "data", "elsewhere")
    page = tmp_path / "page.html"
    names = list(map(str, runs))
    code, out, err = run("report", *names, "--out", page, "--json")
    assert code == 0 and "not comparable: second and first: other data" in err
    answer = json.loads(out.splitlines()[-1])
    assert answer["report"] == str(page) and len(answer["faults"]) == 1
    for arguments, text in (
        ([*names, "--out", page], "it exists"),
        (names, "expected --out PAGE.html"),
        ([names[0], "--out", page], "expected several runs"),
        ([names[0], names[0], "--out", page, "--overwrite"], "named twice"),
        ([names[0], tmp_path / "none", "--out", page, "--overwrite"], "no such folder"),
    ):
        assert text in refused("report", *arguments)


def test_one_run_alone_is_not_compared(two_runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least two"):
        write_runs_page(two_runs[:1], tmp_path / "page.html")
    (tmp_path / "result.json").write_text('{"kind": "robustness"}')
    with pytest.raises(DataError, match="no evaluation"):
        write_runs_page([two_runs[0], tmp_path], tmp_path / "page.html")
