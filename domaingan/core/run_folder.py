"""The folder of a long run: begun with a config that a resumed run must share, or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domaingan.core.errors import DataError
from domaingan.core.files import LOCK_FILE, clear_folder, refuse_existing_folder, write_json
from domaingan.core.reading import read_json_object


@dataclass(frozen=True)
class RunFolder:
    """The folder of a training, an evaluation, or another run that can be resumed.

    Attributes:
        path: the folder.
        config_file: name of the file with the run's settings, below the folder. Where it is, a run was begun.
    """

    path: Path
    config_file: str = "config.json"

    @property
    def config_path(self) -> Path:
        """The file with the run's settings."""
        return self.path / self.config_file

    @property
    def is_filled(self) -> bool:
        """Whether anything but the writer's lock is in the folder."""
        return self.path.is_dir() and any(path.name != LOCK_FILE for path in self.path.iterdir())

    def start(self, *, resume: bool, overwrite: bool) -> bool:
        """Start a run: go on with the one that was begun here, or make the folder empty.

        Args:
            resume: whether a run that was begun goes on.
            overwrite: whether a run that was begun is removed.

        Returns:
            Whether a run goes on. Its settings are then still to be checked.

        Raises:
            DataError: the folder is taken and neither is asked for; there is something in it, but no run; or it is a
                file.
        """
        is_begun = self.config_path.is_file()
        if resume and is_begun:
            return True
        if resume and self.is_filled:
            raise DataError("nothing to resume", path=self.path, expected=f"a folder with {self.config_file}")
        refuse_existing_folder(self.path, overwrite=overwrite)
        if self.path.is_file():
            raise DataError("a file", path=self.path, expected="a folder")
        if self.is_filled and not is_begun:  # what no run wrote is not removed
            expected = f"one with {self.config_file} to overwrite, or a new one"
            raise DataError("not the folder of a run", path=self.path, expected=expected)
        clear_folder(self.path)
        return False

    def check_config(
        self,
        config: Mapping[str, Any],
        changeable: Collection[str] = (),
        change_messages: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse to go on with a run that was begun with other settings.

        Args:
            config: the settings, in types that JSON has.
            changeable: names of settings that may differ.
            change_messages: what to say of settings whose values mean nothing to a person, such as checksums.
            defaults: what a setting was that the stored config does not have, as it is from an earlier version.

        Raises:
            DataError: a setting differs, or the stored config is damaged.
        """
        stored = {**(defaults or {}), **read_json_object(self.config_path)}
        for name, value in config.items():
            if name in changeable or stored.get(name) == value:
                continue
            if change_messages and name in change_messages:
                expected = "the same, or --overwrite to begin anew"
                raise DataError(change_messages[name], path=self.config_path, expected=expected)
            expected = f"{stored.get(name)!r}, as the run began"
            raise DataError(f"{name} {value!r}", path=self.config_path, expected=expected)

    def prepare(
        self,
        config: Mapping[str, Any],
        changeable: Collection[str] = (),
        *,
        resume: bool,
        overwrite: bool,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        """Start a run, and write its settings into the folder.

        Args:
            config: the settings, in types that JSON has.
            changeable: names of settings that a resumed run may change.
            resume: whether an interrupted run goes on; all other settings must be the same.
            overwrite: whether an existing run is removed.
            defaults: as of :meth:`check_config`.

        Raises:
            DataError: as :meth:`start` and :meth:`check_config`.
        """
        if self.start(resume=resume, overwrite=overwrite):
            self.check_config(config, changeable, defaults=defaults)
        write_json(self.config_path, config)
