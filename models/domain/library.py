"""Files that users uploaded for campaigns: their records, and the port of the list of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Protocol

from pydantic import AwareDatetime, Field

from tansaku.models.domain.records import Count, Record
from tansaku.models.domain.specs.base import FileKind

FILE_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$"
"""Names of files of the library: never a path, never hidden."""

SHA256_PREFIX = "sha256:"
"""Before the hash where a spec names a file by its content."""

KEPT_PATTERN = rf"(?P<sha256>[0-9a-f]{{64}})/(?P<name>{FILE_NAME_PATTERN.strip('^$')})"
"""Paths of files that a database keeps, as the specs of stored campaigns name them."""

ENDINGS: Mapping[FileKind, tuple[str, ...]] = {
    "table": (".csv", ".parquet", ".pq"),
    "structure": (".cif", ".extxyz", ".xyz", ".vasp", ".poscar", ".json"),
    "potential": (".eam", ".alloy", ".setfl", ".fs"),
    "model": (".safetensors",),
}
"""Endings of file names by what the file holds; the readers go by the same endings."""


MOST_UPLOADS = 100
"""Further uploads of one content that are known."""


class Upload(Record):
    """A further upload of a file that the library has already, by another user or under another name."""

    user: str
    name: Annotated[str, Field(pattern=FILE_NAME_PATTERN)]
    created_at: AwareDatetime


class LibraryFile(Record):
    """A file of the library.

    Attributes:
        sha256: Of its content, which is in the artifact store; files of the same content have one record.
        name: As it was uploaded first.
        kind: What it holds.
        size: [bytes]
        user: Who uploaded it first.
        uploads: Further uploads, the last one of each user and name.
    """

    schema_version: Literal[1] = 1
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Field(pattern=FILE_NAME_PATTERN)]
    kind: FileKind
    size: Count
    user: str
    created_at: AwareDatetime
    uploads: Annotated[tuple[Upload, ...], Field(exclude_if=lambda uploads: not uploads)] = ()

    @property
    def every_upload(self) -> tuple[Upload, ...]:
        """All uploads, the first one included."""
        return (Upload(user=self.user, name=self.name, created_at=self.created_at), *self.uploads)

    @property
    def path(self) -> str:
        """Relative path of its copies, different for two files of the same name."""
        return f"{self.sha256}/{self.name}"


class FileLibrary(Protocol):
    """The list of the files. Their content stays in the artifact store as long as a campaign or this list refers to it."""

    def add_file(self, file: LibraryFile) -> LibraryFile:
        """Adds a file; returns the known one of the same content, with this upload."""
        ...

    def file(self, sha256: str) -> LibraryFile | None:
        """The file of this content, or None."""
        ...

    def files(self, name: str | None = None) -> list[LibraryFile]:
        """All, or those that were uploaded under a name, the newest first."""
        ...

    def remove_file(self, sha256: str) -> bool:
        """Removes a file from the list; returns whether it was there."""
        ...

    def named_artifacts(self) -> Iterator[str]:
        """The SHA-256 of every file, even if its record is unreadable."""
        ...


def kind_of(name: str) -> FileKind | None:
    """Kind of content of a file of this name; None: unknown ending."""
    lower = name.lower()
    return next((kind for kind, endings in ENDINGS.items() if lower.endswith(endings)), None)


def is_file_name(name: str) -> bool:
    """Returns whether a file of the library may have this name."""
    return re.fullmatch(FILE_NAME_PATTERN.strip("^$"), name) is not None
