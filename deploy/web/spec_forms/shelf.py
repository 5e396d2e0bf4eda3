"""Files of the library as a user's forms name and read them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.library import FileLibrary, LibraryFile
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.specs.base import FileKind, NamesFile
from tansaku.models.domain.wording import first_twice
from tansaku.tasks.act.checks.policy import library_file, names_of_files
from tansaku.tasks.ground.formats.csv_text import first_rows, heading_of

MOST_COLUMNS = 200


@dataclass(frozen=True)
class Shelf:
    """Files that a user's specs may name.

    Attributes:
        library: The list of the files.
        artifacts: Their content.
        user: Name of the user.
    """

    library: FileLibrary
    artifacts: ArtifactStore
    user: str

    def names(self, kind: FileKind) -> Sequence[str]:
        """Names of the files of a kind, the user's own first."""
        return self._names.setdefault(kind, names_of_files(kind, self.library, self.user))

    @cached_property
    def _names(self) -> dict[FileKind, list[str]]:
        return {}

    def first_cells(self, name: str) -> Mapping[str, Sequence[str]]:
        """The first cells of each column of the table that a spec of this user means. Raises FieldError."""
        if name not in self._cells:
            self._cells[name] = self._read(name)
        return self._cells[name]

    @cached_property
    def _cells(self) -> dict[str, Mapping[str, Sequence[str]]]:
        return {}

    def is_molecule(self, name: str) -> bool:
        """Whether an XYZ file that a spec of this user means gives no cell; not if there is no such file."""
        found = library_file(name, NamesFile("structure"), self.library, self.user)
        if not isinstance(found, LibraryFile):
            return False
        with tempfile.TemporaryDirectory() as folder:
            path = self.artifacts.get(found.sha256, Path(folder) / "structure.xyz")
            with path.open(encoding="utf-8-sig", errors="replace") as lines:
                next(lines, "")
                return "lattice=" not in next(lines, "").lower()

    def _read(self, name: str) -> Mapping[str, Sequence[str]]:
        found = library_file(name, NamesFile("table"), self.library, self.user)
        if not isinstance(found, LibraryFile):
            raise FieldError("space.candidates", str(found))
        if not found.name.lower().endswith(".csv"):
            raise FieldError("space.candidates", f"{name}; expected a file that ends in .csv")
        with tempfile.TemporaryDirectory() as folder:
            path = self.artifacts.get(found.sha256, Path(folder) / "table.csv")
            columns = heading_of(path)
            if not columns or len(columns) > MOST_COLUMNS:
                raise FieldError(
                    "space.candidates", f"expected names of 1 to {MOST_COLUMNS} columns in the first line of {name}"
                )
            if (twice := first_twice(columns)) is not None:
                raise FieldError("space.candidates", f"{name} has two columns named {twice!r}; give them different names")
            rows = first_rows(path)
        return {column: [row[place] for row in rows if place < len(row)] for place, column in enumerate(columns)}
