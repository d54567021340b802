from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "monai", "matplotlib", "albumentations", "scipy", "skimage", "cv2", "lightning"}
CHECK = "import sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
HELP = "from domaingan.cli import main; sys.argv = ['domaingan', '--help']\ntry: main()\nexcept SystemExit: pass\n"


def loaded_by(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_the_check_sees_a_heavy_import() -> None:
    assert "scipy" in loaded_by(f"import scipy; {CHECK}")


@pytest.mark.parametrize("code", ["import domaingan", f"import sys\n{HELP}"], ids=["import", "--help"])
def test_nothing_heavy_is_imported(code: str) -> None:
    loaded = loaded_by(f"{code}\n{CHECK}")
    assert "domaingan" in loaded
    assert not loaded & HEAVY
