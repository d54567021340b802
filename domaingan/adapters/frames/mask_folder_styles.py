"""Where the layout ``masks`` keeps the pictures, masks and instances of its samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from domaingan.adapters.frames.picture_files import list_pictures


class FrameFolders(NamedTuple):
    """Folders or paths of one kind of file each.

    Attributes:
        image: of the frames.
        mask: of their masks.
        instances: of their instances.
    """

    image: Path
    mask: Path
    instances: Path


@dataclass(frozen=True)
class FolderStyle:
    """One way to name the folders, relative to the dataset's folder.

    ``{}`` in a name stands for the first folder of a sample's name. A style without ``{}`` has the same folders for all
    samples.

    Attributes:
        image: folder of the frames.
        mask: folder of the masks.
        instances: folder of the instances.
        needs_masks: whether a folder of frames counts only beside one of masks.
    """

    image: str
    mask: str
    instances: str
    needs_masks: bool = True

    @property
    def has_split_folders(self) -> bool:
        """Whether the first folder of a sample's name is part of the folders' names."""
        return "{}" in self.image

    def find_folders(self, root: Path) -> Iterator[tuple[str, FrameFolders]]:
        """Find the folders that hold samples.

        Args:
            root: the dataset's folder.

        Yields:
            The first part of the samples' names (empty, or a folder and ``/``), and the folders. Those of frames
            exist. Those of masks exist, too, unless this style needs none; then there is a picture.
        """
        heads = [""]
        if self.has_split_folders:
            heads = [path.name for path in sorted(root.iterdir()) if path.is_dir()]
        for head in heads:
            folders = self._fill_in(root, head)
            if folders.image.is_dir() and self._is_complete(folders) and not head.startswith("."):
                yield f"{head}/" if head else "", folders

    def _is_complete(self, folders: FrameFolders) -> bool:
        if self.needs_masks:
            return folders.mask.is_dir()
        return any(list_pictures(folders.image, is_recursive=True))

    def build_stems(self, out: Path, name: str) -> FrameFolders:
        """Build the paths of a sample's files, without suffixes.

        Args:
            out: the dataset's folder.
            name: the sample's name.
        """
        head, rest = "", name
        if self.has_split_folders:
            head, _, rest = name.partition("/")
        folders = self._fill_in(out, head)
        return FrameFolders(folders.image / rest, folders.mask / rest, folders.instances / rest)

    def _fill_in(self, root: Path, head: str) -> FrameFolders:
        return FrameFolders(
            root / self.image.format(head),
            root / self.mask.format(head),
            root / self.instances.format(head),
        )


ANNOT_STYLE = "annot"
"""The style of ``train/`` and ``trainannot/``, in which the first folder is always a split."""

FOLDER_STYLES = {
    "images": FolderStyle("images", "masks", "instances"),
    "folders": FolderStyle("{}/images", "{}/masks", "{}/instances"),
    ANNOT_STYLE: FolderStyle("{}", "{}annot", "{}instances"),
    "unlabelled": FolderStyle("images", "masks", "instances", needs_masks=False),
}
"""The styles by name, in the order in which they are looked for. New samples are written in the first one. In the last
one no frame is labelled."""
