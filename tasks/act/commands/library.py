"""Adds files to the library of the dashboard, and removes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from tansaku.models.domain.accounts import Accounts, Actor
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.library import ENDINGS, FileLibrary, LibraryFile, is_file_name, kind_of
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import FileKind
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.web import LibrarySpec
from tansaku.models.domain.structure_files import CIF_ENDINGS, is_poscar
from tansaku.tasks.act.commands.audit import Change, record_change

_MEGABYTE = 1 << 20
_HEAD = 1 << 16
_PARQUET = b"PAR1"


@dataclass(frozen=True)
class LibraryDesk:
    """Adds and removes files of the library.

    Attributes:
        library: The list.
        artifacts: The content.
        store: Campaigns that may name files.
        registry: Models and data sets that may.
        accounts: The audit.
        limits: How much it may hold.
        structures: Limits of the machine for files of structures.
        parse: Reads a file in a process with limits; raises where it is none of its kind.
        clock: Current time, aware.
    """

    library: FileLibrary
    artifacts: ArtifactStore
    store: CampaignStore
    registry: Registry
    accounts: Accounts
    limits: LibrarySpec
    structures: LimitsSpec
    parse: Callable[[Path], None]
    clock: Callable[[], datetime]

    @property
    def largest(self) -> int:
        """Size of the largest file [bytes]."""
        return self.limits.file * _MEGABYTE

    def add(self, actor: Actor, name: str, file: Path) -> tuple[LibraryFile, bool]:
        """Adds a file.

        Args:
            file: The content, as it was received; it is renamed.

        Returns:
            The file, and whether it is new. A known one of the same content keeps its name; this one means it too.

        Raises:
            FieldError: The name or content is none of a kind that campaigns read, or the library is full.
            TransientError: Too many files are being parsed.
        """
        kind, size = self._kind(name), file.stat().st_size
        self._check_room(name, size)
        self._check(name, kind, file)
        if self.library.file(file_sha256(file)) is None:
            file = file.rename(file.with_name(name))
            self.parse(file)
        sha256 = self.artifacts.put(file)
        now = self.clock()
        entry = LibraryFile(sha256=sha256, name=name, kind=kind, size=size, user=actor.name, created_at=now)
        known = self.library.file(sha256)
        if known is not None and known.kind != kind:
            return known, False
        uploads = () if known is None else known.every_upload
        if (actor.name, name) not in [(upload.user, upload.name) for upload in uploads]:
            after: JsonDict = {"name": name, "kind": kind, "size": size}
            record_change(self.accounts, actor, Change("file.add", f"file:{sha256}", after=after), now)
        return self.library.add_file(entry), known is None

    def remove(self, actor: Actor, sha256: str) -> None:
        """Removes a file that no campaign names; its content is deleted when artifacts are swept.

        Args:
            actor: An admin.

        Raises:
            NotFoundError: There is no such file.
            StoreError: A campaign, data set or model names it.
        """
        file = self.library.file(sha256)
        if file is None:
            raise NotFoundError(f"no file {sha256!r} is in the library")
        for part in (self.store, self.registry):
            if any(sha256 == named for named in part.named_artifacts()):
                raise StoreError(f"{file.name}: a campaign, data set or model uses it", hint="delete that first")
        before: JsonDict = {"name": file.name, "kind": file.kind, "size": file.size, "user": file.user}
        record_change(self.accounts, actor, Change("file.remove", f"file:{sha256}", before=before), self.clock())
        self.library.remove_file(sha256)

    def _kind(self, name: str) -> FileKind:
        if not is_file_name(name):
            raise FieldError("name", "expected up to 100 letters, digits and ._+-, the first a letter or digit")
        kind = kind_of(name)
        if kind is None:
            known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
            raise FieldError("name", f"{name!r} has none of the endings {known}")
        return kind

    def _check(self, name: str, kind: FileKind, file: Path) -> None:
        """Refuses files that are plainly of another kind."""
        binary = kind == "model" or name.lower().endswith((".parquet", ".pq"))
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
            has_nul = not binary and any(b"\0" in part for part in chain((head,), iter(lambda: stream.read(_HEAD), b"")))
        if not head:
            raise FieldError("content", "the file is empty")
        if has_nul:
            raise FieldError("content", f"{name!r} is not a text")
        if binary and kind == "table" and not head.startswith(_PARQUET):
            raise FieldError("content", f"{name!r} is not a Parquet file")

    def _check_room(self, name: str, size: int) -> None:
        """Refuses what is too large, before it is parsed."""
        one_crystal = name.lower().endswith(CIF_ENDINGS) or is_poscar(name)
        most = min(self.largest, self.structures.cif_bytes) if one_crystal else self.largest
        if size > most:
            raise FieldError("content", f"{size:,} bytes; expected at most {most:,}")
        files = self.library.files()
        if len(files) >= self.limits.files:
            raise FieldError("content", f"the library holds {len(files)} files, as many as it may; an admin can remove some")
        if sum(file.size for file in files) + size > self.limits.total * _MEGABYTE:
            raise FieldError("content", "the library is full; an admin can remove files")
