"""The report of a made-up run: what it says, that it loads nothing, and how a browser shows it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from domaingan.core.errors import DataError
from domaingan.report import write_report

FakeRun = Callable[..., dict[str, Any]]
Change = Callable[[Path], None]

ARMS = ["none", "classic", "copy-paste+classic", "gan+classic"]


@pytest.fixture(scope="module")
def helping(fake_run: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("report") / "run"
    fake_run(run)
    write_report(run)
    return run


def page_of(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(helping: Path) -> str:
    return (helping / "report.html").read_text(encoding="utf-8")


def title_of(page: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page)
    assert found is not None
    return html.unescape(found[1])


class _Structure(HTMLParser):
    """Collects tags with their attributes, and checks that they nest."""

    VOID = ("meta", "link", "img", "br", "path", "use", "line", "rect", "polygon")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def structure(page: str) -> _Structure:
    parser = _Structure()
    parser.feed(page)
    assert not parser.open
    return parser


def test_a_helping_arm_is_named_in_the_title_with_its_numbers(helping: Path, page: str) -> None:
    result = json.loads((helping / "result.json").read_text())
    assert result["verdict"] == "helps"
    points = f"{100 * result['primary']['mean']:.1f}"
    assert title_of(page) == f"gan+classic helps: Dice, enhancing is {points} points higher than with classic"
    assert "n = 8 test subjects and 6 trainings of each arm" in page and "95 % interval +" in page
    assert "Compared with copy-paste+classic, which needs no GAN" in page and "over subjects and trainings" in page
    assert "Compared with copy-paste+classic, which needs no GAN: " in page
    assert "of the people lose more than 3.0 points" in page and "who gains most, the difference is" in page


def test_tables_are_complete_and_accessible(helping: Path, page: str) -> None:
    seen = structure(page).seen
    tables = [attributes.get("id") for tag, attributes in seen if tag == "table"]
    assert tables == ["arms", "rivals", "scores", "differences", "subjects", "seeds"]
    assert all(attributes.get("scope") for tag, attributes in seen if tag == "th")
    assert all(attributes.get("alt") for tag, attributes in seen if tag == "img")
    assert all(attributes.get("aria-label") for tag, attributes in seen if tag == "svg")
    for arm in ARMS:
        assert page.count(html.escape(arm)) >= 4
    assert "could be chance" in page and "better" in page
    mean = json.loads((helping / "result.json").read_text())["arms"]["none"]["dice:oedema"]["mean"]
    assert f"{100 * mean:.1f}" in page


def test_the_page_loads_nothing(page: str) -> None:
    assert not re.search(r"https?:|//[a-z]+\.", re.sub(r"data:image/png;base64,[\w+/=]+", "", page))
    for _, attributes in structure(page).seen:
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("data:", "#"))
    assert "<script" not in page


def test_pictures_are_embedded_with_a_legend(page: str) -> None:
    assert page.count("data:image/png;base64,") == 5 * 3 + 3 * 5 + 5 * (2 + len(ARMS))
    for title in ("Hosts before and after a paste", "Real and generated", "Predictions beside the truth"):
        assert title in page
    assert "</span>enhancing" in page


def test_writing_again_gives_the_same_bytes(helping: Path, page: str) -> None:
    assert page_of(helping) == page


@pytest.mark.parametrize(
    ("options", "verdict", "title"),
    [
        ({"subjects": 9}, "cannot be shown", "cannot be shown with 3 test subjects (6 are needed)"),
        ({"seeds": 3}, "cannot be shown", "cannot be shown with 3 trainings of each arm (5 are needed)"),
        ({"effect": 0.0}, "no difference", "No difference was shown between gan+classic and classic"),
        ({"effect": -0.08}, "hurts", "gan+classic hurts: Dice, enhancing is"),
    ],
)
def test_other_verdicts(fake_run: FakeRun, tmp_path: Path, options: dict[str, Any], verdict: str, title: str) -> None:
    assert fake_run(tmp_path, pictures=False, **options)["verdict"] == verdict
    page = page_of(tmp_path)
    assert title in title_of(page)
    if "subjects" in options:
        assert "no p below 0.25 is possible" in page and "cannot be shown: 3 subjects" in page
    if "seeds" in options:
        assert "with --seeds 5 --resume" in page and "cannot be shown: 3 trainings" in page
    if verdict == "no difference":
        assert "the smallest that such a study would show in four of five cases" in page


def test_a_run_with_little_in_it_still_gets_a_page(fake_run: FakeRun, tmp_path: Path) -> None:
    result = fake_run(tmp_path, pictures=False)
    for name in ("training", "notes", "per_seed", "seconds", "kind", "reference", "classes", "format"):
        del result[name]
    for row in result["differences"].values():
        for change in row.values():
            del change["n"]
    del result["primary"]["n"]
    (tmp_path / "result.json").write_text(json.dumps(result))
    (tmp_path / "config.json").unlink()
    page = page_of(tmp_path)
    structure(page)
    assert "n = 8 test subjects" in page and "The command is not recorded" in page


def test_one_arm_alone_is_compared_with_nothing(fake_run: FakeRun, tmp_path: Path) -> None:
    result = fake_run(tmp_path, pictures=False)
    result |= {"differences": {}, "primary": None, "verdict": "cannot be shown"}
    result["arms"] = {"classic": result["arms"]["classic"]}
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert title_of(page_of(tmp_path)).startswith("Nothing was compared")


def test_a_class_that_no_test_subject_has(fake_run: FakeRun, tmp_path: Path) -> None:
    result = fake_run(tmp_path, pictures=False)
    none = {"mean": None, "ci": [None, None]}
    for row in result["arms"].values():
        row["dice:enhancing"] = none | {"values": [None] * 24}
    for row in result["differences"].values():
        row["dice:enhancing"] = none | {"p": None, "n": 0}
    result["primary"] |= none | {"p": None, "n": 0}
    result |= {"verdict": "cannot be shown", "smallest_p": 1.0}
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert "no test subject has Dice, enhancing" in title_of(page_of(tmp_path))


def test_an_older_result_shows_its_numbers_and_no_verdict(fake_run: FakeRun, tmp_path: Path) -> None:
    result = fake_run(tmp_path, pictures=False)
    for name in ("format", "trainings", "scores"):
        del result[name]
    (tmp_path / "result.json").write_text(json.dumps(result))
    page = page_of(tmp_path)
    structure(page)
    assert "Whether gan+classic helps cannot be shown" in title_of(page)
    assert "a verdict needs a new run" in page and "--resume" not in page


def test_an_older_result_with_few_seeds_is_advised_five(fake_run: FakeRun, tmp_path: Path) -> None:
    result = fake_run(tmp_path, pictures=False, seeds=3)
    for name in ("format", "trainings", "scores"):
        del result[name]
    (tmp_path / "result.json").write_text(json.dumps(result))
    assert "run it again with --seeds 5." in page_of(tmp_path)


def test_names_are_escaped(fake_run: FakeRun, tmp_path: Path) -> None:
    result = fake_run(tmp_path, pictures=False)
    result["subjects"][0] = "<script>alert(1)</script>"
    result["notes"] = ["a < b & c"]
    (tmp_path / "result.json").write_text(json.dumps(result))
    page = page_of(tmp_path)
    assert "<script" not in page and "a &lt; b &amp; c" in page


def _no_result(run: Path) -> None:
    (run / "result.json").unlink()


def _half_written(run: Path) -> None:
    (run / "result.json").write_text('{"arms": ')


def _unknown_kind(run: Path) -> None:
    (run / "result.json").write_text('{"kind": "horoscope"}')


def _another_result(run: Path) -> None:
    (run / "result.json").write_text('{"task": "segmentation"}')


def _truncated_pictures(run: Path) -> None:
    whole = (run / "pictures.npz").read_bytes()
    (run / "pictures.npz").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_no_result, "result.json: no such file"),
        (_half_written, "result.json: cannot be read as JSON"),
        (_unknown_kind, "kind 'horoscope'; expected one of evaluation"),
        (_another_result, "no 'arms'; expected the result of an evaluation"),
        (_truncated_pictures, "pictures.npz: cannot be read"),
    ],
)
def test_a_damaged_run_is_refused_in_one_line_and_keeps_its_report(
    helping: Path, tmp_path: Path, change: Change, message: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(helping, run)
    before = (run / "report.html").read_bytes()
    change(run)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        write_report(run)
    assert "\n" not in str(caught.value)
    assert (run / "report.html").read_bytes() == before


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        write_report(tmp_path / "absent")


# ---------------------------------------------------------------- in a browser

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")

PROBE = """<script>
window.addEventListener("error", e => document.documentElement.dataset.failed = e.message || "a resource", true);
window.addEventListener("load", () => {
  const root = document.documentElement, broken = [...document.images].filter(i => !i.naturalWidth).length;
  const fetched = performance.getEntriesByType("resource").filter(r => !r.name.startsWith("data:")).length;
  root.dataset.probe = [root.scrollWidth, innerWidth, broken, fetched].join();
});
</script>"""
"""Goes into a copy of the page: its width and the window's, broken images, and what was fetched."""


def browse(folder: Path, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [BROWSER, *quiet, profile, *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [400, 1200])
def test_a_browser_shows_it_whole_without_errors(page: str, tmp_path: Path, width: int) -> None:
    # A headless window is never narrower than about 500 pixels: a frame of the wanted width is.
    probed = tmp_path / "probed.html"
    probed.write_text(page.replace("<head>", "<head>" + PROBE, 1), encoding="utf-8")
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<!doctype html><iframe src="probed.html" style="width: {width}px; height: 900px; border: 0"></iframe><script>'
        'window.addEventListener("load", () => setTimeout(() => { const d = frames[0].document.documentElement.dataset;'
        "document.title = `probe=${d.probe} failed=${d.failed}`; }, 200));</script>"
    )
    done = browse(
        tmp_path,
        outer,
        "--window-size=1300,1000",
        "--allow-file-access-from-files",
        "--dump-dom",
        "--virtual-time-budget=4000",
    )
    found = re.search(r"<title>probe=(\d+),(\d+),(\d+),(\d+) failed=(\w+)", done.stdout)
    assert found is not None, done.stdout[-500:]
    scroll, inner, broken, fetched = map(int, found.groups()[:4])
    assert inner == width and scroll <= width, f"{scroll} pixels wide in a window of {inner}"
    assert broken == 0 and fetched == 0 and found[5] == "undefined"
    assert "CONSOLE" not in done.stderr


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
def test_a_screenshot_is_not_empty(helping: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    browse(tmp_path, helping / "report.html", "--window-size=1200,2000", f"--screenshot={shot}")
    pixels = np.asarray(Image.open(shot).convert("L"))
    assert pixels.shape == (2000, 1200) and pixels.std() > 10
