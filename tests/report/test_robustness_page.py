"""The report of a robustness run: what it says, that it loads nothing, and how a browser shows it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from domaingan import phantoms
from domaingan.core.errors import DataError
from domaingan.data import Dataset
from domaingan.metrics.detections import Detections
from domaingan.report import write_report
from domaingan.robustness_eval import robustness
from domaingan.robustness_eval.model_under_test import ModelTask

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")


class Wavering:
    """Finds the first frame's objects in every picture, less well the brighter it is."""

    has_fixed_classes = True

    def __init__(self, data: Dataset, task: ModelTask) -> None:
        self.name, self.task, self.sample = f"wavering-{task}", task, data[0]
        self.classes = {"person" if n == "pedestrian" else n: v for n, v in data.schema.classes.items()} | {"zebra": 99}

    def predict(self, image: NDArray[np.uint8]) -> Any:
        assert self.sample.mask is not None and self.sample.boxes is not None and self.sample.labels is not None
        shift = int(image.mean()) // 20
        if self.task == "segmentation":
            return np.roll(self.sample.mask, shift, axis=1)
        boxes = self.sample.boxes + np.float32(shift / 4)
        return Detections(boxes, np.full(len(boxes), 0.6, np.float32), self.sample.labels)

    def describe(self) -> list[str]:
        return ["read as <invented>: (1, 84, 8400)"]


def make(out: Path, task: ModelTask) -> Path:
    data = phantoms.load_phantom("driving", sequences=3, frames=1, shape=(60, 100)).load_into_memory()
    command = "domaingan robustness phantom:driving --model python:wavering:look --out runs/a-long-name-of-a-run-folder"
    robustness(data, Wavering(data, task), out, mapping={"person": "pedestrian"}, severities=(1, 3), command=command)
    write_report(out)
    return out


@pytest.fixture(scope="module", params=["detection", "segmentation"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("robust") / "run", request.param)


@pytest.fixture
def page(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def test_it_says_what_was_found(run: Path, page: str) -> None:
    result = json.loads((run / "result.json").read_text())
    title = re.search(r"<h1>(.*?)</h1>", page)
    assert title is not None and f"keeps {100 * result['rpc']:.0f} % of its" in title[1]
    for name, row in result["table"].items():
        assert name.replace("_", " ") in page
        assert all(f">{100 * value:.1f}</td>" in page for value in row)
    for text in ("noise", "blur", "weather", "digital", "read as &lt;invented&gt;", "By class", "<td>pedestrian</td>"):
        assert text in page
    assert (
        re.search(r"\d+ more class(es)? of the model", page)
        and "zebra" in page
        and html.escape("domaingan robustness phantom") in page
    )
    assert page.count("<img ") == 1 + 1 + 15 and page.count("data:image/jpeg;base64,") == 17
    assert page.count('alt="') == 17 and "<svg role" in page


def test_the_page_loads_nothing_and_is_written_the_same_again(run: Path, page: str) -> None:
    assert not re.search(r"https?:|//[a-z]+\.", re.sub(r"data:image/jpeg;base64,[\w+/=]+", "", page))
    assert "<script" not in page
    assert write_report(run).read_text(encoding="utf-8") == page


def test_colours_follow_what_is_lost(page: str) -> None:
    shades = [float(shade) for shade in re.findall(r"rgba\(217, 118, 43, ([\d.]+)\)", page)]
    assert len(shades) == 15 * 3 and 0 <= min(shades) < max(shades) <= 0.64


def test_a_run_without_scores_or_pictures(run: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare)
    (bare / "pictures.npz").unlink()
    result = json.loads((bare / "result.json").read_text())
    result |= {"clean": None, "mpc": None, "rpc": None, "table": {name: [None, None] for name in result["table"]}}
    (bare / "result.json").write_text(json.dumps(result))
    text = write_report(bare).read_text(encoding="utf-8")
    assert "cannot be said" in text and "<img" not in text and "<svg" not in text
    result |= {"clean": 0.0, "mpc": 0.0, "table": {name: [0.0, 0.0] for name in result["table"]}}
    (bare / "result.json").write_text(json.dumps(result))
    assert "finds nothing on clean frames" in write_report(bare).read_text(encoding="utf-8")


def test_a_result_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"kind": "robustness", "clean": 1}')
    with pytest.raises(DataError, match="no 'mpc'; expected the result of a robustness run"):
        write_report(tmp_path)


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [400, 1200])
def test_a_browser_shows_it_whole(run: Path, page: str, tmp_path: Path, width: int) -> None:
    # A headless window is never narrower than about 500 pixels: a frame of the wanted width is.
    (tmp_path / "inner.html").write_text(page, encoding="utf-8")
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<!doctype html><iframe src="inner.html" style="width: {width}px; height: 900px; border: 0"></iframe><script>'
        'window.addEventListener("load", () => setTimeout(() => { const d = frames[0].document;'
        "const broken = [...d.images].filter(i => !i.naturalWidth).length;"
        "document.title = `width=${d.documentElement.scrollWidth} broken=${broken}`; }, 200));</script>"
    )
    done = browse(
        tmp_path, outer, "--allow-file-access-from-files", "--dump-dom", "--virtual-time-budget=4000"
    )  # fmt: skip
    found = re.search(r"<title>width=(\d+) broken=(\d+)", done.stdout)
    assert found is not None, done.stdout[-500:]
    assert int(found[1]) <= width and found[2] == "0" and "CONSOLE" not in done.stderr


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
def test_a_screenshot_is_not_empty(run: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    browse(tmp_path, run / "report.html", "--window-size=1200,2000", f"--screenshot={shot}")
    assert np.asarray(Image.open(shot).convert("L")).std() > 10


def browse(folder: Path, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]
    command = [BROWSER, *quiet, f"--user-data-dir={folder / 'profile'}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
