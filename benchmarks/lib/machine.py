"""The machine in the words that result files carry: what was computed on, never whose it is or where."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

ISA = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""The instructions that decide how fast a CPU multiplies float32 and bf16."""


def describe_machine(*packages: str) -> dict[str, Any]:
    """CPU, cores that this process may use, memory, and the versions of Python and of these packages."""
    names, flags = _read_cpuinfo("model name"), " ".join(_read_cpuinfo("flags")[:1]).split()
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "instructions": [name for name in ISA if name in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def count_busy_seconds() -> float:
    """CPU seconds that all processes of this machine have used since it started; 0 where Linux does not say."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return 0.0
    ticks = [int(word) for word in stat.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    idle, waiting = ticks[3:5]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def measure_resident_memory() -> dict[str, float]:
    """GiB of this process in memory: what it holds itself, and pages of files that the system can take back."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    found = {name: value.split() for name, _, value in (line.partition(":") for line in status)}
    return {word: int(found[f"Rss{key}"][0]) / 2**20 for word, key in (("own", "Anon"), ("files", "File"))}


def _read_cpuinfo(field: str) -> list[str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == field]
