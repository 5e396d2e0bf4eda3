"""Finished parts of an evaluation, from which a killed evaluation continues."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.records import JsonDict


@dataclass(frozen=True)
class Checkpoint:
    """A folder of finished parts; one file each, written aside, fsynced and renamed.

    Attributes:
        folder: Made when the first part is saved; None: nothing is kept.
        key: What the parts belong to: structure, settings and calculator. Parts of another key are not read.
    """

    folder: Path | None
    key: str

    def load(self, part: str) -> JsonDict | None:
        """Returns a finished part; None if it is not finished."""
        if self.folder is None:
            return None
        try:
            data: JsonDict = json.loads((self.folder / f"{part}.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return data["data"] if data.get("key") == self.key else None

    def save(self, part: str, data: JsonDict, atoms: Atoms | None = None) -> None:
        """Saves a part, and its structure as a separate file for inspection."""
        if self.folder is None:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if atoms is not None:
            aside = self.folder / f".{part}.{secrets.token_hex(4)}.extxyz"
            write_extended_xyz(aside, atoms)
            self._place(aside, f"{part}.extxyz")
        aside = self.folder / f".{part}.{secrets.token_hex(4)}.json"
        aside.write_text(json.dumps({"key": self.key, "data": data}, allow_nan=False))
        self._place(aside, f"{part}.json")

    def clear(self) -> None:
        """Deletes all parts: the evaluation has ended."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _place(self, aside: Path, name: str) -> None:
        handle = os.open(aside, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        aside.rename(aside.with_name(name))
