"""Pages of results: prose that is written by hand, and blocks of numbers that scripts replace.

A block stands between two comments, which readers of the page do not see::

    <!-- numbers: NAME -->
    | method | milliseconds |
    <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

BLOCK = re.compile(r"<!-- numbers: (?P<name>[\w-]+) -->\n.*?<!-- end -->", re.DOTALL)


def update_page(path: Path, blocks: Mapping[str, str]) -> None:
    """Replace the blocks of numbers on a page.

    Args:
        path: the Markdown file, which has the prose and every block.
        blocks: new text of each block, by its name; blocks that are not named stay as they are.

    Raises:
        KeyError: the page lacks one of the blocks.
    """
    text = path.read_text(encoding="utf-8")
    names = {match["name"] for match in BLOCK.finditer(text)}
    missing = sorted(set(blocks) - names)
    if missing:
        raise KeyError(f"{path.name} has no block {missing[0]!r}")

    def replace_block(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in blocks:
            return match[0]
        return f"<!-- numbers: {name} -->\n{blocks[name].strip()}\n<!-- end -->"

    path.write_text(BLOCK.sub(replace_block, text), encoding="utf-8")
